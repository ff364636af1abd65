/**
 * Minimum: what a period costs at least. 7.50 with a minimum of 10.00 = 10.00, and 5.00 over half of the days.
 *
 * The trap: it is due without any usage too.
 */
import type { RatedQuantity } from '../model/model.ts';
import type { Decimal } from '../number/decimal.ts';
import { compareFractions, fractionToJson, subtractFractions } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import { type DaysProration, prorated, proratedTrace } from './proration.ts';

export function raiseToMinimum(minimum: Decimal | undefined, rated: RatedQuantity, proration: DaysProration | null): RatedQuantity {
  if (minimum === undefined) return rated;
  const least = prorated(parameterFraction(minimum), proration);
  if (compareFractions(rated.amount, least) >= 0) return rated;
  const before = rated.amount;
  return {
    ...rated,
    amount: least,
    steps: () => [
      ...rated.steps(),
      { kind: 'MINIMUM', before: fractionToJson(before), minimum, ...proratedTrace(least, proration), amount: fractionToJson(subtractFractions(least, before)) },
    ],
  };
}
