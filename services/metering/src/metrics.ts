// What metering measures about ingest. What a transaction and its COMMIT take is measured with the database.
import { collectedGauge } from '@valora/chassis';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Outcome } from './batch-outcome.ts';
import type { IngestQueue } from './ingest-queue.ts';

export interface IngestMetrics {
  /** A request was answered, with these outcomes. */
  answered(outcomes: readonly { readonly kind: Outcome['kind'] }[]): void;
  /** Requests share a transaction. */
  committing(size: { readonly requests: number; readonly events: number }): void;
  observe(queue: IngestQueue): void;
}

const OUTCOMES = ['RECORDED', 'DUPLICATE', 'REFUSED'] as const;
const EVENTS_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
const REQUESTS_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

export function createIngestMetrics(registry: Registry): IngestMetrics {
  const registers = [registry];
  let observed: IngestQueue | undefined;
  const events = new Counter({ name: 'valora_ingest_events_total', help: 'Usage events that were answered, by outcome.', labelNames: ['outcome'], registers });
  for (const outcome of OUTCOMES) events.inc({ outcome }, 0);
  const requestEvents = new Histogram({ name: 'valora_ingest_request_events', help: 'Events of one RecordUsage request or StreamUsage batch.', buckets: EVENTS_BUCKETS, registers });
  const transactionEvents = new Histogram({ name: 'valora_ingest_transaction_events', help: 'Events of one ingest transaction.', buckets: EVENTS_BUCKETS, registers });
  const transactionRequests = new Histogram({ name: 'valora_ingest_transaction_requests', help: 'Requests that shared one ingest transaction (group commit).', buckets: REQUESTS_BUCKETS, registers });
  const waiting = { name: 'valora_ingest_waiting_events', help: 'Events that wait for a transaction, of all organizations.', labelNames: [] };
  collectedGauge(registry, waiting, (metric) => metric.set(observed?.waitingEvents() ?? 0));
  return {
    answered(outcomes) {
      requestEvents.observe(outcomes.length);
      for (const outcome of OUTCOMES) {
        const count = outcomes.filter(({ kind }) => kind === outcome).length;
        if (count > 0) events.inc({ outcome }, count);
      }
    },
    committing({ requests, events: count }) {
      transactionRequests.observe(requests);
      transactionEvents.observe(count);
    },
    observe: (queue) => { observed = queue; },
  };
}
