/**
 * Static validation of a price model, before it is published: every problem at once, each naming the place and the fix.
 *
 * An ERROR would leave a quantity without a price, or with two, and stops publishing. A WARNING is legal but seldom
 * meant: with volume pricing, passing a bound can make the total fall. The trap: a cliff is sought just past the bound,
 * where the quantity is still the bound's but the price is already the next tier's.
 */
import { unreachable } from '../errors.ts';
import type { Decimal } from '../number/decimal.ts';
import {
  addFractions,
  compareFractions,
  type Fraction,
  fractionFromDecimal,
  multiplyFractions,
  ZERO_FRACTION,
} from '../number/fraction.ts';
import type { PriceModel, Tier } from './price.ts';

export interface PriceProblem {
  readonly severity: 'ERROR' | 'WARNING';
  /** The field within the model, for example `tiers[1].up_to`. */
  readonly path: string;
  readonly reason:
    | 'AMOUNT_NEGATIVE'
    | 'TIERS_EMPTY'
    | 'TIER_BOUND_NOT_ASCENDING'
    | 'TIER_BOUND_NOT_POSITIVE'
    | 'TIER_LAST_NOT_OPEN'
    | 'TIER_OPEN_NOT_LAST'
    | 'VOLUME_CLIFF';
  readonly message: string;
}

/**
 * Every problem, errors and warnings, in the order of the fields. An empty list means that every quantity has exactly
 * one amount.
 */
export function validatePriceModel(model: PriceModel): readonly PriceProblem[] {
  switch (model.kind) {
    case 'FLAT':
      return amountProblems('amount', model.amount);
    case 'PER_UNIT':
      return amountProblems('unit_amount', model.unitAmount);
    case 'GRADUATED':
      return tiersProblems(model.tiers);
    case 'VOLUME': {
      const problems = tiersProblems(model.tiers);
      return problems.length > 0 ? problems : volumeCliffs(model.tiers);
    }
    default:
      return unreachable(model);
  }
}

function tiersProblems(tiers: readonly Tier[]): readonly PriceProblem[] {
  if (tiers.length === 0) {
    return [error('tiers', 'TIERS_EMPTY', 'There are no tiers. Add one; a single open tier prices every quantity alike.')];
  }
  return tiers.flatMap((tier, position) => [
    ...boundProblems(tiers, tier, position),
    ...amountProblems(`tiers[${position}].unit_amount`, tier.unitAmount),
    ...amountProblems(`tiers[${position}].flat_amount`, tier.flatAmount),
  ]);
}

function boundProblems(tiers: readonly Tier[], { upTo }: Tier, position: number): readonly PriceProblem[] {
  const path = `tiers[${position}].up_to`;
  const isLast = position === tiers.length - 1;
  if (upTo === null) {
    const fix = 'Only the last tier is open. Give this tier an upper bound, or remove the tiers after it.';
    return isLast ? [] : [error(path, 'TIER_OPEN_NOT_LAST', fix)];
  }
  const bound = fractionFromDecimal(upTo);
  const before = highestBoundBefore(tiers, position);
  const problems: PriceProblem[] = [];
  if (compareFractions(bound, ZERO_FRACTION) <= 0) {
    const fix = `The bound ${upTo} is not above zero. Give an upper bound above zero.`;
    problems.push(error(path, 'TIER_BOUND_NOT_POSITIVE', fix));
  } else if (before !== null && compareFractions(bound, fractionFromDecimal(before)) <= 0) {
    const fix = `The bound ${upTo} is not above ${before}, an earlier tier's. Order the tiers by strictly rising bounds.`;
    problems.push(error(path, 'TIER_BOUND_NOT_ASCENDING', fix));
  }
  if (isLast) {
    const fix = `Quantities above ${upTo} have no price. Leave the last tier's bound out.`;
    problems.push(error(path, 'TIER_LAST_NOT_OPEN', fix));
  }
  return problems;
}

function highestBoundBefore(tiers: readonly Tier[], position: number): Decimal | null {
  return tiers.slice(0, position).reduce<Decimal | null>((highest, { upTo }) => {
    if (upTo === null || highest === null) return upTo ?? highest;
    return compareFractions(fractionFromDecimal(upTo), fractionFromDecimal(highest)) > 0 ? upTo : highest;
  }, null);
}

function volumeCliffs(tiers: readonly Tier[]): readonly PriceProblem[] {
  return tiers.flatMap((tier, position) => {
    const next = tiers[position + 1];
    if (next === undefined || tier.upTo === null) return [];
    const atBound = totalAt(tier, tier.upTo);
    const pastBound = totalAt(next, tier.upTo);
    if (compareFractions(pastBound, atBound) >= 0) return [];
    const message =
      `The total falls when the quantity passes ${tier.upTo}. ` +
      'Use graduated tiers, or a flat amount that makes up for it, if that is not meant.';
    return [{ severity: 'WARNING', path: `tiers[${position + 1}]`, reason: 'VOLUME_CLIFF', message } as const];
  });
}

function totalAt(tier: Tier, quantity: Decimal): Fraction {
  const units = multiplyFractions(fractionFromDecimal(tier.unitAmount), fractionFromDecimal(quantity));
  return tier.flatAmount === null ? units : addFractions(units, fractionFromDecimal(tier.flatAmount));
}

function amountProblems(path: string, amount: Decimal | null): readonly PriceProblem[] {
  if (amount === null || !amount.startsWith('-')) return [];
  return [error(path, 'AMOUNT_NEGATIVE', `The amount ${amount} is below zero. Give an amount of zero or more.`)];
}

function error(path: string, reason: PriceProblem['reason'], message: string): PriceProblem {
  return { severity: 'ERROR', path, reason, message };
}
