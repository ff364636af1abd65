/**
 * An exact fraction of two integers in lowest terms, denominator above zero.
 *
 * Every quantity and amount between the input and the one rounding of a line is a fraction: thirds and thirty-firsts
 * don't terminate, and nothing may be rounded on the way. Lowest terms make equal values equal texts. The integers are
 * bigint, which is exact at any width and has one zero.
 * The trap: bigint division cuts toward zero. Nothing here divides but the reduction by a common divisor, which is
 * exact.
 */
import { invariant } from '../errors.ts';

export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** How a fraction is written in traces and in the canonical form. */
export type FractionJson = { readonly numerator: string; readonly denominator: string };

const INTEGER = /^-?[0-9]+$/;
const EXACT_DECIMAL = /^-?[0-9]+(?:\.[0-9]+)?$/;
/** Far beyond any sum of admissible decimals; longer text is a corrupted fact. */
const EXACT_DECIMAL_LENGTH_MAX = 1000;

export const ZERO_FRACTION: Fraction = { numerator: 0n, denominator: 1n };

/**
 * The fraction of a decimal's text. Takes wider text than `parseDecimal` does, since a sum of many decimals may need
 * more than 38 digits; it is for values that have been checked on entry and breaks off on anything else.
 */
export function fractionFromDecimal(text: string): Fraction {
  invariant(text.length <= EXACT_DECIMAL_LENGTH_MAX && EXACT_DECIMAL.test(text), 'an exact decimal is malformed');
  const point = text.indexOf('.');
  if (point < 0) return { numerator: BigInt(text), denominator: 1n };
  const scale = text.length - point - 1;
  return reduced(BigInt(text.slice(0, point) + text.slice(point + 1)), 10n ** BigInt(scale));
}

export function fractionFromBigInt(numerator: bigint, denominator = 1n): Fraction {
  invariant(denominator !== 0n, 'a fraction has no denominator of zero');
  return denominator > 0n ? reduced(numerator, denominator) : reduced(-numerator, -denominator);
}

export function addFractions(one: Fraction, other: Fraction): Fraction {
  if (one.denominator === other.denominator) return reduced(one.numerator + other.numerator, one.denominator);
  const numerator = one.numerator * other.denominator + other.numerator * one.denominator;
  return reduced(numerator, one.denominator * other.denominator);
}

export function subtractFractions(one: Fraction, other: Fraction): Fraction {
  return addFractions(one, negateFraction(other));
}

export function multiplyFractions(one: Fraction, other: Fraction): Fraction {
  return reduced(one.numerator * other.numerator, one.denominator * other.denominator);
}

/** Breaks off on a divisor of zero: callers ask first, since what it means differs from case to case. */
export function divideFractions(dividend: Fraction, divisor: Fraction): Fraction {
  invariant(divisor.numerator !== 0n, 'a fraction is divided by zero');
  return fractionFromBigInt(dividend.numerator * divisor.denominator, dividend.denominator * divisor.numerator);
}

export function negateFraction({ numerator, denominator }: Fraction): Fraction {
  return { numerator: -numerator, denominator };
}

/** Below zero, zero or above zero, as for sorting. */
export function compareFractions(one: Fraction, other: Fraction): number {
  const left = one.numerator * other.denominator;
  const right = other.numerator * one.denominator;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

export function fractionToJson({ numerator, denominator }: Fraction): FractionJson {
  return { numerator: numerator.toString(), denominator: denominator.toString() };
}

/** Reads what `fractionToJson` wrote, and reduces it. */
export function fractionFromJson(json: FractionJson): Fraction {
  invariant(INTEGER.test(json.numerator) && INTEGER.test(json.denominator), 'a fraction is malformed');
  return fractionFromBigInt(BigInt(json.numerator), BigInt(json.denominator));
}

/** Canonical decimal text, or `null` for a fraction such as 1/3 that has no finite decimal form. Never rounds. */
export function fractionToDecimal(fraction: Fraction): string | null {
  const { numerator, denominator } = fraction;
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

function reduced(numerator: bigint, denominator: bigint): Fraction {
  if (denominator === 1n) return { numerator, denominator };
  const divisor = greatestCommonDivisor(numerator < 0n ? -numerator : numerator, denominator);
  return divisor === 1n ? { numerator, denominator } : { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** Euclid's algorithm; the steps are bounded by five times the decimal digits of the smaller number. */
function greatestCommonDivisor(one: bigint, other: bigint): bigint {
  let larger = one;
  let smaller = other;
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
