/**
 * VOLUME: the whole quantity at the price of the one tier it falls in, and that tier's flat amount.
 *
 * 150 @ [≤100 × 0.10, rest × 0.05] = 150 × 0.05 = 7.50. The trap: passing a bound re-prices everything below it, so the
 * total may fall; publishing such a price warns of the cliff.
 */
import type { Fraction } from '../number/fraction.ts';
import type { Tier } from '../price/price.ts';
import { unitsAt, unitTierStep } from './graduated.ts';
import type { RatedQuantity } from './model.ts';
import { rateTiers, tierOf } from './tier.ts';

export function rateVolume(tiers: readonly Tier[], quantity: Fraction): RatedQuantity {
  return rateTiers([tierOf(tiers, quantity)], { unitsAt, stepOf: (taken, amount) => unitTierStep('VOLUME_TIER', taken, amount) });
}
