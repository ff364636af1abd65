/**
 * GRADUATED: each part of the quantity at the price of the tier it lies in.
 *
 * 150 @ [≤100 × 0.10, rest × 0.05] = 100 × 0.10 + 50 × 0.05 = 12.50. A tier's flat amount is due once the quantity
 * passes its lower bound, the first tier's always, even at zero. The traps: 100 lies wholly in "up to 100" and owes
 * nothing to the next tier; a negative quantity stays in the first.
 */
import { addFractions, compareFractions, type Fraction, subtractFractions, ZERO_FRACTION } from '../number/fraction.ts';
import type { Tier } from '../price/price.ts';
import type { TierStep } from '../trace/trace.ts';
import type { RatedQuantity } from './model.ts';
import { boundedTiers, noTierTakes, rateTier } from './tier.ts';

export function rateGraduated(tiers: readonly Tier[], quantity: Fraction): RatedQuantity {
  const steps: TierStep[] = [];
  let amount = ZERO_FRACTION;
  let lower = ZERO_FRACTION;
  for (const bounded of boundedTiers(tiers)) {
    const endsHere = bounded.upTo === null || compareFractions(quantity, bounded.upTo) <= 0;
    const upper = endsHere ? quantity : bounded.upTo;
    const rated = rateTier('GRADUATED_TIER', bounded, subtractFractions(upper, lower));
    steps.push(rated.step);
    amount = addFractions(amount, rated.amount);
    if (endsHere) return { amount, steps };
    lower = upper;
  }
  throw noTierTakes(tiers);
}
