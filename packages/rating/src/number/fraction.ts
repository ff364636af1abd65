/**
 * An exact fraction of two integers in lowest terms, denominator above zero.
 *
 * Every quantity and amount between the input and the one rounding of a line is a fraction: thirds and thirty-firsts
 * don't terminate, and nothing may be rounded on the way. Lowest terms make equal values equal texts. The integers are
 * bignumber.js numbers of a private constructor; the global one can be reconfigured by anybody.
 * The trap: bignumber.js rounds when it divides. Nothing here divides but the reduction by a common divisor, which is
 * exact.
 */
import { BigNumber } from 'bignumber.js';
import { invariant } from '../errors.ts';

export interface Fraction {
  readonly numerator: BigNumber;
  readonly denominator: BigNumber;
}

/** How a fraction is written in traces and in the canonical form. */
export type FractionJson = { readonly numerator: string; readonly denominator: string };

/** Decimal text where the value has a finite decimal form, otherwise a fraction. */
export type ExactJson = string | FractionJson;

const Integer = BigNumber.clone({ DECIMAL_PLACES: 0, EXPONENTIAL_AT: 1e9, RANGE: 1e9 });
const ONE = new Integer(1);
const TEN = new Integer(10);
const INTEGER = /^-?[0-9]+$/;
const EXACT_DECIMAL = /^-?[0-9]+(?:\.[0-9]+)?$/;
/** Far beyond any sum of admissible decimals; longer text is a corrupted fact. */
const EXACT_DECIMAL_LENGTH_MAX = 1000;

export const ZERO_FRACTION: Fraction = { numerator: new Integer(0), denominator: ONE };

/**
 * The fraction of a decimal's text. Takes wider text than `parseDecimal` does, since a sum of many decimals may need
 * more than 38 digits; it is for values that have been checked on entry and breaks off on anything else.
 */
export function fractionFromDecimal(text: string): Fraction {
  invariant(text.length <= EXACT_DECIMAL_LENGTH_MAX && EXACT_DECIMAL.test(text), 'an exact decimal is malformed');
  const point = text.indexOf('.');
  if (point < 0) return { numerator: new Integer(text), denominator: ONE };
  const scale = text.length - point - 1;
  return reduced(new Integer(text.slice(0, point) + text.slice(point + 1)), TEN.pow(scale));
}

export function fractionFromBigInt(numerator: bigint, denominator = 1n): Fraction {
  invariant(denominator !== 0n, 'a fraction has no denominator of zero');
  return denominator > 0n ? reducedBigInt(numerator, denominator) : reducedBigInt(-numerator, -denominator);
}

export function addFractions(one: Fraction, other: Fraction): Fraction {
  const numerator = one.numerator.times(other.denominator).plus(other.numerator.times(one.denominator));
  return reduced(numerator, one.denominator.times(other.denominator));
}

export function subtractFractions(one: Fraction, other: Fraction): Fraction {
  return addFractions(one, negateFraction(other));
}

export function multiplyFractions(one: Fraction, other: Fraction): Fraction {
  return reduced(one.numerator.times(other.numerator), one.denominator.times(other.denominator));
}

export function sumFractions(fractions: readonly Fraction[]): Fraction {
  return fractions.reduce(addFractions, ZERO_FRACTION);
}

/** Breaks off on a divisor of zero: callers ask first, since what it means differs from case to case. */
export function divideFractions(dividend: Fraction, divisor: Fraction): Fraction {
  invariant(!divisor.numerator.isZero(), 'a fraction is divided by zero');
  const numerator = dividend.numerator.times(divisor.denominator);
  const denominator = dividend.denominator.times(divisor.numerator);
  if (denominator.isNegative()) return reduced(numerator.negated(), denominator.negated());
  return reduced(numerator, denominator);
}

export function negateFraction(fraction: Fraction): Fraction {
  if (fraction.numerator.isZero()) return fraction; // bignumber.js has a negative zero
  return { numerator: fraction.numerator.negated(), denominator: fraction.denominator };
}

/** Below zero, zero or above zero, as for sorting. */
export function compareFractions(one: Fraction, other: Fraction): number {
  const left = one.numerator.times(other.denominator);
  const right = other.numerator.times(one.denominator);
  if (left.isEqualTo(right)) return 0;
  return left.isLessThan(right) ? -1 : 1;
}

export function equalFractions(one: Fraction, other: Fraction): boolean {
  return compareFractions(one, other) === 0;
}

export function isZero(fraction: Fraction): boolean {
  return fraction.numerator.isZero();
}

export function fractionToJson(fraction: Fraction): FractionJson {
  return { numerator: fraction.numerator.toFixed(), denominator: fraction.denominator.toFixed() };
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

/** The integers of a fraction, for arithmetic that compares remainders. */
export function fractionToBigInts(fraction: Fraction): { readonly numerator: bigint; readonly denominator: bigint } {
  return { numerator: BigInt(fraction.numerator.toFixed()), denominator: BigInt(fraction.denominator.toFixed()) };
}

/** Canonical decimal text, or `null` for a fraction such as 1/3 that has no finite decimal form. Never rounds. */
export function fractionToDecimal(fraction: Fraction): string | null {
  const { numerator, denominator } = fractionToBigInts(fraction);
  const scale = decimalDigits(denominator);
  if (scale === null) return null;
  const magnitude = (numerator < 0n ? -numerator : numerator) * (10n ** BigInt(scale) / denominator);
  const digits = magnitude.toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const sign = numerator < 0n ? '-' : '';
  return scale === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-scale)}`;
}

/**
 * How many digits after the point a denominator needs: the larger count of its twos and fives, if it has no other
 * factor.
 */
function decimalDigits(denominator: bigint): number | null {
  let rest = denominator;
  let twos = 0;
  let fives = 0;
  for (; rest % 2n === 0n; rest /= 2n) twos += 1;
  for (; rest % 5n === 0n; rest /= 5n) fives += 1;
  return rest === 1n ? Math.max(twos, fives) : null;
}

function reduced(numerator: BigNumber, denominator: BigNumber): Fraction {
  if (denominator.isEqualTo(ONE)) return { numerator, denominator };
  return reducedBigInt(BigInt(numerator.toFixed()), BigInt(denominator.toFixed()));
}

function reducedBigInt(numerator: bigint, denominator: bigint): Fraction {
  const divisor = greatestCommonDivisor(numerator < 0n ? -numerator : numerator, denominator);
  return {
    numerator: new Integer((numerator / divisor).toString()),
    denominator: new Integer((denominator / divisor).toString()),
  };
}

/** Euclid's algorithm; the steps are bounded by five times the decimal digits of the smaller number. */
function greatestCommonDivisor(one: bigint, other: bigint): bigint {
  let larger = one;
  let smaller = other;
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
