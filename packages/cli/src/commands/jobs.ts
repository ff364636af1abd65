// What whoever runs Valora needs to see of its jobs, and to do when one is stuck.
import { listAll } from '@valora/client';
import { Job, type JobRun } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { wholeNumber } from '../arguments.ts';
import { EXIT, type Command, type ExitCode } from '../command.ts';
import { enumChoices, enumValue } from '../enum-names.ts';
import type { ValoraClient } from '@valora/client';
import { jobRunShape, setAsideShape } from '../shapes.ts';
import { answered, requestId, requestIdOption } from './shared-options.ts';

const RUN_MS = 10 * 60_000;
const CYCLE_MAX = 2 ** 31 - 1;

/** Runs a job now; answers its run. */
export async function runJob(operator: ValoraClient, job: Job): Promise<JobRun> {
  return answered((await operator.scheduler.runJob({ job }, { deadlineMs: RUN_MS })).jobRun, 'job run');
}

export function exitOf(runs: readonly JobRun[]): ExitCode {
  return runs.every(({ failedCount }) => failedCount === 0n) ? EXIT.OK : EXIT.PARTLY;
}

async function* first<Element>(elements: AsyncIterable<Element>, count: number): AsyncGenerator<Element> {
  let taken = 0;
  for await (const element of elements) {
    yield element;
    taken += 1;
    if (taken === count) return;
  }
}

export const jobCommands: readonly Command[] = [
  {
    name: 'jobs list',
    summary: 'Lists the last runs of the jobs, the latest first.',
    credential: 'the operator credential',
    options: { limit: { value: 'n', description: 'How many.', default: '50' } },
    run: (context, args) => context.output.list(first(listAll(context.operator().scheduler.listJobRuns, {}), args.integer('limit', { min: 1, max: 1_000_000 })), jobRunShape),
  },
  {
    name: 'jobs run',
    summary: 'Runs a job now, for every organization that has due work.',
    details: 'Ends with 3 when items failed; they are tried again later.',
    credential: 'the operator credential',
    positionals: [{ name: 'job', description: 'Which one.', choices: enumChoices(Job) }],
    async run(context, args) {
      const run = await runJob(context.operator(), enumValue(Job, args.positional('job')));
      await context.output.list([run], jobRunShape);
      return exitOf([run]);
    },
  },
  {
    name: 'jobs set-aside',
    summary: 'Lists the billing cycles whose runs failed ten times, each with its error. They wait for `jobs retry`.',
    credential: 'an API key',
    run: (context) => context.output.list(listAll(context.client().billingCycles.listSetAsideCycles, {}), setAsideShape),
  },
  {
    name: 'jobs retry',
    summary: 'Puts a billing cycle that is set aside back to work, when what it failed for is mended.',
    credential: 'an API key',
    positionals: [{ name: 'subscription', description: "The subscription's reference." }, { name: 'cycle', description: "The cycle's number." }],
    options: requestIdOption,
    async run(context, args) {
      const cycleIndex = wholeNumber('<cycle>', args.positional('cycle'), { min: 1, max: CYCLE_MAX });
      const cycle = { subscription: args.positional('subscription'), cycleIndex };
      await context.client().billingCycles.retryCycle({ requestId: requestId(args), cycle });
      context.output.value(() => cycle, () => [`Cycle ${cycleIndex} of ${cycle.subscription} is back at work.`]);
    },
  },
];
