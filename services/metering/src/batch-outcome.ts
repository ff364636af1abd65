/**
 * What becomes of the events of one batch: who is recorded, who is a duplicate, who is refused.
 *
 * Events are taken in order of arrival. The first of a key is its *claimant* and asks for the key; if the key was free, the claimant is recorded. Everybody else of that
 * key compares contents with the event that holds the key: the same is a duplicate, another is refused. An event too far ahead of the clock claims nothing, but may still
 * be the duplicate of one that was recorded when its time had come; nor does one of a time that is archived, which may be the duplicate of an archived event.
 */
import type { Instant } from '@valora/rating';
import { EVENT_ARCHIVED, EVENT_TOO_FAR_AHEAD, IDEMPOTENCY_KEY_REUSED, type EventRefusal } from './errors.ts';
import type { Candidate } from './usage-event.ts';

export type Outcome = { readonly kind: 'RECORDED' } | { readonly kind: 'DUPLICATE' } | { readonly kind: 'REFUSED'; readonly refusal: EventRefusal };

export interface Claims {
  /** By idempotency key. */
  readonly claimants: ReadonlyMap<string, Candidate>;
  /** Keys of events too far ahead or of archived times, which nobody claims. */
  readonly unclaimedKeys: readonly string[];
  readonly archivedBefore: bigint;
}

const AHEAD_MICROS_MAX = 3_600_000_000n;

/** Who asks for which key. `candidates` in order of arrival, `recordedTime` is what they are recorded at, what happened before `archivedBefore` is archived. */
export function claimKeys(candidates: readonly Candidate[], { recordedTime, archivedBefore }: { readonly recordedTime: Instant; readonly archivedBefore: bigint }): Claims {
  const latest = recordedTime + AHEAD_MICROS_MAX;
  const claimants = new Map<string, Candidate>();
  const unclaimed: string[] = [];
  for (const candidate of candidates) {
    const { eventTime, idempotencyKey } = candidate.event;
    if (eventTime > latest || eventTime < archivedBefore) unclaimed.push(idempotencyKey);
    else if (!claimants.has(idempotencyKey)) claimants.set(idempotencyKey, candidate);
  }
  return { claimants, unclaimedKeys: unclaimed.filter((key) => !claimants.has(key)), archivedBefore };
}

/**
 * `wonKeys` are the claimed keys that were free. `heldDigests` gives the content digests of keys that were held before: of claimed ones those that differ from the claimant's,
 * of unclaimed ones all.
 */
export function outcomeOf(candidate: Candidate, { claimants, archivedBefore }: Claims, wonKeys: ReadonlySet<string>, heldDigests: ReadonlyMap<string, Uint8Array>): Outcome {
  const { idempotencyKey, eventTime } = candidate.event;
  const claimant = claimants.get(idempotencyKey);
  const won = wonKeys.has(idempotencyKey);
  if (won && claimant === candidate) return { kind: 'RECORDED' };
  const holder = heldDigests.get(idempotencyKey) ?? claimant?.contentDigest;
  if (holder === undefined) return { kind: 'REFUSED', refusal: eventTime < archivedBefore ? EVENT_ARCHIVED : EVENT_TOO_FAR_AHEAD };
  return candidate.contentDigest.equals(holder) ? { kind: 'DUPLICATE' } : { kind: 'REFUSED', refusal: IDEMPOTENCY_KEY_REUSED };
}
