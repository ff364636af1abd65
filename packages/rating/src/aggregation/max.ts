/**
 * MAX: the greatest value.
 *
 * The state is that value in quintillionths, or `null` before the first event. The trap: it can't start at zero, which
 * would be greater than every negative value; only the answer for no event at all is zero.
 */
import type { Aggregation } from './aggregation.ts';
import { eventQuintillionths, fractionOfQuintillionths } from './event-value.ts';

export const max: Aggregation<bigint | null> = {
  empty: () => null,
  add: (state, event) => greater(state, eventQuintillionths(event)),
  merge: greater,
  quantity: (state) => fractionOfQuintillionths(state ?? 0n),
};

function greater(one: bigint | null, other: bigint | null): bigint | null {
  if (one === null || other === null) return one ?? other;
  return one > other ? one : other;
}
