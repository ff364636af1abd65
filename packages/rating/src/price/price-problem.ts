/**
 * What static validation finds wrong with a price, and the checks that many of its fields share.
 *
 * An ERROR would leave a quantity without a price, or with two, and stops publishing. A WARNING is legal but seldom
 * meant. Each names the place and the fix. Reasons are permanent: callers match on them.
 * The trap: a decimal is compared as an exact fraction. As text "9" is above "10", and as a binary float 0.1 + 0.2 is
 * above 0.3.
 */
import type { Decimal } from '../number/decimal.ts';
import { compareFractions, fractionFromDecimal } from '../number/fraction.ts';

export interface PriceProblem {
  readonly severity: 'ERROR' | 'WARNING';
  /**
   * The field: of the model as it is, for example `tiers[1].up_to`; of the modifiers behind their name, for example
   * `modifiers.maximum`; of the price as it is, for example `group_by[1]`.
   */
  readonly path: string;
  readonly reason: PriceProblemReason;
  readonly message: string;
}

export type PriceProblemReason =
  | 'AMOUNT_NEGATIVE'
  | 'CELLS_TOO_MANY'
  | 'CELL_REPEATED'
  | 'CELL_VALUES_MISCOUNTED'
  | 'CONVERSION_DECIMALS_INVALID'
  | 'CONVERSION_FACTOR_NOT_POSITIVE'
  | 'CONVERSION_ROUNDS_EVENTS'
  | 'CURRENCY_MISMATCH'
  | 'CURRENCY_UNKNOWN'
  | 'DIMENSIONS_EMPTY'
  | 'DIMENSIONS_TOO_MANY'
  | 'DIMENSION_EMPTY'
  | 'DIMENSION_REPEATED'
  | 'EVENT_MAXIMUM_BELOW_FIXED'
  | 'EVENT_MINIMUM_ABOVE_MAXIMUM'
  | 'EVENT_VALUES_NOT_SUMMED'
  | 'FREE_ALLOWANCE_ZERO'
  | 'FREE_EVENTS_NOT_WHOLE'
  | 'GROUP_BY_EMPTY'
  | 'GROUP_BY_NEEDS_METER'
  | 'GROUP_BY_REPEATED'
  | 'GROUP_BY_TOO_MANY'
  | 'GROUP_BY_UNUSED'
  | 'INCLUDED_QUANTITY_UNUSABLE'
  | 'INCLUDED_QUANTITY_ZERO'
  | 'IN_ADVANCE_NEEDS_FEE'
  | 'MATRIX_DEFAULT_MISSING'
  | 'MAXIMUM_ZERO'
  | 'METER_UNUSED'
  | 'MINIMUM_ABOVE_MAXIMUM'
  | 'MODEL_NEEDS_METER'
  | 'PACKAGE_SIZE_NOT_POSITIVE'
  | 'PERCENT_ABOVE_HUNDRED'
  | 'PERCENT_NEGATIVE'
  | 'QUANTITY_NEGATIVE'
  | 'RATE_BY_NEEDS_GROUP_BY'
  | 'RATE_BY_NEEDS_USAGE'
  | 'STAIRSTEP_CLIFF'
  | 'TEXT_MALFORMED'
  | 'TIERS_EMPTY'
  | 'TIERS_TOO_MANY'
  | 'TIER_BOUND_NOT_ASCENDING'
  | 'TIER_BOUND_NOT_POSITIVE'
  | 'TIER_LAST_NOT_OPEN'
  | 'TIER_OPEN_NOT_LAST'
  | 'VOLUME_CLIFF';

export function error(path: string, reason: PriceProblemReason, message: string): PriceProblem {
  return { severity: 'ERROR', path, reason, message };
}

export function warning(path: string, reason: PriceProblemReason, message: string): PriceProblem {
  return { severity: 'WARNING', path, reason, message };
}

/** What is not given has no problem. */
type Given = Decimal | null | undefined;

export function amountProblems(path: string, amount: Given): readonly PriceProblem[] {
  if (!isNegative(amount)) return [];
  return [error(path, 'AMOUNT_NEGATIVE', `The amount ${amount} is below zero. Give an amount of zero or more.`)];
}

export function quantityProblems(path: string, quantity: Given): readonly PriceProblem[] {
  if (!isNegative(quantity)) return [];
  return [error(path, 'QUANTITY_NEGATIVE', `The quantity ${quantity} is below zero. Give a quantity of zero or more.`)];
}

export function percentProblems(path: string, percent: Decimal): readonly PriceProblem[] {
  if (isNegative(percent)) return [error(path, 'PERCENT_NEGATIVE', `${percent} % is below zero. Give zero or more.`)];
  if (!isAbove(percent, '100')) return [];
  return [warning(path, 'PERCENT_ABOVE_HUNDRED', `${percent} % charges more than the amount itself. Write 2.9 for 2.9 %, if that is not meant.`)];
}

/** Canonical text has a sign only below zero. */
function isNegative(value: Given): boolean {
  return value?.startsWith('-') ?? false;
}

/** Above zero, as canonical text has it. */
export function isPositive(value: Decimal): boolean {
  return value !== '0' && !isNegative(value);
}

export function isAbove(one: string, other: string): boolean {
  return compareFractions(fractionFromDecimal(one), fractionFromDecimal(other)) > 0;
}

/** Of what is compared with the properties of events, which are valid text. */
export function textProblems(path: string, texts: readonly (string | null)[]): readonly PriceProblem[] {
  if (texts.every((text) => text === null || text.isWellFormed())) return [];
  return [error(path, 'TEXT_MALFORMED', 'The text is cut within a character, and no event has it. Give valid Unicode text.')];
}

/** The positions at which a text stands that stood before. */
export function repeatedPositions(texts: readonly string[]): readonly number[] {
  const seen = new Set<string>();
  return texts.flatMap((text, position) => {
    const isRepeated = seen.has(text);
    seen.add(text);
    return isRepeated ? [position] : [];
  });
}
