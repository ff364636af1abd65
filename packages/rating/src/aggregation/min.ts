/**
 * MIN: the least value.
 *
 * The state is that value in quintillionths, or `null` before the first event. The trap: it can't start at zero, which
 * would be less than every positive value; only the answer for no event at all is zero.
 */
import type { Aggregation } from './aggregation.ts';
import { eventQuintillionths, fractionOfQuintillionths } from './event-value.ts';

export const min: Aggregation<bigint | null> = {
  empty: () => null,
  add: (state, event) => lesser(state, eventQuintillionths(event)),
  merge: lesser,
  quantity: (state) => fractionOfQuintillionths(state ?? 0n),
};

function lesser(one: bigint | null, other: bigint | null): bigint | null {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}
