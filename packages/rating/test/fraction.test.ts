import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addFractions,
  compareFractions,
  divideFractions,
  type Fraction,
  fractionFromBigInt,
  fractionFromDecimal,
  fractionFromJson,
  fractionToDecimal,
  fractionToJson,
  multiplyFractions,
  subtractFractions,
} from '../src/index.ts';
import { rounds } from './rounds.ts';

const fraction = fc
  .tuple(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.bigInt(1n, 10n ** 20n))
  .map(([numerator, denominator]) => fractionFromBigInt(numerator, denominator));

function text(value: Fraction): string {
  const { numerator, denominator } = fractionToJson(value);
  return `${numerator}/${denominator}`;
}

describe('exact arithmetic in lowest terms', () => {
  test.each([
    ['1/3 + 1/6 = 1/2', addFractions(fractionFromBigInt(1n, 3n), fractionFromBigInt(1n, 6n)), '1/2'],
    ['1/2 − 1/2 = 0/1', subtractFractions(fractionFromBigInt(1n, 2n), fractionFromBigInt(1n, 2n)), '0/1'],
    ['2/3 × 3/2 = 1/1', multiplyFractions(fractionFromBigInt(2n, 3n), fractionFromBigInt(3n, 2n)), '1/1'],
    ['1/2 ÷ −3/4 = −2/3', divideFractions(fractionFromBigInt(1n, 2n), fractionFromBigInt(-3n, 4n)), '-2/3'],
    ['2/−4 = −1/2', fractionFromBigInt(2n, -4n), '-1/2'],
    ['0.125 = 1/8', fractionFromDecimal('0.125'), '1/8'],
    ['-10.50 = −21/2', fractionFromDecimal('-10.50'), '-21/2'],
  ])('%s', (_equation, value, expected) => {
    expect(text(value)).toBe(expected);
  });

  test.each([
    [1n, 3n, null],
    [1n, 8n, '0.125'],
    [-1n, 20n, '-0.05'],
    [100n, 1n, '100'],
    [0n, 1n, '0'],
    [7n, 30n, null],
  ])('%i/%i as a decimal is %s', (numerator, denominator, expected) => {
    expect(fractionToDecimal(fractionFromBigInt(numerator, denominator))).toBe(expected);
  });

  test('a sum may be wider than 38 digits', () => {
    const wide = `${'9'.repeat(60)}.123456789012345678`;
    expect(fractionToDecimal(fractionFromDecimal(wide))).toBe(wide);
  });

  test('division by zero, text that is no decimal, and a fraction over zero break off', () => {
    expect(() => divideFractions(fractionFromBigInt(1n), fractionFromBigInt(0n))).toThrow('divided by zero');
    expect(() => fractionFromDecimal('1e5')).toThrow('malformed');
    expect(() => fractionFromDecimal('9'.repeat(1001))).toThrow('malformed');
    expect(() => fractionFromJson({ numerator: '1', denominator: '0' })).toThrow('denominator');
    expect(() => fractionFromJson({ numerator: '1.5', denominator: '1' })).toThrow('malformed');
  });
});

describe('laws of fractions', () => {
  test('addition is associative and commutative, and subtraction undoes it', () => {
    fc.assert(
      fc.property(fraction, fraction, fraction, (a, b, c) => {
        expect(text(addFractions(addFractions(a, b), c))).toBe(text(addFractions(a, addFractions(c, b))));
        expect(text(subtractFractions(addFractions(a, b), b))).toBe(text(a));
      }),
      rounds(),
    );
  });

  test('multiplication distributes over addition, and division undoes it', () => {
    fc.assert(
      fc.property(fraction, fraction, fraction, (a, b, c) => {
        const apart = addFractions(multiplyFractions(a, b), multiplyFractions(a, c));
        expect(text(multiplyFractions(a, addFractions(b, c)))).toBe(text(apart));
        if (compareFractions(b, fractionFromBigInt(0n)) !== 0) expect(text(divideFractions(multiplyFractions(a, b), b))).toBe(text(a));
      }),
      rounds(),
    );
  });

  test('comparison agrees with the sign of the difference', () => {
    fc.assert(
      fc.property(fraction, fraction, (a, b) => {
        const sign = Math.sign(compareFractions(subtractFractions(a, b), fractionFromBigInt(0n)));
        expect(compareFractions(a, b)).toBe(sign);
        expect(compareFractions(a, fractionFromJson(fractionToJson(a)))).toBe(0);
      }),
      rounds(),
    );
  });
});
