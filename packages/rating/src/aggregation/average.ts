/**
 * AVERAGE: the values added up, divided by how many there are.
 *
 * The state is the sum in quintillionths and the number of events, and the two are divided only at the end: (1 + 1 + 2) ÷ 3
 * is 4/3 and stays that fraction. The trap: averages can't be merged. The average of two parts is not the average
 * of their averages.
 */
import { fractionFromBigInt, ZERO_FRACTION } from '../number/fraction.ts';
import type { Aggregation } from './aggregation.ts';
import { eventQuintillionths, QUINTILLION } from './event-value.ts';

export interface AverageState {
  readonly sum: bigint;
  readonly count: bigint;
}

export const average: Aggregation<AverageState> = {
  empty: () => ({ sum: 0n, count: 0n }),
  add: ({ sum, count }, event) => ({ sum: sum + eventQuintillionths(event), count: count + 1n }),
  merge: (one, other) => ({ sum: one.sum + other.sum, count: one.count + other.count }),
  quantity: ({ sum, count }) => (count === 0n ? ZERO_FRACTION : fractionFromBigInt(sum, QUINTILLION * count)),
};
