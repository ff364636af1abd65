/** Maximum: what a period costs at most. 12.50 with a maximum of 10.00 = 10.00, and 5.00 over half of the days. */
import type { RatedQuantity } from '../model/model.ts';
import type { Decimal } from '../number/decimal.ts';
import { compareFractions, fractionToJson, subtractFractions } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import { type DaysProration, prorated, proratedTrace } from './proration.ts';

export function lowerToMaximum(maximum: Decimal | undefined, rated: RatedQuantity, proration: DaysProration | null): RatedQuantity {
  if (maximum === undefined) return rated;
  const most = prorated(parameterFraction(maximum), proration);
  if (compareFractions(rated.amount, most) <= 0) return rated;
  const before = rated.amount;
  return {
    ...rated,
    amount: most,
    steps: () => [
      ...rated.steps(),
      { kind: 'MAXIMUM', before: fractionToJson(before), maximum, ...proratedTrace(most, proration), amount: fractionToJson(subtractFractions(most, before)) },
    ],
  };
}
