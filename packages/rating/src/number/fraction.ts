/**
 * An exact fraction: a decimal where the value has a finite decimal form, otherwise two integers in lowest terms.
 *
 * Every quantity and amount between the input and the one rounding of a line is a fraction: thirds and thirty-firsts
 * don't terminate, and nothing may be rounded on the way. Nearly all values are decimals, and for those bignumber.js is
 * exact by itself: a sum or a product of decimals is one operation of it. Only a quotient that doesn't terminate becomes
 * a ratio. Each value has one of the two forms and never the other, so equal values have equal texts; lowest terms of
 * a decimal are made where they are written. The numbers are of a private constructor, since the global one can be
 * reconfigured by anybody.
 * The traps: bignumber.js rounds when it divides or takes roots, so nothing here asks it to; and it has a negative zero,
 * which every decimal leaves behind on its way through `decimalFraction`.
 */
import { BigNumber } from 'bignumber.js';
import { invariant } from '../errors.ts';
import { decimalOfRatio, lowestTerms, type Ratio, ratioOfDecimal } from './ratio.ts';

/** A value that terminates is always a decimal and never a ratio. */
export type Fraction = DecimalFraction | RatioFraction;

interface DecimalFraction {
  readonly decimal: BigNumber;
  readonly ratio: null;
}

/** In lowest terms. */
interface RatioFraction {
  readonly decimal: null;
  readonly ratio: Ratio;
}

/** How a fraction is written in traces and in the canonical form. */
export type FractionJson = { readonly numerator: string; readonly denominator: string };

/** Decimal text where the value has a finite decimal form, otherwise a fraction. */
export type ExactJson = string | FractionJson;

/** Text and range without exponents; DECIMAL_PLACES bears on divisions alone, of which there are none. */
const ExactNumber = BigNumber.clone({ DECIMAL_PLACES: 0, EXPONENTIAL_AT: 1e9, RANGE: 1e9 });
const INTEGER = /^-?[0-9]+$/;
const EXACT_DECIMAL = /^-?[0-9]+(?:\.[0-9]+)?$/;
/** Far beyond any sum of admissible decimals; longer text is a corrupted fact. */
const EXACT_DECIMAL_LENGTH_MAX = 1000;

export const ZERO_FRACTION: Fraction = { decimal: new ExactNumber(0), ratio: null };

/**
 * The fraction of a decimal's text. Takes wider text than `parseDecimal` does, since a sum of many decimals may need
 * more than 38 digits; it is for values that have been checked on entry and breaks off on anything else.
 */
export function fractionFromDecimal(text: string): Fraction {
  invariant(text.length <= EXACT_DECIMAL_LENGTH_MAX && EXACT_DECIMAL.test(text), 'an exact decimal is malformed');
  return decimalFraction(new ExactNumber(text));
}

export function fractionFromBigInt(numerator: bigint, denominator = 1n): Fraction {
  invariant(denominator !== 0n, 'a fraction has no denominator of zero');
  if (denominator === 1n) return decimalFraction(new ExactNumber(numerator.toString()));
  return denominator > 0n ? fromRatio({ numerator, denominator }) : fromRatio({ numerator: -numerator, denominator: -denominator });
}

export function addFractions(one: Fraction, other: Fraction): Fraction {
  if (isZero(other)) return one;
  if (isZero(one)) return other;
  if (one.ratio === null && other.ratio === null) return decimalFraction(one.decimal.plus(other.decimal));
  const [a, b] = [ratioOf(one), ratioOf(other)];
  return fromRatio({ numerator: a.numerator * b.denominator + b.numerator * a.denominator, denominator: a.denominator * b.denominator });
}

export function subtractFractions(one: Fraction, other: Fraction): Fraction {
  if (isZero(other)) return one;
  if (one.ratio === null && other.ratio === null) return decimalFraction(one.decimal.minus(other.decimal));
  return addFractions(one, negateFraction(other));
}

