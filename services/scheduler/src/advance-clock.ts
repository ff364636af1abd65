// Moving a sandbox's clock: from due instant to due instant, doing at each what is due, up to the target. Every step may be
// repeated, so a call that died half-way is simply made again: it sets every clock anew before it looks for work.
import { setTimeout as delay } from 'node:timers/promises';
import { CallError, commonErrors, Fields, inSpan, instantFromTimestamp, timestampFromInstant, type CallContext, type Timestamp } from '@valora/chassis';
import type { AdvanceClockRequest, AdvanceClockResponse } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { Job } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { formatInstant, type Instant } from '@valora/rating';
import { errors } from './errors.ts';
import type { FailedRun } from './close-claimed.ts';
import { jobs, type JobDefinition, type WorkDone } from './job.ts';
import type { Peers } from './peers.ts';

const STEPS_MAX = 1_000_000;
const SETTLEMENTS_PER_LOOK = 1_000;
/** How long to wait for a scheduler replica that holds the work which is due. */
const OTHER_WORKER_POLL_MS = 50;

export async function advanceClock(peers: Peers, context: CallContext, request: AdvanceClockRequest): Promise<AdvanceClockResponse> {
  const fields = new Fields();
  const target = fields.sandboxTime('target_time', request.targetTime);
  fields.check();
  const { organization, currentTime } = await peers.organizations.getOrganization(context, {});
  if (organization?.sandbox !== true || currentTime === undefined) throw errors.NOT_A_SANDBOX();

  let now = instantFromTimestamp(currentTime);
  const done = { closedCycleCount: 0, finalizedInvoiceCount: 0 };
  // What was recorded since the clock was moved last may call for settlements, which nobody else looks for in a sandbox.
  await setClocks(peers, context, now);
  await workOn(peers, context, jobs[Job.OPEN_CYCLES]);
  await peers.billingCycles.openSettlementCycles(context, { batchSizeMax: SETTLEMENTS_PER_LOOK, all: true });
  for (let steps = 0; steps < STEPS_MAX; steps += 1) {
    if (context.signal.aborted) throw commonErrors.DEADLINE_EXCEEDED();
    const due = await nextDueTime(peers, context);
    now = latest(now, due !== null && due < target ? due : target);
    const idle = due === null || due > now;
    const worked = await inSpan('scheduler.advance', { 'valora.sandbox.time': formatInstant(now) }, async () => {
      await setClocks(peers, context, now);
      return idle ? null : await workOnce(peers, context);
    });
    if (worked === null) return { currentTime: timestampFromInstant(now), ...done };
    if (worked.failedRun !== null) throw failure(now, worked.failedRun);
    done.closedCycleCount += worked.closedCount;
    done.finalizedInvoiceCount += worked.finalizedCount;
    if (worked.processedCount === 0) await delay(OTHER_WORKER_POLL_MS, undefined, { signal: context.signal }).catch(() => { throw commonErrors.DEADLINE_EXCEEDED(); });
  }
  throw new Error(`a sandbox had more than ${STEPS_MAX} due instants`);
}

interface Worked {
  readonly processedCount: number;
  readonly closedCount: number;
  readonly finalizedCount: number;
  readonly failedRun: FailedRun | null;
}

async function workOn(peers: Peers, context: CallContext, job: JobDefinition): Promise<WorkDone> {
  const done = await job.work(peers, context, { failures: 'REPORT', stopped: () => context.signal.aborted });
  if (done.brokenOff !== undefined) throw done.brokenOff.error;
  await job.release(peers, context);
  return done;
}

async function workOnce(peers: Peers, context: CallContext): Promise<Worked> {
  const opened = await workOn(peers, context, jobs[Job.OPEN_CYCLES]);
  const closed = await workOn(peers, context, jobs[Job.CLOSE_CYCLES]);
  const finalized = await workOn(peers, context, jobs[Job.ISSUE_INVOICES]);
  return {
    processedCount: opened.processedCount + closed.processedCount + finalized.processedCount,
    closedCount: closed.processedCount,
    finalizedCount: finalized.processedCount,
    failedRun: closed.failedRuns[0] ?? null,
  };
}

async function nextDueTime(peers: Peers, context: CallContext): Promise<Instant | null> {
  const answers: readonly { readonly dueTime?: Timestamp | undefined }[] = await Promise.all([
    peers.subscriptionDueWork.getNextDueTime(context, {}), peers.invoicingDueWork.getNextDueTime(context, {}),
  ]);
  const [first, second] = answers.flatMap(({ dueTime }) => (dueTime === undefined ? [] : [instantFromTimestamp(dueTime)]));
  if (first === undefined) return null;
  return second === undefined || first < second ? first : second;
}

async function setClocks(peers: Peers, context: CallContext, now: Instant): Promise<void> {
  const request = { currentTime: timestampFromInstant(now) };
  try {
    for (const fence of peers.fences) await fence.setClock(context, request);
  } catch (error) {
    if (error instanceof CallError && error.reason === 'NOT_A_SANDBOX') throw errors.NOT_A_SANDBOX();
    throw error;
  }
}

function latest(one: Instant, other: Instant): Instant {
  return one > other ? one : other;
}

function failure(now: Instant, { subscription, cycleIndex, error }: FailedRun) {
  return errors.BILLING_RUN_FAILED({ current_time: formatInstant(now), subscription, cycle_index: String(cycleIndex), reason: error.reason, detail: error.message });
}
