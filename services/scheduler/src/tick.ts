// The tick: every so often, each job once. When a tick falls makes no difference to any amount, only to how soon it is known.
import type { Log } from '@valora/chassis';
import { jobs } from './job.ts';
import { runJob, type RunJobDependencies } from './run-job.ts';

export interface Ticking {
  /** Stops after the batch under way. */
  stop(): Promise<void>;
}

export function startTicking(dependencies: RunJobDependencies & { readonly log: Log }, intervalMs: number): Ticking {
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function tick(): Promise<void> {
    for (const job of Object.values(jobs)) {
      if (stopping) return;
      await runJob(dependencies, job, { record: 'IF_ANYTHING', stopped: () => stopping })
        .catch((error: unknown) => dependencies.log.error('A job failed.', { job: job.name }, error));
    }
  }

  function schedule(): void {
    timer = setTimeout(() => {
      running = tick().finally(() => {
        if (!stopping) schedule();
      });
    }, intervalMs);
  }
  schedule();

  return {
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await running;
    },
  };
}
