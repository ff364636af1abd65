// Closing cycles that were claimed: run them, tell subscription which are complete, and give back the others, those whose run
// failed with their error. A defect that one cycle sets off must not hold up the rest of its batch for ever, so a batch that
// ends with INTERNAL is run again in halves, down to the cycle that fails alone.
import { CallError, instantFromTimestamp, timestampFromInstant, type OutgoingContext } from '@valora/chassis';
import type { BillingRunError, BillingRunResult } from '@valora/contracts/valora/invoicing/v1/invoice';
import type { BillingCycle } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import type { Instant } from '@valora/rating';
import type { Failures } from './job.ts';
import type { Peers } from './peers.ts';

export interface FailedRun {
  readonly subscription: string;
  readonly cycleIndex: number;
  readonly error: BillingRunError;
}

const GIVE_BACK_MS = 10_000;
const MESSAGE_LENGTH_MAX = 1_000;
const CONTROL_CHARACTERS = /[\p{Cc}\p{Cs}]/gu;
/** What broke off without a cycle's fault (a service that can't be reached, a deadline) is tried again by the next run or two. */
const BROKEN_OFF_DELAY = { seconds: 30n, nanos: 0 } as const;
/** A cycle that broke off alone may be why: meanwhile the others go on. */
const ALONE_DELAY = { seconds: 3_600n, nanos: 0 } as const;
/** For a turn to end without meeting again what failed in it. */
const REPORTED_DELAY = { seconds: 2n, nanos: 0 } as const;

/** What is needed of other services. */
export interface ClosingPeers {
  readonly invoices: Pick<Peers['invoices'], 'runBillingCycles'>;
  readonly billingCycles: Pick<Peers['billingCycles'], 'completeCycles' | 'releaseCycles'>;
}

export interface ClaimedCycles {
  readonly cycles: readonly BillingCycle[];
  /** As in the claim: what this worker no longer holds it can't give back. */
  readonly leaseHolder: string;
  readonly failures: Failures;
}

export async function closeClaimed(peers: ClosingPeers, context: OutgoingContext, { cycles, leaseHolder, failures }: ClaimedCycles): Promise<{ readonly processedCount: number; readonly failedRuns: readonly FailedRun[] }> {
  try {
    const results = await run(peers, context, cycles);
    const completed = results.flatMap(({ cycle, result }) => (result?.$case === 'digest' ? [{ cycle, runDigest: result.value }] : []));
    const failedRuns = results.flatMap(({ cycle, result }) =>
      (cycle !== undefined && result?.$case === 'error' ? [{ subscription: cycle.subscription, cycleIndex: cycle.cycleIndex, error: result.value }] : []));
    if (completed.length > 0) await peers.billingCycles.completeCycles(context, { completed });
    await (failures === 'COUNT' ? giveBack(peers, context, { leaseHolder, failed: failedRuns }) : giveBack(peers, context, { leaseHolder, cycles: failedRuns, retryDelay: REPORTED_DELAY }));
    return { processedCount: completed.length, failedRuns };
  } catch (error) {
    await giveBack(peers, context, { leaseHolder, cycles, retryDelay: failures === 'REPORT' ? REPORTED_DELAY : cycles.length === 1 ? ALONE_DELAY : BROKEN_OFF_DELAY });
    throw error;
  }
}

async function run(peers: ClosingPeers, context: OutgoingContext, cycles: readonly BillingCycle[]): Promise<readonly BillingRunResult[]> {
  const [first, ...rest] = cycles.map(({ cutoffTime }) => {
    if (cutoffTime === undefined) throw new Error('a claimed cycle has no cutoff');
    return instantFromTimestamp(cutoffTime);
  });
  if (first === undefined) return [];
  const latestCutoff: Instant = rest.reduce((latest, cutoff) => (cutoff > latest ? cutoff : latest), first);
  const names = cycles.map(({ subscription, cycleIndex }) => ({ subscription, cycleIndex }));
  try {
    return (await peers.invoices.runBillingCycles(context, { cycles: names, sealThroughTime: timestampFromInstant(latestCutoff) })).results;
  } catch (error) {
    if (!(error instanceof CallError) || error.reason !== 'INTERNAL') throw error;
    const [cycle] = names;
    if (names.length === 1) return [{ cycle, result: { $case: 'error', value: { reason: error.reason, message: error.message } } }];
    const half = Math.trunc(cycles.length / 2);
    return [...await run(peers, context, cycles.slice(0, half)), ...await run(peers, context, cycles.slice(half))];
  }
}

/**
 * Gives claimed cycles back, so that nobody waits for the lease of work that broke off. On a context of its own: what broke
 * it off may have been the caller's deadline. If this fails too, the leases end by themselves.
 */
async function giveBack(
  peers: ClosingPeers, { organizationId, caller }: OutgoingContext,
  { leaseHolder, cycles = [], failed = [], retryDelay = REPORTED_DELAY }:
    { leaseHolder: string; cycles?: readonly Pick<BillingCycle, 'subscription' | 'cycleIndex'>[]; failed?: readonly FailedRun[]; retryDelay?: { seconds: bigint; nanos: number } },
): Promise<void> {
  if (cycles.length + failed.length === 0) return;
  const context: OutgoingContext = { organizationId, caller, deadlineMs: Date.now() + GIVE_BACK_MS, callDepth: 0 };
  await peers.billingCycles.releaseCycles(context, {
    cycles: cycles.map(({ subscription, cycleIndex }) => ({ subscription, cycleIndex })),
    retryDelay, leaseHolder,
    failed: failed.map(({ subscription, cycleIndex, error: { reason, message } }) =>
      ({ cycle: { subscription, cycleIndex }, reason, message: message.replace(CONTROL_CHARACTERS, ' ').slice(0, MESSAGE_LENGTH_MAX) })),
  }).catch(() => {});
}
