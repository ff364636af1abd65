// What follows from failed runs of a cycle. It is tried again after 30 s, 1 min, 2 min … up to an hour, the same for every
// cycle and every replica; after the 10th failure it is set aside, until somebody asks for it: what failed ten times in some
// four hours needs a person. Not so in a sandbox, whose clock would pass over it unseen: there AdvanceClock names the failure.

export const FAILURES_MAX = 10;

const RETRY_DELAY_MICROS = 30_000_000n;
const RETRY_DELAY_MICROS_MAX = 3_600_000_000n;
const DOUBLINGS_MAX = 7;

export type AfterFailure =
  | { readonly kind: 'RETRY'; readonly delayMicros: bigint }
  | { readonly kind: 'SET_ASIDE' };

/** What to do with a cycle whose runs have failed `failureCount` times, the one just now included. */
export function afterFailure(failureCount: number, { sandbox }: { readonly sandbox: boolean }): AfterFailure {
  if (failureCount >= FAILURES_MAX && !sandbox) return { kind: 'SET_ASIDE' };
  const delayMicros = RETRY_DELAY_MICROS << BigInt(Math.min(failureCount - 1, DOUBLINGS_MAX));
  return { kind: 'RETRY', delayMicros: delayMicros < RETRY_DELAY_MICROS_MAX ? delayMicros : RETRY_DELAY_MICROS_MAX };
}
