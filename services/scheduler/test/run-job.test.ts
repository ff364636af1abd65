/** Running jobs and the tick, with jobs as small functions and a clock that the tests move: what is measured, and when a run ends. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createServiceGround, type Platform, type ServiceGround, serviceDatabaseUrls } from '@valora/chassis';
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSchedulerDatabase, type SchedulerDatabase } from '../src/database.ts';
import { Job } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { jobs, type JobDefinition } from '../src/job.ts';
import { createSchedulerMetrics } from '../src/metrics.ts';
import { connectPeers } from '../src/peers.ts';
import { runJob, type RunJobDependencies } from '../src/run-job.ts';
import { createSchedulerService } from '../src/service.ts';
import { startTicking } from '../src/tick.ts';

let testDatabase: TestDatabase;
let platform: Platform;
let ground: ServiceGround;
let database: SchedulerDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  platform = {
    databaseUrl: serviceDatabaseUrls(testDatabase.url, testDatabase.roleSecret), serviceTokenKey: randomBytes(32), operatorDigest: randomBytes(32),
    peerAddress: () => '127.0.0.1:1', poolSizeMax: 4, writeLog: () => {},
  };
  ground = createServiceGround(platform, 'scheduler');
  database = openSchedulerDatabase(platform, ground);
});
afterAll(async () => {
  ground.closePeers();
  await database.close();
  await testDatabase.drop();
});

interface Bench {
  readonly dependencies: RunJobDependencies;
  /** Milliseconds on the clock for durations. */
  elapsedMs: number;
  /** The samples of a metric, without its name, in the order of the text. */
  samples(name: string): Promise<readonly string[]>;
}

function bench(): Bench {
  const registry = new Registry();
  const metrics = createSchedulerMetrics(registry);
  const made: Bench = {
    elapsedMs: 0,
    dependencies: { peers: connectPeers(ground.peer), database, log: ground.log, metrics, elapsedMs: () => made.elapsedMs, newUuid: randomUUID },
    samples: async (name) => (await registry.metrics()).split('\n').filter((line) => line.startsWith(`valora_scheduler_${name}`)).map((line) => line.slice('valora_scheduler_'.length)),
  };
  return made;
}

/** A job over organizations given out once, in one claim. */
function jobOver(organizationIds: readonly string[], work: (organizationId: string) => Awaited<ReturnType<JobDefinition['work']>>): JobDefinition & { readonly released: string[] } {
  let left = organizationIds;
  const released: string[] = [];
  return {
    name: 'a_job', resource: 'thing', durationMaxMs: 1_000, released,
    async claimOrganizations() {
      const claimed = left;
      left = [];
      return claimed;
    },
    work: async (_peers, { organizationId }) => work(organizationId),
    release: async (_peers, { organizationId }) => void released.push(organizationId),
  };
}

const nothing = { processedCount: 0, failedRuns: [], more: false } as const;
const run = (dependencies: RunJobDependencies, job: JobDefinition) => runJob(dependencies, job, { record: 'ALWAYS', stopped: () => false });

test('a run is counted and timed, with what it processed and what it left for later', async () => {
  const at = bench();
  const job = jobOver(['one', 'two'], (organizationId) => {
    at.elapsedMs += 20;
    const failedRuns = [{ subscription: 's', cycleIndex: 1, error: { reason: 'PRICE_MISSING', message: 'None.' } }];
    return organizationId === 'one' ? { processedCount: 7, failedRuns, more: false } : { processedCount: 5, failedRuns: [], more: true };
  });
  expect(await run(at.dependencies, job)).toMatchObject({ processedCount: 12n, failedCount: 1n, error: 's cycle 1: PRICE_MISSING' });
  expect(await at.samples('job_runs_total')).toEqual(['job_runs_total{job="a_job"} 1']);
  expect(await at.samples('job_duration_seconds_count')).toEqual(['job_duration_seconds_count{job="a_job"} 1']);
  expect(await at.samples('job_duration_seconds_sum')).toEqual(['job_duration_seconds_sum{job="a_job"} 0.04']);
  expect(await at.samples('batch_processed_total')).toEqual(['batch_processed_total{job="a_job",resource="thing"} 12']);
  expect(await at.samples('batch_deferred_total')).toEqual(['batch_deferred_total{job="a_job",reason="RETRY"} 1', 'batch_deferred_total{job="a_job",reason="TURN_ENDED"} 1']);
  expect(await at.samples('job_errors_total')).toEqual(['job_errors_total{job="a_job",reason="PRICE_MISSING"} 1']);
  expect(await at.samples('job_timeouts_total')).toEqual([]);
});

test('an organization that fails is counted, and the next has its turn', async () => {
  const at = bench();
  const job = jobOver(['broken', 'whole'], (organizationId) => {
    if (organizationId === 'broken') throw new Error('It broke.');
    return { ...nothing, processedCount: 1 };
  });
  expect(await run(at.dependencies, job)).toMatchObject({ processedCount: 1n, failedCount: 1n, error: 'It broke.' });
  expect(await at.samples('job_errors_total')).toEqual(['job_errors_total{job="a_job",reason="UNEXPECTED"} 1']);
  expect(job.released).toEqual(['whole']);
});

