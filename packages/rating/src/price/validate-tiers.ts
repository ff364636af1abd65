/**
 * Static validation of tiers: they rise strictly from above zero, and the last one, and only the last, is open, so that
 * every quantity lies in exactly one of them.
 *
 * A cliff is a warning: with VOLUME and STAIRSTEP, passing a bound can make the total fall. GRADUATED never has one,
 * since what lies below a bound keeps its price. The trap: a cliff is sought just past the bound, where the quantity is
 * still the bound's but the price is already the next tier's.
 */
import type { Decimal } from '../number/decimal.ts';
import { addFractions, compareFractions, type Fraction, fractionFromDecimal, multiplyFractions, ZERO_FRACTION } from '../number/fraction.ts';
import type { Bounded, Stair, Tier } from './price.ts';
import { error, isAbove, isPositive, type PriceProblem, warning } from './price-problem.ts';

export const TIERS_MAX = 1000;

/** Every problem of the tiers in `field`, tier by tier; `amounts` finds those of a tier's own amounts. */
export function tiersProblems<Kind extends Bounded>(
  field: string,
  tiers: readonly Kind[],
  amounts: (path: string, tier: Kind) => readonly PriceProblem[],
): readonly PriceProblem[] {
  if (tiers.length === 0) {
    return [error(field, 'TIERS_EMPTY', 'There are no tiers. Add one; a single open tier prices every quantity alike.')];
  }
  if (tiers.length > TIERS_MAX) {
    return [error(field, 'TIERS_TOO_MANY', `There are ${tiers.length} tiers. Give at most ${TIERS_MAX}.`)];
  }
  const highestBefore = highestBounds(tiers);
  return tiers.flatMap((tier, position) => {
    const path = `${field}[${position}]`;
    const isLast = position === tiers.length - 1;
    return [...boundProblems(`${path}.up_to`, tier.upTo, { before: highestBefore[position] ?? null, isLast }), ...amounts(path, tier)];
  });
}

interface Place {
  /** The highest bound of the tiers before. */
  readonly before: Decimal | null;
  readonly isLast: boolean;
}

function boundProblems(path: string, upTo: Decimal | null, { before, isLast }: Place): readonly PriceProblem[] {
  if (upTo === null) {
    const fix = 'Only the last tier is open. Give this tier an upper bound, or remove the tiers after it.';
    return isLast ? [] : [error(path, 'TIER_OPEN_NOT_LAST', fix)];
  }
  const problems: PriceProblem[] = [];
  if (!isPositive(upTo)) {
    const fix = `The bound ${upTo} is not above zero. Give an upper bound above zero.`;
    problems.push(error(path, 'TIER_BOUND_NOT_POSITIVE', fix));
  } else if (before !== null && !isAbove(upTo, before)) {
    const fix = `The bound ${upTo} is not above ${before}, an earlier tier's. Order the tiers by strictly rising bounds.`;
    problems.push(error(path, 'TIER_BOUND_NOT_ASCENDING', fix));
  }
  if (isLast) {
    const fix = `Quantities above ${upTo} have no price. Leave the last tier's bound out.`;
    problems.push(error(path, 'TIER_LAST_NOT_OPEN', fix));
  }
  return problems;
}

/** For each tier the highest bound of those before it. */
function highestBounds(tiers: readonly Bounded[]): readonly (Decimal | null)[] {
  let highest: Decimal | null = null;
  return tiers.map(({ upTo }) => {
    const before: Decimal | null = highest;
    if (upTo !== null && (highest === null || isAbove(upTo, highest))) highest = upTo;
    return before;
  });
}

/** Of sound tiers: each where the total just past the bound before it is below the total at that bound. */
export function volumeCliffs(tiers: readonly Tier[]): readonly PriceProblem[] {
  return cliffs(tiers, totalAt).map(({ position, bound }) => {
    const message =
      `The total falls when the quantity passes ${bound}. ` +
      'Use graduated tiers, or a flat amount that makes up for it, if that is not meant.';
    return warning(`tiers[${position}]`, 'VOLUME_CLIFF', message);
  });
}

/** The same of stairs, whose amount is the total. */
export function stairstepCliffs(stairs: readonly Stair[]): readonly PriceProblem[] {
  return cliffs(stairs, ({ amount }) => fractionFromDecimal(amount)).map(({ position, bound }) => {
    const message = `The amount falls when the quantity passes ${bound}. Give it at least the amount of the stair before, if that is not meant.`;
    return warning(`stairs[${position}].amount`, 'STAIRSTEP_CLIFF', message);
  });
}

function cliffs<Kind extends Bounded>(
  tiers: readonly Kind[],
  totalOf: (tier: Kind, quantity: Decimal) => Fraction,
): readonly { readonly position: number; readonly bound: Decimal }[] {
  return tiers.flatMap((tier, position) => {
    const next = tiers[position + 1];
    if (next === undefined || tier.upTo === null) return [];
    const falls = compareFractions(totalOf(next, tier.upTo), totalOf(tier, tier.upTo)) < 0;
    return falls ? [{ position: position + 1, bound: tier.upTo }] : [];
  });
}

function totalAt({ unitAmount, flatAmount }: Tier, quantity: Decimal): Fraction {
  const units = multiplyFractions(fractionFromDecimal(unitAmount), fractionFromDecimal(quantity));
  return addFractions(units, flatAmount === null ? ZERO_FRACTION : fractionFromDecimal(flatAmount));
}
