/** SUM: the values added up, negative ones too. The state is the sum in quintillionths, so it has no width to outgrow. */
import type { Aggregation } from './aggregation.ts';
import { eventQuintillionths, fractionOfQuintillionths } from './event-value.ts';

export const sum: Aggregation<bigint> = {
  empty: () => 0n,
  add: (state, event) => state + eventQuintillionths(event),
  merge: (one, other) => one + other,
  quantity: fractionOfQuintillionths,
};
