/**
 * GRADUATED: each part of the quantity at the price of the tier it lies in.
 *
 * 150 @ [≤100 × 0.10, rest × 0.05] = 100 × 0.10 + 50 × 0.05 = 12.50. A tier's flat amount is due once the quantity
 * passes its lower bound, the first tier's always, even at zero. The trap: a negative quantity stays in the first tier.
 */
import { type Fraction, multiplyFractions } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import type { Tier } from '../price/price.ts';
import type { TierStep } from '../trace/trace.ts';
import type { RatedQuantity } from './model.ts';
import { rateTiers, splitByTier, type TakenTier, tierStep } from './tier.ts';

export function rateGraduated(tiers: readonly Tier[], quantity: Fraction): RatedQuantity {
  return rateTiers(splitByTier(tiers, quantity), { unitsAt, stepOf: (taken, amount) => unitTierStep('GRADUATED_TIER', taken, amount) });
}

export function unitsAt({ unitAmount }: Tier, quantity: Fraction): Fraction {
  return multiplyFractions(parameterFraction(unitAmount), quantity);
}

export function unitTierStep(kind: TierStep['kind'], taken: TakenTier<Tier>, amount: Fraction): TierStep {
  return { kind, ...tierStep(taken, amount), unitAmount: taken.tier.unitAmount, flatAmount: taken.tier.flatAmount };
}
