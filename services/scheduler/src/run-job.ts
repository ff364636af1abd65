// One run of a job over every organization that has due work. Organizations are claimed with a lease, so replicas share
// them; each gets a bounded turn; one that fails is noted and left for a later run, and never stops its neighbours.
import { Fields, paged, parsePage, queryOne, sqlOf, timestampFromInstant, type Handlers, type Log, type OutgoingContext } from '@valora/chassis';
import { Job, type JobRun as JobRunMessage, type SchedulerServiceService } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { derivedId, instant, type Instant } from '@valora/rating';
import type { SchedulerDatabase } from './database.ts';
import { jobs, type JobDefinition } from './job.ts';
import type { Peers } from './peers.ts';

export interface RunJobDependencies {
  readonly peers: Peers;
  readonly database: SchedulerDatabase;
  readonly log: Log;
  /** Makes the ids of job runs, which are no billing facts. */
  readonly newUuid: () => string;
}

interface JobRun {
  readonly jobRunId: string;
  readonly job: string;
  readonly startTime: Instant;
  readonly endTime: Instant;
  readonly processedCount: bigint;
  readonly failedCount: bigint;
  readonly error: string;
}

const CLAIMS_PER_RUN_MAX = 1_000;
const ERROR_LENGTH_MAX = 500;
const CALL_MS = 120_000;
const RETRY_DELAY_MS = 30_000;

function contextFor(organizationId: string): OutgoingContext {
  return { organizationId, caller: { actor: 'service:scheduler' }, deadlineMs: Date.now() + CALL_MS, callDepth: 0 };
}

/** Runs a job until no organization has due work, or until `stopped`; stores and answers what was done. */
export async function runJob({ peers, database, log, newUuid }: RunJobDependencies, job: JobDefinition, { record, stopped }: { record: 'ALWAYS' | 'IF_ANYTHING'; stopped: () => boolean }): Promise<JobRun> {
  const startTime = await now(database);
  let processedCount = 0n, failedCount = 0n, firstError = '';
  const failed = (error: string): void => {
    failedCount += 1n;
    firstError ||= error.slice(0, ERROR_LENGTH_MAX);
  };
  for (let claims = 0; claims < CLAIMS_PER_RUN_MAX && !stopped(); claims += 1) {
    const organizationIds = await job.claimOrganizations(peers, contextFor(''));
    if (organizationIds.length === 0) break;
    for (const organizationId of organizationIds) {
      try {
        const done = await job.work(peers, contextFor(organizationId), RETRY_DELAY_MS);
        processedCount += BigInt(done.processedCount);
        done.failedRuns.forEach(({ subscription, cycleIndex, error }) => {
          failed(`${subscription} cycle ${cycleIndex}: ${error.reason}`);
          log.error('A billing run failed.', { organization: organizationId, subscription, cycle_index: cycleIndex, reason: error.reason, detail: error.message });
        });
        await job.release(peers, contextFor(organizationId));
      } catch (error) {
        // The organization's lease ends by itself; until then nobody hurries into the same failure.
        failed(error instanceof Error ? error.message : String(error));
        log.error('A job failed for an organization.', { job: job.name, organization: organizationId }, error);
      }
    }
  }
  const run = { jobRunId: derivedId('job', newUuid()), job: job.name, startTime, endTime: await now(database), processedCount, failedCount, error: firstError };
  if (record === 'ALWAYS' || processedCount > 0n || failedCount > 0n) await database.transactionAcrossOrganizations((tx) => tx.jobRun.create({ data: run }));
  return run;
}

async function now(database: SchedulerDatabase): Promise<Instant> {
  return await database.transactionAcrossOrganizations(async (tx) => instant((await queryOne<{ micros: bigint }>(sqlOf(tx), 'select now_micros() as micros')).micros));
}

/** The rpcs about jobs. */
export function jobHandlers(dependencies: RunJobDependencies): Pick<Handlers<typeof SchedulerServiceService>, 'runJob' | 'listJobRuns'> {
  return {
    async runJob({ signal }, request) {
      const fields = new Fields();
      const job = fields.choice('job', request.job, jobs);
      fields.check();
      return { jobRun: jobRunToProto(await runJob(dependencies, job, { record: 'ALWAYS', stopped: () => signal.aborted })) };
    },
    async listJobRuns(_context, request) {
      const page = parsePage(request, 2);
      const [micros, id] = page.after ?? [];
      const fields = new Fields();
      if (micros !== undefined && !/^-?\d{1,18}$/.test(micros)) fields.refuse('page_token', 'MALFORMED', 'Is not a token of this list. Send the next_page_token of the last response.');
      fields.check();
      const after = micros === undefined || id === undefined ? {} : { OR: [{ startTime: { lt: BigInt(micros) } }, { startTime: BigInt(micros), jobRunId: { gt: id } }] };
      const found = await dependencies.database.transactionAcrossOrganizations((tx) =>
        tx.jobRun.findMany({ where: after, orderBy: [{ startTime: 'desc' }, { jobRunId: 'asc' }], take: page.size + 1 }));
      const { rows, nextPageToken } = paged(found, page, ({ startTime, jobRunId }) => [String(startTime), jobRunId]);
      return { jobRuns: rows.map((row) => jobRunToProto({ ...row, startTime: instant(row.startTime), endTime: instant(row.endTime) })), nextPageToken };
    },
  };
}

function jobRunToProto({ jobRunId, job, startTime, endTime, processedCount, failedCount, error }: JobRun): JobRunMessage {
  const [number] = Object.entries(jobs).find(([, { name }]) => name === job) ?? [];
  return {
    jobRunId, processedCount, failedCount, error,
    job: Object.values(Job).find((value) => String(value) === number) ?? Job.UNSPECIFIED,
    startTime: timestampFromInstant(startTime), endTime: timestampFromInstant(endTime),
  };
}
