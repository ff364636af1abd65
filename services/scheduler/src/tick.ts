// The tick: every so often, each job once. When a tick falls makes no difference to any amount, only to how soon it is known.
// Ticks are due at a steady pace; one that begins late, for the one before took longer or the process is short of time, is
// late by the lag that is measured.
import { inSpan } from '@valora/chassis';
import type { JobDefinition } from './job.ts';
import { runJob, type RunJobDependencies } from './run-job.ts';

export interface Ticking {
  /** Begins no other batch. */
  quiesce(): void;
  /** Quiesces, and waits for the batch under way; one that takes long is broken off, for its leases are there for that. */
  stop(): Promise<void>;
}

const STOP_GRACE_MS = 5_000;

export function startTicking(
  dependencies: RunJobDependencies, { jobs, intervalMs, stopGraceMs = STOP_GRACE_MS }: { jobs: readonly JobDefinition[]; intervalMs: number; stopGraceMs?: number },
): Ticking {
  const { log, metrics, elapsedMs } = dependencies;
  const breakOff = new AbortController();
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function tick(): Promise<void> {
    for (const job of jobs) {
      if (stopping) return;
      await runJob(dependencies, job, { record: 'IF_ANYTHING', stopped: () => stopping, signal: breakOff.signal })
        .catch((error: unknown) => { if (!breakOff.signal.aborted) log.error('A job failed.', { job: job.name }, error); });
    }
  }

  function schedule(dueMs: number): void {
    timer = setTimeout(() => {
      const beginMs = elapsedMs();
      metrics.runloopLag(Math.max(0, beginMs - dueMs));
      running = inSpan('scheduler.tick', {}, tick).finally(() => {
        // Counted from when this one began: ticks that were missed are not made up for.
        if (!stopping) schedule(beginMs + intervalMs);
      });
    }, Math.max(0, dueMs - elapsedMs()));
  }
  schedule(elapsedMs() + intervalMs);

  function quiesce(): void {
    stopping = true;
    clearTimeout(timer);
  }

  return {
    quiesce,
    async stop() {
      quiesce();
      const late = setTimeout(() => breakOff.abort(), stopGraceMs);
      await running;
      clearTimeout(late);
    },
  };
}
