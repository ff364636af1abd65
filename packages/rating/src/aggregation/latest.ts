/**
 * LATEST: the value of the event that happened last.
 *
 * Of events of one microsecond it is the one whose idempotency key comes last in byte order, so neither arrival nor
 * recording plays a part. The state is that event's time, key and value in quintillionths, or `null` before the first.
 * The trap: an event without a value is an error wherever it stands; otherwise whether the aggregation succeeds would
 * depend on what came after it.
 */
import type { Instant } from '../time/instant.ts';
import type { Aggregation } from './aggregation.ts';
import { eventQuintillionths, fractionOfQuintillionths } from './event-value.ts';

export interface LatestState {
  readonly eventTime: Instant;
  readonly idempotencyKey: string;
  readonly value: bigint;
}

export const latest: Aggregation<LatestState | null> = {
  empty: () => null,
  add: (state, event) => later(state, { eventTime: event.eventTime, idempotencyKey: event.idempotencyKey, value: eventQuintillionths(event) }),
  merge: later,
  quantity: (state) => fractionOfQuintillionths(state?.value ?? 0n),
};

/** Keys are printable ASCII and unique, so the order of their texts is that of their bytes and leaves no tie. */
function later(one: LatestState | null, other: LatestState | null): LatestState | null {
  if (one === null || other === null) return one ?? other;
  if (one.eventTime !== other.eventTime) return one.eventTime > other.eventTime ? one : other;
  return one.idempotencyKey > other.idempotencyKey ? one : other;
}
