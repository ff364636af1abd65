// One run of a job over every organization that has due work. Organizations are claimed with a lease, so replicas share
// them; each gets a bounded turn; one that fails is noted and left for a later run, and never stops its neighbours.
import { CallError, describeSpan, Fields, inSpan, paged, parsePage, queryOne, sqlOf, timestampFromInstant, type Handlers, type Log, type OutgoingContext } from '@valora/chassis';
import { Job, type JobRun as JobRunMessage, type SchedulerServiceService } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { derivedId, instant, type Instant } from '@valora/rating';
import type { SchedulerDatabase } from './database.ts';
import { jobs, type JobDefinition } from './job.ts';
import type { SchedulerMetrics } from './metrics.ts';
import type { Peers } from './peers.ts';

export interface RunJobDependencies {
  readonly peers: Peers;
  readonly database: SchedulerDatabase;
  readonly log: Log;
  readonly metrics: SchedulerMetrics;
  /** A clock for durations, which never steps back. */
  readonly elapsedMs: () => number;
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

export interface RunJobOptions {
  readonly record: 'ALWAYS' | 'IF_ANYTHING';
  /** Once true, the run ends after the batch under way. */
  readonly stopped: () => boolean;
  /** Breaks off the batch under way too. */
  readonly signal?: AbortSignal;
}

interface RunSoFar {
  processedCount: bigint;
  failedCount: bigint;
  error: string;
}

const CLAIMS_PER_RUN_MAX = 1_000;
const ERROR_LENGTH_MAX = 500;
const CALL_MS = 120_000;

function contextFor(organizationId: string, signal?: AbortSignal): OutgoingContext {
  return { organizationId, caller: { actor: 'service:scheduler' }, deadlineMs: Date.now() + CALL_MS, callDepth: 0, ...(signal === undefined ? {} : { signal }) };
}

/**
 * Runs a job until no organization has due work, until `stopped`, or until its time is over; stores and answers what was done. What it then has claimed and not
 * reached is given back.
 */
export async function runJob(dependencies: RunJobDependencies, job: JobDefinition, options: RunJobOptions): Promise<JobRun> {
  return await inSpan('scheduler.job', { 'valora.job': job.name }, async (describe) => {
    const run = await runAndMeasure(dependencies, job, options);
    describe({ 'valora.job.processed': Number(run.processedCount), 'valora.job.failed': Number(run.failedCount) });
    return run;
  });
}

async function runAndMeasure(dependencies: RunJobDependencies, job: JobDefinition, { record, stopped, signal }: RunJobOptions): Promise<JobRun> {
  const { database, metrics, elapsedMs, newUuid } = dependencies;
  const startMs = elapsedMs();
  const timeOver = (): boolean => elapsedMs() - startMs > job.durationMaxMs;
  try {
    const startTime = await now(database);
    const done: RunSoFar = { processedCount: 0n, failedCount: 0n, error: '' };
    for (let claims = 0; claims < CLAIMS_PER_RUN_MAX && !stopped() && !timeOver(); claims += 1) {
      const organizationIds = await job.claimOrganizations(dependencies.peers, contextFor('', signal));
      if (organizationIds.length === 0) break;
      for (const organizationId of organizationIds) {
        await (stopped() || timeOver() ? leave(dependencies, job, organizationId) : inSpan('scheduler.turn', { 'valora.job': job.name, 'valora.organization.id': organizationId },
          () => workFor(dependencies, { job, organizationId, done, stopped, signal })));
      }
    }
    if (timeOver()) metrics.jobTimedOut(job.name);
    const run = { jobRunId: derivedId('job', newUuid()), job: job.name, startTime, endTime: await now(database), ...done };
    if (record === 'ALWAYS' || run.processedCount > 0n || run.failedCount > 0n) await database.transactionAcrossOrganizations((tx) => tx.jobRun.create({ data: run }));
    return run;
  } catch (error) {
    metrics.jobFailed(job.name, reasonOf(error));
    throw error;
  } finally {
    metrics.jobRan(job.name, elapsedMs() - startMs);
  }
}

/** One bounded turn for one organization. */
async function workFor(dependencies: RunJobDependencies, { job, organizationId, done, stopped, signal }: { job: JobDefinition; organizationId: string; done: RunSoFar; stopped: () => boolean; signal: AbortSignal | undefined }): Promise<void> {
  const { peers, log, metrics } = dependencies;
  const failed = (reason: string, error: string): void => {
    metrics.jobFailed(job.name, reason);
    describeSpan({ 'error.type': reason });
    done.failedCount += 1n;
    done.error ||= error.slice(0, ERROR_LENGTH_MAX);
  };
  try {
    const { processedCount, failedRuns, more, brokenOff } = await job.work(peers, contextFor(organizationId, signal), { failures: 'COUNT', stopped });
    done.processedCount += BigInt(processedCount);
    describeSpan({ 'valora.job.processed': processedCount, 'valora.job.failed': failedRuns.length, 'valora.job.more': more });
    metrics.processed({ job: job.name, resource: job.resource }, processedCount);
    if (failedRuns.length > 0) metrics.deferred({ job: job.name, reason: 'RETRY' }, failedRuns.length);
    if (more) metrics.deferred({ job: job.name, reason: 'TURN_ENDED' }, 1);
    failedRuns.forEach(({ subscription, cycleIndex, error }) => {
      failed(error.reason, `${subscription} cycle ${cycleIndex}: ${error.reason}`);
      log.error('A billing run failed.', { organization: organizationId, subscription, cycle_index: cycleIndex, reason: error.reason, detail: error.message });
    });
    if (brokenOff !== undefined) throw brokenOff.error;
    await job.release(peers, contextFor(organizationId));
  } catch (error) {
    // Broken off to end in time, which is no failure: another takes the organization.
    if (signal?.aborted === true) return await leave(dependencies, job, organizationId);
    // The organization's lease ends by itself; until then nobody hurries into the same failure.
    failed(reasonOf(error), error instanceof Error ? error.message : String(error));
    log.error('A job failed for an organization.', { job: job.name, organization: organizationId }, error);
  }
}

/** Lets others have an organization that this run claimed and has no time for. */
async function leave({ peers, log, metrics }: RunJobDependencies, job: JobDefinition, organizationId: string): Promise<void> {
  metrics.deferred({ job: job.name, reason: 'TIME_OVER' }, 1);
  await job.release(peers, contextFor(organizationId)).catch((error: unknown) => log.error('An organization could not be given back; its lease ends by itself.', { job: job.name, organization: organizationId }, error));
}

/** A reason of the documented table, or that there is none: labels of a metric must stay few. */
function reasonOf(error: unknown): string {
  return error instanceof CallError && error.reason !== '' ? error.reason : 'UNEXPECTED';
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
