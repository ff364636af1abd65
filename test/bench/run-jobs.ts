// The scheduler's jobs, run when the bench says so.
import { SchedulerServiceService, type Job } from '@valora/contracts/valora/scheduler/v1/scheduler';
import type { BenchValora } from './bench-valora.ts';
import type { Round } from './report.ts';

/** Runs a job until it has done as much as was due. */
export async function runJobs({ operator }: Pick<BenchValora, 'operator'>, job: Job, due: number): Promise<Round> {
  const startMs = performance.now();
  for (let done = 0; done < due;) {
    const { jobRun } = await operator.stub(SchedulerServiceService).runJob({ job });
    if (jobRun === undefined || jobRun.processedCount === 0n || jobRun.failedCount > 0n) throw new Error(`after ${done} of ${due} the job went no further: ${jobRun?.error ?? ''}`);
    done += Number(jobRun.processedCount);
  }
  return { count: due, seconds: (performance.now() - startMs) / 1000 };
}
