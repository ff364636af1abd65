// Closing what is due: in a sandbox by moving its clock, otherwise by running the jobs now instead of at the next tick.
import { status } from '@grpc/grpc-js';
import { CallError, type Timestamp, type ValoraClient } from '@valora/client';
import { AdvanceClockResponse, Job } from '@valora/contracts/valora/scheduler/v1/scheduler';
import type { Command } from '../command.ts';
import { protoJson } from '../proto-json.ts';
import { jobRunShape, time } from '../shapes.ts';
import { exitOf, runJob } from './jobs.ts';

const advanced = protoJson('valora.scheduler.v1.AdvanceClockResponse', AdvanceClockResponse);
const ADVANCE_MS = 5 * 60_000;

/** Moves a sandbox's clock; a call that takes too long is made again, which goes on where the first one was and counts from there. */
export async function advanceClock(client: ValoraClient, targetTime: Timestamp, signal?: AbortSignal): Promise<AdvanceClockResponse> {
  for (;;) {
    try {
      return await client.scheduler.advanceClock({ targetTime }, { deadlineMs: ADVANCE_MS, signal });
    } catch (error) {
      if (!(error instanceof CallError) || error.code !== status.DEADLINE_EXCEEDED || signal?.aborted === true) throw error;
    }
  }
}

export const closeCommands: readonly Command[] = [
  {
    name: 'close',
    summary: "Closes what is due: with --until a sandbox's clock is moved there, stopping wherever work is due; without it the jobs run now.",
    details: 'With --until it needs an API key with the scope admin, otherwise the operator credential. An earlier time than the clock\'s changes nothing; repeating is safe. The scheduler works beside it: what its own ticks close or finalize is not in the counts. Ends with 3 when items of a job failed.',
    credential: 'an API key or the operator credential',
    options: { until: { value: 'time', description: "Where the sandbox's clock is to stand (RFC 3339)." } },
    async run(context, args) {
      const targetTime = args.time('until');
      if (targetTime !== undefined) {
        const response = await advanceClock(context.client(), targetTime, context.stopSignal());
        return context.output.value(
          () => advanced.toJson(response),
          () => [`The clock stands at ${time(response.currentTime)}; ${response.closedCycleCount} cycles closed, ${response.finalizedInvoiceCount} invoices finalized.`]);
      }
      const operator = context.operator();
      const runs = [];
      for (const job of [Job.OPEN_CYCLES, Job.CLOSE_CYCLES, Job.ISSUE_INVOICES]) runs.push(await runJob(operator, job));
      await context.output.list(runs, jobRunShape);
      return exitOf(runs);
    },
  },
];
