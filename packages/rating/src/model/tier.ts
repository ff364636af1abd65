/**
 * A tier with its lower bound, and what a quantity in it costs.
 *
 * A tier takes quantities above its lower bound, up to and including its upper one; quantities are decimal, so 100.5
 * lies between "up to 100" and whatever follows. The lower bound is the tier before's upper bound, never written down
 * twice. The trap: the first tier has no lower bound at all. It takes zero, and the negative quantities that a SUM can
 * give.
 */
import { RatingError } from '../errors.ts';
import { type Decimal, ZERO } from '../number/decimal.ts';
import { addFractions, type Fraction, fractionFromDecimal, fractionToJson, multiplyFractions } from '../number/fraction.ts';
import type { Tier } from '../price/price.ts';
import type { TierStep } from '../trace/trace.ts';

export interface BoundedTier {
  readonly tier: Tier;
  /** From 0. */
  readonly position: number;
  readonly above: Decimal;
  /** `null` is open. */
  readonly upTo: Fraction | null;
}

export interface RatedTier {
  readonly amount: Fraction;
  readonly step: TierStep;
}

export function boundedTiers(tiers: readonly Tier[]): readonly BoundedTier[] {
  let above = ZERO;
  return tiers.map((tier, position) => {
    const bounded = { tier, position, above, upTo: tier.upTo === null ? null : fractionFromDecimal(tier.upTo) };
    above = tier.upTo ?? above;
    return bounded;
  });
}

/** quantity × unit amount + flat amount. */
export function rateTier(kind: TierStep['kind'], { tier, position, above }: BoundedTier, quantity: Fraction): RatedTier {
  const units = multiplyFractions(fractionFromDecimal(tier.unitAmount), quantity);
  const amount = tier.flatAmount === null ? units : addFractions(units, fractionFromDecimal(tier.flatAmount));
  const step = {
    kind,
    tier: position + 1,
    above,
    upTo: tier.upTo,
    quantity: fractionToJson(quantity),
    unitAmount: tier.unitAmount,
    flatAmount: tier.flatAmount,
    amount: fractionToJson(amount),
  };
  return { amount, step };
}

export function noTierTakes(tiers: readonly Tier[]): RatingError {
  return new RatingError('TIERS_INVALID', 'No tier of this price takes the quantity.', { tiers: tiers.length.toString() });
}
