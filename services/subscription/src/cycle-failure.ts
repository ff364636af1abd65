// What follows from failed runs of a cycle. It is tried again after 30 s, 1 min, 2 min … up to an hour, the same for every
// cycle and every replica; after the 10th failure it is set aside, until somebody asks for it: what failed ten times in some
// four hours needs a person. Not so in a sandbox, whose clock would pass over it unseen: there AdvanceClock names the failure.
// A lease that expired counts too, or a run that ends its process would be given out for ever. The lease was its delay.

export const FAILURES_MAX = 10;

const RETRY_DELAY_MICROS = 30_000_000n;
const RETRY_DELAY_MICROS_MAX = 3_600_000_000n;
const DOUBLINGS_MAX = 7;

/** The reason of a failure that nobody reported: whoever held the cycle neither completed it nor gave it back in time. */
export const LEASE_EXPIRED = 'LEASE_EXPIRED';
export const LEASE_EXPIRED_MESSAGE = 'Whoever ran it neither completed it nor gave it back before its lease ended: the process died, or the run took too long.';

export type AfterFailure =
  | { readonly kind: 'RETRY'; readonly delayMicros: bigint }
  | { readonly kind: 'SET_ASIDE' };

/** What to do with a cycle whose runs have failed `failureCount` times, the one just now included. */
export function afterFailure(failureCount: number, { sandbox, reason = '' }: { readonly sandbox: boolean; readonly reason?: string }): AfterFailure {
  if (failureCount >= FAILURES_MAX && !sandbox) return { kind: 'SET_ASIDE' };
  if (failureCount < FAILURES_MAX && reason === LEASE_EXPIRED) return { kind: 'RETRY', delayMicros: 0n };
  const delayMicros = RETRY_DELAY_MICROS << BigInt(Math.min(failureCount - 1, DOUBLINGS_MAX));
  return { kind: 'RETRY', delayMicros: delayMicros < RETRY_DELAY_MICROS_MAX ? delayMicros : RETRY_DELAY_MICROS_MAX };
}
