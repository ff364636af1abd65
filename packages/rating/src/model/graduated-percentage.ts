/**
 * GRADUATED_PERCENTAGE: a share of each part of the quantity, by the tier it lies in. The quantity is an amount of money.
 *
 * 150 @ [≤100 3 %, rest 2 %] = 100 × 3 ÷ 100 + 50 × 2 ÷ 100 = 4.00. Flat amounts are due as with GRADUATED.
 */
import type { Fraction } from '../number/fraction.ts';
import type { PercentTier } from '../price/price.ts';
import type { RatedQuantity } from './model.ts';
import { shareOf } from './percentage.ts';
import { rateTiers, splitByTier, tierStep } from './tier.ts';

export function rateGraduatedPercentage(tiers: readonly PercentTier[], quantity: Fraction): RatedQuantity {
  return rateTiers(splitByTier(tiers, quantity), {
    unitsAt: ({ percent }, part) => shareOf(percent, part),
    stepOf: (taken, amount) => ({
      kind: 'GRADUATED_PERCENTAGE_TIER',
      ...tierStep(taken, amount),
      percent: taken.tier.percent,
      flatAmount: taken.tier.flatAmount,
    }),
  });
}
