// What a service's database costs it: connections, transactions, commits, repetitions, waits at the fence, and audit records as they are
// committed. Connections are named by the semantic conventions of OpenTelemetry (db.client.connection.*).
import { Counter, Histogram, type Registry } from 'prom-client';
import { collectedGauge } from './collected-metric.ts';

/** How many connections a pool has: pg.Pool is one. */
export interface ConnectionCounts {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

export type FenceMode = 'SHARED' | 'EXCLUSIVE';

/** Told what happens in one attempt of a transaction. */
export interface TransactionObserver {
  fenceWaited(mode: FenceMode, ms: number): void;
  /** So many audit records were appended; counted if the transaction commits. */
  audited(records: number): void;
}

export interface ObservedTransaction extends TransactionObserver {
  /** The commit of a transaction whose commit is ours to send. */
  commitTook(ms: number): void;
  ended(outcome: 'COMMITTED' | 'ROLLED_BACK'): void;
}

export interface DatabaseMetrics {
  /** An attempt begins: `PRISMA` for ordinary queries, `PG` for bulk SQL. */
  begin(client: 'PRISMA' | 'PG'): ObservedTransaction;
  /** A deadlock or serialization failure, after which the transaction runs again. */
  conflict(): void;
  unavailable(): void;
  observe(pool: ConnectionCounts, connectionsMax: number): void;
}

const MS_PER_SECOND = 1_000;
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export function createDatabaseMetrics(registry: Registry, service: string): DatabaseMetrics {
  const registers = [registry];
  const own = { valora_service: service };
  const histogram = (name: string, help: string, more: readonly string[] = []): Histogram =>
    new Histogram({ name, help, labelNames: ['valora_service', ...more], buckets: BUCKETS_SECONDS, registers });
  const counter = (name: string, help: string): Counter => new Counter({ name, help, labelNames: ['valora_service'], registers });
  const duration = histogram('valora_database_transaction_duration_seconds', 'How long an attempt of a transaction took, with the wait for its connection.', ['client', 'outcome']);
  const commit = histogram('valora_database_commit_duration_seconds', 'How long COMMIT took in transactions of bulk SQL: what the disk costs.');
  const fence = histogram('valora_fence_wait_seconds', 'How long a transaction took to hold the fence: SHARED to record, EXCLUSIVE to seal.', ['mode']);
  const conflicts = counter('valora_database_conflicts_total', 'Deadlocks and serialization failures, after which the transaction ran again.');
  const unavailable = counter('valora_database_unavailable_total', 'Transactions given up because the database could not be reached, or conflicts went on.');
  const audited = counter('valora_audit_records_total', 'Audit records committed.');
  const observe = observePool(registry, service);
  const fenceWaits = { SHARED: fence.labels({ ...own, mode: 'SHARED' }), EXCLUSIVE: fence.labels({ ...own, mode: 'EXCLUSIVE' }) };
  const commits = commit.labels(own);
  [conflicts, unavailable, audited].forEach((each) => each.inc(own, 0)); // there from the start, so that the first one is an increase

  return {
    begin(client) {
      const startMs = performance.now();
      let records = 0;
      return {
        fenceWaited: (mode, ms) => fenceWaits[mode].observe(ms / MS_PER_SECOND),
        audited: (count) => { records += count; },
        commitTook: (ms) => commits.observe(ms / MS_PER_SECOND),
        ended(outcome) {
          duration.observe({ ...own, client, outcome }, (performance.now() - startMs) / MS_PER_SECOND);
          if (outcome === 'COMMITTED') audited.inc(own, records);
        },
      };
    },
    conflict: () => conflicts.inc(own),
    unavailable: () => unavailable.inc(own),
    observe,
  };
}

function observePool(registry: Registry, service: string): (pool: ConnectionCounts, connectionsMax: number) => void {
  let observed: { readonly pool: ConnectionCounts; readonly connectionsMax: number } | undefined;
  const POOL = 'db_client_connection_pool_name';
  const STATE = 'db_client_connection_state';
  collectedGauge(registry, { name: 'db_client_connection_count', help: 'Connections to the database.', labelNames: [POOL, STATE] }, (metric) => {
    if (observed === undefined) return;
    const { totalCount, idleCount } = observed.pool;
    metric.set({ [POOL]: service, [STATE]: 'idle' }, idleCount);
    metric.set({ [POOL]: service, [STATE]: 'used' }, totalCount - idleCount);
  });
  const single = (name: string, help: string, value: (one: NonNullable<typeof observed>) => number): void => collectedGauge(registry, { name, help, labelNames: [POOL] }, (metric) => {
    if (observed !== undefined) metric.set({ [POOL]: service }, value(observed));
  });
  single('db_client_connection_max', 'Connections to the database that there may be.', ({ connectionsMax }) => connectionsMax);
  single('db_client_connection_pending_requests', 'Transactions that wait for a connection.', ({ pool }) => pool.waitingCount);
  return (pool, connectionsMax) => { observed = { pool, connectionsMax }; };
}
