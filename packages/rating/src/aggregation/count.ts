/** COUNT: how many events there are, whatever their value. The state is that number. */
import { fractionFromBigInt } from '../number/fraction.ts';
import type { Aggregation } from './aggregation.ts';

export const count: Aggregation<bigint> = {
  empty: () => 0n,
  add: (state) => state + 1n,
  merge: (one, other) => one + other,
  quantity: (state) => fractionFromBigInt(state),
};
