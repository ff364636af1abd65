/**
 * A ratio of two integers, and the way between it and a decimal.
 *
 * A ratio in lowest terms has a finite decimal form exactly if its denominator has no prime factors but 2 and 5. The
 * way back needs no search for a common divisor: the digits of a decimal don't end in zero, so they are divisible by 2
 * or by 5 or by neither, never by both, and the last digit says by which. The trap: that holds for canonical text
 * alone; `1.50` would keep a common ten.
 */

/** The denominator is above zero. */
export interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const POWERS_OF_TEN: readonly bigint[] = Array.from({ length: 40 }, (_, exponent) => 10n ** BigInt(exponent));

export function powerOfTen(exponent: number): bigint {
  return POWERS_OF_TEN[exponent] ?? 10n ** BigInt(exponent);
}

/** The same value without a common divisor. */
export function lowestTerms({ numerator, denominator }: Ratio): Ratio {
  const divisor = greatestCommonDivisor(numerator < 0n ? -numerator : numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** A canonical decimal's text as a ratio in lowest terms: −0.125 is −1/8. */
export function ratioOfDecimal(text: string): Ratio {
  const point = text.indexOf('.');
  if (point < 0) return { numerator: BigInt(text), denominator: 1n };
  const scale = text.length - point - 1;
  const common = primeOfLastDigit(text);
  let numerator = BigInt(text.slice(0, point) + text.slice(point + 1));
  let denominator = powerOfTen(scale);
  if (common === null) return { numerator, denominator };
  for (let left = scale; left > 0 && numerator % common === 0n; left -= 1) {
    numerator /= common;
    denominator /= common;
  }
  return { numerator, denominator };
}

/** Canonical decimal text of a ratio in lowest terms, or `null` where it has no finite decimal form. Never rounds. */
export function decimalOfRatio({ numerator, denominator }: Ratio): string | null {
  const scale = decimalDigits(denominator);
  if (scale === null) return null;
  const magnitude = (numerator < 0n ? -numerator : numerator) * (powerOfTen(scale) / denominator);
  const digits = magnitude.toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const sign = numerator < 0n ? '-' : '';
  return scale === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-scale)}`;
}

/** What a number that ends in this digit, and not in zero, shares with a power of ten. */
function primeOfLastDigit(digits: string): bigint | null {
  switch (digits.at(-1)) {
    case '5':
      return 5n;
    case '2':
    case '4':
    case '6':
    case '8':
      return 2n;
    default:
      return null;
  }
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

/** Euclid's algorithm; the steps are bounded by five times the decimal digits of the smaller number. */
function greatestCommonDivisor(one: bigint, other: bigint): bigint {
  let larger = one;
  let smaller = other;
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
