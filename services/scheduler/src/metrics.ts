// What the scheduler measures about its jobs, beside what every service does. Labels take few
// values (jobs, resources, error reasons), never an organization or a subscription. Seconds are for charts; no amount sees them.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Why work was left for a later run. */
export type Deferral =
  /** A cycle's run failed and is tried again. */
  | 'RETRY'
  /** An organization had more work than one turn takes; others have their turn first. */
  | 'TURN_ENDED'
  /** An organization was claimed and not reached before the job's time was over, or before the scheduler stopped. */
  | 'TIME_OVER';

export interface SchedulerMetrics {
  jobRan(job: string, durationMs: number): void;
  jobTimedOut(job: string): void;
  jobFailed(job: string, reason: string): void;
  processed(labels: { readonly job: string; readonly resource: string }, count: number): void;
  deferred(labels: { readonly job: string; readonly reason: Deferral }, count: number): void;
  runloopLag(lagMs: number): void;
}

const MS_PER_SECOND = 1_000;
const DURATION_BUCKETS_SECONDS = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 30_000, 60_000, 120_000].map((ms) => ms / MS_PER_SECOND);

export function createSchedulerMetrics(registry: Registry): SchedulerMetrics {
  const registers = [registry];
  const runs = new Counter({ name: 'valora_scheduler_job_runs_total', help: 'Runs of a job that ended, also those that failed.', labelNames: ['job'], registers });
  const duration = new Histogram({
    name: 'valora_scheduler_job_duration_seconds', help: 'How long a run of a job took.', labelNames: ['job'], buckets: DURATION_BUCKETS_SECONDS, registers,
  });
  const timeouts = new Counter({ name: 'valora_scheduler_job_timeouts_total', help: 'Runs of a job that reached their longest time and ended early.', labelNames: ['job'], registers });
  const errors = new Counter({ name: 'valora_scheduler_job_errors_total', help: 'Failures in a job: of a run of a cycle, of an organization, or of the job itself.', labelNames: ['job', 'reason'], registers });
  const processed = new Counter({ name: 'valora_scheduler_batch_processed_total', help: 'Items that were worked on.', labelNames: ['job', 'resource'], registers });
  const deferred = new Counter({
    name: 'valora_scheduler_batch_deferred_total', help: 'Work left for later: cycles that failed (RETRY), organizations with more than a turn takes (TURN_ENDED) or not reached (TIME_OVER).',
    labelNames: ['job', 'reason'], registers,
  });
  const lag = new Gauge({ name: 'valora_scheduler_runloop_lag_seconds', help: 'How much later than it should the last tick began.', registers });
  return {
    jobRan(job, durationMs) {
      runs.inc({ job });
      duration.observe({ job }, durationMs / MS_PER_SECOND);
    },
    jobTimedOut: (job) => timeouts.inc({ job }),
    jobFailed: (job, reason) => errors.inc({ job, reason }),
    processed: (labels, count) => processed.inc(labels, count),
    deferred: (labels, count) => deferred.inc(labels, count),
    runloopLag: (lagMs) => lag.set(lagMs / MS_PER_SECOND),
  };
}
