/**
 * Tiers: where a quantity lies, and what it costs there.
 *
 * A tier takes quantities above its lower bound, up to and including its upper one; quantities are decimal, so 100.5
 * lies between "up to 100" and whatever follows. The lower bound is the tier before's upper bound, never written down
 * twice. The traps: the first tier has no lower bound at all, it takes zero and the negative quantities that a SUM can
 * give; and 100 lies wholly in "up to 100" and owes nothing to the next tier.
 */
import { RatingError } from '../errors.ts';
import { ZERO } from '../number/decimal.ts';
import { addFractions, compareFractions, type Fraction, fractionToJson, subtractFractions, sumFractions, ZERO_FRACTION } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import type { Bounded, Tier } from '../price/price.ts';
import type { RatingStep, TierRange } from '../trace/trace.ts';
import type { RatedQuantity } from './model.ts';

/** A tier, and the part of a quantity that it takes. */
export interface TakenTier<Kind extends Bounded> {
  readonly tier: Kind;
  readonly range: TierRange;
  readonly quantity: Fraction;
}

/** Each tier that the quantity reaches, with the part of the quantity that lies in it. Errors: TIERS_INVALID. */
export function splitByTier<Kind extends Bounded>(tiers: readonly Kind[], quantity: Fraction): readonly TakenTier<Kind>[] {
  const taken: TakenTier<Kind>[] = [];
  let above = ZERO;
  let lower = ZERO_FRACTION;
  for (const tier of tiers) {
    const upTo = tier.upTo === null ? null : parameterFraction(tier.upTo);
    const endsHere = upTo === null || compareFractions(quantity, upTo) <= 0;
    const upper = endsHere ? quantity : upTo;
    taken.push({ tier, range: { tier: taken.length + 1, above, upTo: tier.upTo }, quantity: subtractFractions(upper, lower) });
    if (endsHere) return taken;
    above = tier.upTo ?? above;
    lower = upper;
  }
  throw noTierTakes(tiers);
}

/** The one tier in which the quantity lies, with all of it. Errors: TIERS_INVALID. */
export function tierOf<Kind extends Bounded>(tiers: readonly Kind[], quantity: Fraction): TakenTier<Kind> {
  const position = tiers.findIndex(({ upTo }) => upTo === null || compareFractions(quantity, parameterFraction(upTo)) <= 0);
  const tier = tiers[position];
  if (tier === undefined) throw noTierTakes(tiers);
  return { tier, range: { tier: position + 1, above: tiers[position - 1]?.upTo ?? ZERO, upTo: tier.upTo }, quantity };
}

/** quantity × the tier's rate + its flat amount, summed over the tiers taken. */
export function rateTiers<Kind extends Bounded & Pick<Tier, 'flatAmount'>>(
  taken: readonly TakenTier<Kind>[],
  { unitsAt, stepOf }: {
    /** What the tier's units come to, without its flat amount. */
    readonly unitsAt: (tier: Kind, quantity: Fraction) => Fraction;
    readonly stepOf: (tier: TakenTier<Kind>, amount: Fraction) => RatingStep;
  },
): RatedQuantity {
  const flatOf = ({ tier: { flatAmount } }: TakenTier<Kind>): Fraction => (flatAmount === null ? ZERO_FRACTION : parameterFraction(flatAmount));
  const amounts = taken.map((one) => addFractions(unitsAt(one.tier, one.quantity), flatOf(one)));
  return {
    amount: sumFractions(amounts),
    flatAmount: sumFractions(taken.map(flatOf)),
    steps: () => taken.map((one, position) => stepOf(one, amounts[position] ?? ZERO_FRACTION)),
  };
}

/** The members that the steps of all tiers have. */
export function tierStep({ range, quantity }: TakenTier<Bounded>, amount: Fraction) {
  return { ...range, quantity: fractionToJson(quantity), amount: fractionToJson(amount) };
}

function noTierTakes(tiers: readonly Bounded[]): RatingError {
  return new RatingError('TIERS_INVALID', 'No tier of this price takes the quantity.', { tiers: tiers.length.toString() });
}
