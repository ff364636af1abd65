/** FLAT: an amount per copy of the item. Two copies of a fee of 20.00 are 40.00; usage never enters. */
import type { Decimal } from '../number/decimal.ts';
import { type Fraction, fractionToJson, multiplyFractions } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import type { RatedQuantity } from './model.ts';

export function rateFlat(flatAmount: Decimal, quantity: Fraction): RatedQuantity {
  const amount = multiplyFractions(parameterFraction(flatAmount), quantity);
  return {
    amount,
    flatAmount: amount,
    steps: () => [{ kind: 'FLAT', quantity: fractionToJson(quantity), unitAmount: flatAmount, amount: fractionToJson(amount) }],
  };
}
