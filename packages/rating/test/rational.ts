/**
 * Rational arithmetic for tests, from first principles: pairs of bigints that are reduced only when they are written.
 *
 * It shares no code with the engine, and knows no decimals, so that a shortcut of the engine's is held against something that has none.
 */
import fc from 'fast-check';
import { type Fraction, fractionFromBigInt, fractionFromDecimal, type QuantityRounding } from '../src/index.ts';

/** The denominator is above zero. */
export type Rational = readonly [numerator: bigint, denominator: bigint];

export function rational(numerator: bigint, denominator: bigint): Rational {
  return denominator < 0n ? [-numerator, -denominator] : [numerator, denominator];
}

export function rationalOfDecimal(text: string): Rational {
  const [whole = '', fraction = ''] = text.split('.');
  return [BigInt(whole + fraction), 10n ** BigInt(fraction.length)];
}

export const plus = (a: Rational, b: Rational): Rational => [a[0] * b[1] + b[0] * a[1], a[1] * b[1]];
export const minus = (a: Rational, b: Rational): Rational => [a[0] * b[1] - b[0] * a[1], a[1] * b[1]];
export const times = (a: Rational, b: Rational): Rational => [a[0] * b[0], a[1] * b[1]];
export const over = (a: Rational, b: Rational): Rational => rational(a[0] * b[1], a[1] * b[0]);

export function sign([numerator]: Rational): number {
  return numerator === 0n ? 0 : numerator < 0n ? -1 : 1;
}

/** `numerator/denominator` in lowest terms. */
export function written([numerator, denominator]: Rational): string {
  let [larger, smaller] = [numerator < 0n ? -numerator : numerator, denominator];
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return `${numerator / larger}/${denominator / larger}`;
}

/** Whether it has a finite decimal form: some power of ten is a multiple of the denominator in lowest terms. */
export function terminates(value: Rational): boolean {
  const denominator = BigInt(written(value).split('/')[1] ?? '1');
  return 10n ** BigInt(denominator.toString(2).length) % denominator === 0n;
}

/** To so many digits after the point, as a whole number of the last digit: by floors alone, ⌊x⌋ and ⌊x + 1/2⌋. */
export function roundedTo([numerator, denominator]: Rational, { decimals, mode }: QuantityRounding): bigint {
  const scaled = numerator * 10n ** BigInt(decimals);
  switch (mode) {
    case 'FLOOR':
      return floor(scaled, denominator);
    case 'CEILING':
      return -floor(-scaled, denominator);
    case 'HALF_UP': {
      const magnitude = floor(2n * (scaled < 0n ? -scaled : scaled) + denominator, 2n * denominator);
      return scaled < 0n ? -magnitude : magnitude;
    }
    case 'HALF_EVEN': {
      const up = floor(2n * scaled + denominator, 2n * denominator);
      const isTie = 2n * up * denominator === 2n * scaled + denominator;
      return isTie && up % 2n !== 0n ? up - 1n : up;
    }
  }
}

function floor(numerator: bigint, denominator: bigint): bigint {
  const cut = numerator / denominator;
  return numerator < cut * denominator ? cut - 1n : cut;
}

/** A value as the engine has it and as these tests do. */
export type Exact = readonly [Fraction, Rational];

const digits = (most: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: most });

/** Of at most 38 digits, 18 of them after the point; not always canonical: `-0.50` and `007` occur. */
export const decimalText = fc
  .tuple(fc.constantFrom('', '-'), digits(20), fc.option(digits(18), { nil: null }))
  .map(([minus, whole, fraction]) => `${minus}${whole}${fraction === null ? '' : `.${fraction}`}`);

const exactDecimal = decimalText.map((text): Exact => [fractionFromDecimal(text), rationalOfDecimal(text)]);

/** Mostly ones that don't terminate, days of a month for instance; also ones with common divisors, twos and fives. */
const exactRatio = fc
  .tuple(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.oneof(fc.constantFrom(1n, 3n, 6n, 7n, 8n, 28n, 30n, 31n, 125n, 365n, 10n ** 18n), fc.bigInt(1n, 10n ** 20n)))
  .map(([numerator, denominator]): Exact => [fractionFromBigInt(numerator, denominator), [numerator, denominator]]);

/** Decimals and ratios, zero and whole numbers among them. */
export const exactValue: fc.Arbitrary<Exact> = fc.oneof(
  { weight: 4, arbitrary: exactDecimal },
  { weight: 4, arbitrary: exactRatio },
  { weight: 1, arbitrary: fc.bigInt(-1000n, 1000n).map((whole): Exact => [fractionFromBigInt(whole), [whole, 1n]]) },
);