test('what a turn did before it broke off is counted, and its organization keeps its lease', async () => {
  const at = bench();
  let batches = 0;
  const peers = {
    ...at.dependencies.peers,
    subscriptionDueWork: { ...at.dependencies.peers.subscriptionDueWork, claimOrganizations: async () => ({ organizationIds: batches === 0 ? ['one'] : [] }) },
    billingCycles: {
      ...at.dependencies.peers.billingCycles,
      async openDueCycles() {
        batches += 1;
        if (batches === 3) throw new Error('It broke.');
        return { openedCount: 200 };
      },
    },
  };
  expect(await run({ ...at.dependencies, peers }, jobs[Job.OPEN_CYCLES])).toMatchObject({ processedCount: 400n, failedCount: 1n, error: 'It broke.' });
  expect(await at.samples('batch_processed_total')).toEqual(['batch_processed_total{job="open_cycles",resource="billing_cycle"} 400']);
  expect(await at.samples('job_errors_total')).toEqual(['job_errors_total{job="open_cycles",reason="UNEXPECTED"} 1']);
});

test.each([[1_000, 3, []], [1_001, 1, ['job_timeouts_total{job="a_job"} 1']]])('a run of at most 1000 ms that has taken %i ms works for %i of 3 organizations', async (tookMs, workedFor, timeouts) => {
  const at = bench();
  const worked: string[] = [];
  const job = jobOver(['one', 'two', 'three'], (organizationId) => {
    worked.push(organizationId);
    at.elapsedMs = tookMs;
    return nothing;
  });
  await run(at.dependencies, job);
  expect(worked).toHaveLength(workedFor);
  expect(job.released).toEqual(['one', 'two', 'three']); // nobody has to wait for a lease
  expect(await at.samples('job_timeouts_total')).toEqual(timeouts);
  expect(await at.samples('batch_deferred_total')).toEqual(timeouts.map(() => 'batch_deferred_total{job="a_job",reason="TIME_OVER"} 2'));
});

test('a job that can not even claim is counted as run and failed', async () => {
  const at = bench();
  const job: JobDefinition = { ...jobOver([], () => nothing), claimOrganizations: () => Promise.reject(new Error('Nobody there.')) };
  await expect(run(at.dependencies, job)).rejects.toThrow('Nobody there.');
  expect([...await at.samples('job_runs_total'), ...await at.samples('job_errors_total')]).toEqual(['job_runs_total{job="a_job"} 1', 'job_errors_total{job="a_job",reason="UNEXPECTED"} 1']);
});

test('a tick that begins late says by how much', async () => {
  const at = bench();
  let ticks = 0;
  const lags: string[] = [];
  const job: JobDefinition = {
    ...jobOver([], () => nothing),
    async claimOrganizations() {
      lags.push(...await at.samples('runloop_lag_seconds'));
      ticks += 1;
      at.elapsedMs += ticks === 2 ? 260 : 10; // the second takes longer than the time between two
      return [];
    },
  };
  const ticking = startTicking(at.dependencies, { jobs: [job], intervalMs: 10 });
  await expect.poll(() => ticks).toBeGreaterThanOrEqual(3);
  await ticking.stop();
  expect(lags[2]).toBe('runloop_lag_seconds 0.25');
});

test('a turn that is told to stop ends after the batch under way', async () => {
  let batches = 0;
  const counted = (): number => {
    batches += 1;
    return 200;
  };
  const { peers } = bench().dependencies;
  const finalizing = { ...peers, invoices: { ...peers.invoices, finalizeDueInvoices: async () => ({ finalizedCount: counted(), refusedInvoiceIds: [] }) } };
  const context = { organizationId: 'one', caller: { actor: 'test' }, deadlineMs: Date.now() + 1_000, callDepth: 0 };
  expect(await jobs[Job.ISSUE_INVOICES].work(finalizing, context, { failures: 'COUNT', stopped: () => batches === 2 })).toMatchObject({ processedCount: 400, more: true });
  expect(await jobs[Job.ISSUE_INVOICES].work(finalizing, context, { failures: 'COUNT', stopped: () => false })).toMatchObject({ processedCount: 2_000, more: true });
});

test('a batch that would outlast the end is broken off, counted as no failure, and its organization given to others', async () => {
  const at = bench();
  let begun = false;
  const job: JobDefinition & { readonly released: string[] } = {
    ...jobOver(['one', 'two'], () => nothing),
    work: (_peers, { signal }) => new Promise((_resolve, reject) => {
      begun = true;
      signal?.addEventListener('abort', () => reject(new Error('the call was canceled')));
    }),
  };
  const ticking = startTicking(at.dependencies, { jobs: [job], intervalMs: 1, stopGraceMs: 20 });
  await expect.poll(() => begun).toBe(true);
  await ticking.stop();
  expect(job.released).toEqual(['one', 'two']);
  expect(await at.samples('job_errors_total')).toEqual([]);
});

test('every service instance has the seven metrics, in a registry of its own', async () => {
  const [one, other] = [await createSchedulerService(platform, { tickIntervalMs: null }), await createSchedulerService(platform, { tickIntervalMs: null })];
  const named = (await one.registry.metrics()).split('\n').filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ').slice(2).join(' ')).filter((line) => line.startsWith('valora_scheduler_'));
  expect(named.toSorted()).toEqual([
    'valora_scheduler_batch_deferred_total counter', 'valora_scheduler_batch_processed_total counter', 'valora_scheduler_job_duration_seconds histogram',
    'valora_scheduler_job_errors_total counter', 'valora_scheduler_job_runs_total counter', 'valora_scheduler_job_timeouts_total counter', 'valora_scheduler_runloop_lag_seconds gauge',
  ]);
  await Promise.all([one.close(), other.close()]);
});
