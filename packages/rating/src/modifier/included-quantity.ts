/**
 * Included quantity: so much of a period's quantity costs nothing.
 *
 * 121 with 10 included = 111. A shorter part of usage includes less, by days: 15 of 30 days include 5, as usage comes
 * in over time. The traps: of an item's own quantity (5 seats, 2 of them included) a shorter part includes as many, since
 * all of its amount is prorated afterwards, and twice would be once too often; it takes a quantity down to zero and no
 * further; and a negative quantity, which is a correction, stays as it is.
 */
import { compareFractions, type Fraction, fractionToJson, subtractFractions, ZERO_FRACTION } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import type { Decimal } from '../number/decimal.ts';
import type { PreparedQuantity } from './prepared-quantity.ts';
import { type DaysProration, prorated, proratedTrace } from './proration.ts';

export function deductIncluded(includedQuantity: Decimal | undefined, prepared: PreparedQuantity, proration: DaysProration | null): PreparedQuantity {
  if (includedQuantity === undefined) return prepared;
  const { quantity, basis } = prepared.rated;
  const byDays = basis === 'ITEM' ? null : proration;
  const included = prorated(parameterFraction(includedQuantity), byDays);
  const remaining = beyond(quantity, included);
  return {
    rated: { ...prepared.rated, quantity: remaining },
    steps: () => [
      ...prepared.steps(),
      {
        kind: 'INCLUDED_QUANTITY',
        quantity: fractionToJson(quantity),
        includedQuantity,
        ...proratedTrace(included, byDays),
        remaining: fractionToJson(remaining),
      },
    ],
  };
}

function beyond(quantity: Fraction, included: Fraction): Fraction {
  if (compareFractions(quantity, ZERO_FRACTION) <= 0) return quantity;
  return compareFractions(quantity, included) <= 0 ? ZERO_FRACTION : subtractFractions(quantity, included);
}
