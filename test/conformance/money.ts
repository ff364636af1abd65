/** The currency of a case, and its amounts: settled by the rounding of a line, or exact where the case gives an amount unrounded. */
import { compareFractions, currencyExponent, type Fraction, fractionFromBigInt, RatingError, type RoundingMode, roundToMinorUnits, subtractFractions } from '@valora/rating';
import type { ConformanceCase } from './case.ts';
import { digitsAfterPoint, number, sameNumber } from './compare.ts';
import { has, MalformedCase, object, text, wholeNumber } from './fields.ts';

export interface Money {
  readonly exponent: number;
  readonly mode: RoundingMode;
  /** Whether the case gives its amounts before the rounding of the line. */
  readonly isUnrounded: boolean;
}

export function moneyOf({ fields }: ConformanceCase): Money {
  const exponent = wholeNumber(fields, 'currency_exponent');
  const mode = has(fields, 'rounding') ? text(object(fields, 'rounding'), 'mode') : 'half_away_from_zero';
  const known = knownExponent(text(fields, 'currency'));
  if (known !== null && known !== exponent) throw new MalformedCase(`the currency has ${known} digits and not ${exponent}`);
  return { exponent, mode: mode === 'half_even' ? 'HALF_EVEN' : 'HALF_UP', isUnrounded: mode === 'none' };
}

/** The amount of a line: rounded once, to the minor unit. */
export function settled(exact: Fraction, { exponent, mode }: Money): Fraction {
  return fractionFromBigInt(roundToMinorUnits(exact, exponent, mode).minorUnits, 10n ** BigInt(exponent));
}

export function sameAmount(name: string, expected: string, exact: Fraction, money: Money): readonly string[] {
  const isExact = money.isUnrounded || digitsAfterPoint(expected) > money.exponent;
  return sameNumber(name, expected, isExact ? exact : settled(exact, money));
}

/** For amounts that their source asserts within a tolerance. */
export function nearAmount(name: string, { expected, exact, tolerance }: { expected: string; exact: Fraction; tolerance: string }, money: Money): readonly string[] {
  const ours = settled(exact, money);
  const distance = subtractFractions(ours, number(expected));
  const within = compareFractions(distance, number(tolerance)) <= 0 && compareFractions(distance, number(`-${tolerance}`)) >= 0;
  return within ? [] : sameNumber(name, expected, ours);
}

/** `null` for a code that is no currency: such a case brings its own exponent. */
function knownExponent(code: string): number | null {
  try {
    return currencyExponent(code);
  } catch (error) {
    if (error instanceof RatingError && error.reason === 'CURRENCY_UNKNOWN') return null;
    throw error;
  }
}
