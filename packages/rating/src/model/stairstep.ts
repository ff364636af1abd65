/**
 * STAIRSTEP: one amount for every quantity in a tier.
 *
 * 150 @ [≤100 is 10.00, rest is 25.00] = 25.00. Zero lies in the first tier and owes its amount. The trap: the amount is
 * flat, so it is prorated like one and never multiplied by the quantity.
 */
import type { Fraction } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import type { Stair } from '../price/price.ts';
import type { RatedQuantity } from './model.ts';
import { tierOf, tierStep } from './tier.ts';

export function rateStairstep(stairs: readonly Stair[], quantity: Fraction): RatedQuantity {
  const taken = tierOf(stairs, quantity);
  const amount = parameterFraction(taken.tier.amount);
  return { amount, flatAmount: amount, steps: () => [{ kind: 'STAIRSTEP', ...tierStep(taken, amount), flatAmount: taken.tier.amount }] };
}
