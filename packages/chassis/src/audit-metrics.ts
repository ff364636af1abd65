// How far behind readers of the audit trail are. In records, not in time: a sandbox's records carry its own clock.
import type { Registry } from 'prom-client';
import { collectedGauge } from './collected-metric.ts';

export interface AuditTail {
  /** So many records are stored and not yet sent to this reader, as of its last look. */
  behind(records: number): void;
  end(): void;
}

export interface AuditMetrics {
  /** A reader begins to follow the trail. */
  tail(): AuditTail;
}

export function createAuditMetrics(registry: Registry, service: string): AuditMetrics {
  const tails = new Map<AuditTail, number>();
  const labels = { valora_service: service };
  const gauge = (name: string, help: string, value: () => number): void => collectedGauge(registry, { name, help, labelNames: ['valora_service'] }, (metric) => metric.set(labels, value()));
  gauge('valora_audit_tails', 'Open TailAuditLog calls.', () => tails.size);
  gauge('valora_audit_tail_lag_records', 'Audit records that the reader furthest behind has not been sent, as of its last look.', () => Math.max(0, ...tails.values()));
  return {
    tail() {
      const tail: AuditTail = { behind: (records) => void tails.set(tail, records), end: () => void tails.delete(tail) };
      tails.set(tail, 0);
      return tail;
    },
  };
}
