/** PER_UNIT: every unit at one amount. 7 × 1.20 = 8.40; a negative quantity gives a negative amount. */
import type { Decimal } from '../number/decimal.ts';
import { type Fraction, fractionToJson, multiplyFractions, ZERO_FRACTION } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import type { RatedQuantity } from './model.ts';

export function ratePerUnit(unitAmount: Decimal, quantity: Fraction): RatedQuantity {
  const amount = multiplyFractions(parameterFraction(unitAmount), quantity);
  return {
    amount,
    flatAmount: ZERO_FRACTION,
    steps: () => [{ kind: 'PER_UNIT', quantity: fractionToJson(quantity), unitAmount, amount: fractionToJson(amount) }],
  };
}
