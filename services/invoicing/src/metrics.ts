// What invoicing measures about closing and finalizing. Reasons are those of the documented table, alerts the three below.
import { Counter, Histogram, type Registry } from 'prom-client';
import type { StoredRun } from './billing-run.ts';

/** What must never be, is noticed, and is never repaired. */
export type BillingAlert =
  /** A stored run differs from its recomputation. */
  | 'RUN_DIGEST_MISMATCH'
  /** A defect, or facts that were tampered with, kept a run from being composed. */
  | 'RUN_NOT_COMPOSED'
  /** The last check set an invoice aside. */
  | 'INVOICE_SET_ASIDE';

/** A part of closing a batch of cycles. */
export type CloseStep = 'SEAL' | 'LOAD' | 'COMPOSE' | 'STORE';

export interface BillingMetrics {
  stepTook(step: CloseStep, ms: number): void;
  runsStored(runs: readonly StoredRun[]): void;
  runFailed(reason: string): void;
  finalized(invoices: number): void;
  alert(alert: BillingAlert): void;
}

const MS_PER_SECOND = 1_000;
const BUCKETS_SECONDS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000].map((ms) => ms / MS_PER_SECOND);
const ALERTS: readonly BillingAlert[] = ['RUN_DIGEST_MISMATCH', 'RUN_NOT_COMPOSED', 'INVOICE_SET_ASIDE'];

export function createBillingMetrics(registry: Registry): BillingMetrics {
  const registers = [registry];
  const steps = new Histogram({ name: 'valora_billing_step_duration_seconds', help: 'How long a step of closing a batch of cycles took.', labelNames: ['step'], buckets: BUCKETS_SECONDS, registers });
  const runs = new Counter({ name: 'valora_billing_runs_stored_total', help: 'Billing runs stored.', registers });
  const lines = new Counter({ name: 'valora_billing_lines_stored_total', help: 'Lines of billing runs stored.', registers });
  const failures = new Counter({ name: 'valora_billing_run_failures_total', help: 'Billing runs that could not be made, by reason.', labelNames: ['reason'], registers });
  const finalized = new Counter({ name: 'valora_invoices_finalized_total', help: 'Invoices that were given their number.', registers });
  const alerts = new Counter({ name: 'valora_billing_alerts_total', help: 'What must never be: a stored run that differs from its recomputation, a run that a defect stopped, an impossible invoice.', labelNames: ['alert'], registers });
  for (const alert of ALERTS) alerts.inc({ alert }, 0); // there from the start, so that the first one is an increase
  return {
    stepTook: (step, ms) => steps.observe({ step }, ms / MS_PER_SECOND),
    runsStored(stored) {
      runs.inc(stored.length);
      lines.inc(stored.reduce((total, run) => total + run.lines.length, 0));
    },
    runFailed: (reason) => failures.inc({ reason }),
    finalized: (invoices) => finalized.inc(invoices),
    alert: (alert) => alerts.inc({ alert }),
  };
}
