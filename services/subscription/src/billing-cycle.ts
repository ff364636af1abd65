// A billing cycle: a period of a subscription with its boundaries as persisted when it was opened. They are never computed
// again, so that cycles tile even when time zone rules change; its cutoff moves only with a cancel. What moves is its state: OPEN until its run is
// claimed, CLOSING while the run is composed, CLOSED with the run's digest. Runs of a subscription compose strictly in order.
import { timestampFromInstant } from '@valora/chassis';
import { BillingCycleState as BillingCycleStateMessage, type BillingCycle as BillingCycleMessage } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import type { CycleFact } from '@valora/rating';
import { errors } from './errors.ts';

export type BillingCycleState = 'OPEN' | 'CLOSING' | 'CLOSED';

/** The cutoff before it is that of the cycle before it. */
export interface BillingCycle extends Omit<CycleFact, 'previousCutoff'> {
  readonly subscriptionReference: string;
  /** Known at its start; its cutoff was computed with it. */
  readonly graceMicros: bigint;
  readonly state: BillingCycleState;
  /** Of the completed run. */
  readonly runDigest: string | null;
}

/**
 * Whether completing the cycle with this digest changes anything: false when it is closed with the same one already.
 * Errors: CYCLE_NOT_CLAIMED, RUN_DIGEST_MISMATCH.
 */
export function completes({ subscriptionReference, index, state, runDigest: storedDigest }: BillingCycle, runDigest: string): boolean {
  const name = { subscription: subscriptionReference, cycle_index: String(index) };
  switch (state) {
    case 'OPEN':
      throw errors.CYCLE_NOT_CLAIMED(name);
    case 'CLOSING':
      return true;
    case 'CLOSED':
      if (storedDigest === runDigest) return false;
      throw errors.RUN_DIGEST_MISMATCH({ ...name, stored_digest: String(storedDigest), run_digest: runDigest });
  }
}

export function billingCycleToProto({ subscriptionReference, index, start, end, cutoff, state, tzdataVersion, runDigest }: BillingCycle): BillingCycleMessage {
  return {
    subscription: subscriptionReference,
    cycleIndex: index,
    period: { startTime: timestampFromInstant(start), endTime: timestampFromInstant(end) },
    cutoffTime: timestampFromInstant(cutoff),
    state: BillingCycleStateMessage[state],
    tzdataVersion,
    runDigest: runDigest ?? '',
  };
}