export function multiplyFractions(one: Fraction, other: Fraction): Fraction {
  if (one.ratio === null && other.ratio === null) return decimalFraction(one.decimal.times(other.decimal));
  const [a, b] = [ratioOf(one), ratioOf(other)];
  return fromRatio({ numerator: a.numerator * b.numerator, denominator: a.denominator * b.denominator });
}

export function sumFractions(fractions: readonly Fraction[]): Fraction {
  return fractions.reduce(addFractions, ZERO_FRACTION);
}

/** Breaks off on a divisor of zero: callers ask first, since what it means differs from case to case. */
export function divideFractions(dividend: Fraction, divisor: Fraction): Fraction {
  invariant(!isZero(divisor), 'a fraction is divided by zero');
  const [a, b] = [ratioOf(dividend), ratioOf(divisor)];
  return fractionFromBigInt(a.numerator * b.denominator, a.denominator * b.numerator);
}

export function negateFraction(fraction: Fraction): Fraction {
  if (fraction.ratio === null) return decimalFraction(fraction.decimal.negated());
  const { numerator, denominator } = fraction.ratio;
  return { decimal: null, ratio: { numerator: -numerator, denominator } };
}

/** Below zero, zero or above zero, as for sorting. */
export function compareFractions(one: Fraction, other: Fraction): number {
  if (one.ratio === null && other.ratio === null) return orderOfDecimals(one.decimal, other.decimal);
  const [a, b] = [ratioOf(one), ratioOf(other)];
  const [left, right] = [a.numerator * b.denominator, b.numerator * a.denominator];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

export function equalFractions(one: Fraction, other: Fraction): boolean {
  return compareFractions(one, other) === 0;
}

export function isZero(fraction: Fraction): boolean {
  return fraction.ratio === null && fraction.decimal.isZero();
}

export function fractionToJson(fraction: Fraction): FractionJson {
  if (fraction.ratio === null && fraction.decimal.isInteger()) return { numerator: fraction.decimal.toFixed(), denominator: '1' };
  const { numerator, denominator } = ratioOf(fraction);
  return { numerator: numerator.toString(), denominator: denominator.toString() };
}

/** Reads what `fractionToJson` wrote, and reduces it. */
export function fractionFromJson(json: FractionJson): Fraction {
  invariant(INTEGER.test(json.numerator) && INTEGER.test(json.denominator), 'a fraction is malformed');
  return fractionFromBigInt(BigInt(json.numerator), BigInt(json.denominator));
}

export function exactToJson(fraction: Fraction): ExactJson {
  return fractionToDecimal(fraction) ?? fractionToJson(fraction);
}

export function exactFromJson(json: ExactJson): Fraction {
  return typeof json === 'string' ? fractionFromDecimal(json) : fractionFromJson(json);
}

/** Canonical decimal text, or `null` for a fraction such as 1/3 that has no finite decimal form. Never rounds. */
export function fractionToDecimal(fraction: Fraction): string | null {
  return fraction.ratio === null ? fraction.decimal.toFixed() : null;
}

/** The fraction of an exact bignumber.js number. */
export function decimalFraction(decimal: BigNumber): Fraction {
  return decimal.isZero() ? ZERO_FRACTION : { decimal, ratio: null };
}

/** A decimal again where the value terminates. */
function fromRatio(ratio: Ratio): Fraction {
  const reduced = lowestTerms(ratio);
  const decimal = decimalOfRatio(reduced);
  return decimal === null ? { decimal: null, ratio: reduced } : decimalFraction(new ExactNumber(decimal));
}

/** In lowest terms. */
function ratioOf(fraction: Fraction): Ratio {
  return fraction.ratio ?? ratioOfDecimal(fraction.decimal.toFixed());
}

function orderOfDecimals(one: BigNumber, other: BigNumber): number {
  const order = one.comparedTo(other);
  invariant(order !== null, 'a decimal is a number');
  return order;
}
