/**
 * VOLUME: the whole quantity at the price of the one tier it falls in, and that tier's flat amount.
 *
 * 150 @ [≤100 × 0.10, rest × 0.05] = 150 × 0.05 = 7.50. The trap: passing a bound re-prices everything below it, so the
 * total may fall; publishing such a price warns of the cliff.
 */
import { compareFractions, type Fraction } from '../number/fraction.ts';
import type { Tier } from '../price/price.ts';
import type { RatedQuantity } from './model.ts';
import { boundedTiers, noTierTakes, rateTier } from './tier.ts';

export function rateVolume(tiers: readonly Tier[], quantity: Fraction): RatedQuantity {
  const taking = boundedTiers(tiers).find(({ upTo }) => upTo === null || compareFractions(quantity, upTo) <= 0);
  if (taking === undefined) throw noTierTakes(tiers);
  const { amount, step } = rateTier('VOLUME_TIER', taking, quantity);
  return { amount, steps: [step] };
}
