import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addFractions,
  compareFractions,
  divideFractions,
  exactFromJson,
  exactToJson,
  type Fraction,
  fractionFromBigInt,
  fractionFromDecimal,
  fractionFromJson,
  fractionToDecimal,
  fractionToJson,
  multiplyFractions,
  subtractFractions,
} from '../src/index.ts';
import { negateFraction } from '../src/number/fraction.ts';
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
    ['6.4 = 32/5, though 64 has more twos than 10', fractionFromDecimal('6.4'), '32/5'],
    ['0.5625 = 9/16', fractionFromDecimal('0.5625'), '9/16'],
    ['-0.0625 = −1/16', fractionFromDecimal('-0.0625'), '-1/16'],
    ['0.007 = 7/1000', fractionFromDecimal('0.007'), '7/1000'],
    ['007.100 = 71/10', fractionFromDecimal('007.100'), '71/10'],
    ['1200 = 1200/1', fractionFromDecimal('1200'), '1200/1'],
    ['-0 = 0/1', fractionFromDecimal('-0'), '0/1'],
    ['-0.00 = 0/1', fractionFromDecimal('-0.00'), '0/1'],
    ['0 × −5 = 0/1', multiplyFractions(fractionFromDecimal('0'), fractionFromDecimal('-5')), '0/1'],
    ['−5 + 5 = 0/1', addFractions(fractionFromDecimal('-5'), fractionFromDecimal('5')), '0/1'],
    ['−0 = 0/1', negateFraction(fractionFromDecimal('0')), '0/1'],
    ['1/3 × 3 = 1/1', multiplyFractions(fractionFromBigInt(1n, 3n), fractionFromDecimal('3')), '1/1'],
    ['0.1 + 1/30 = 2/15', addFractions(fractionFromDecimal('0.1'), fractionFromBigInt(1n, 30n)), '2/15'],
    ['1 ÷ 3 = 1/3', divideFractions(fractionFromDecimal('1'), fractionFromDecimal('3')), '1/3'],
    ['1 ÷ 0.08 = 25/2', divideFractions(fractionFromDecimal('1'), fractionFromDecimal('0.08')), '25/2'],
    ['20 × 15/31 = 300/31', multiplyFractions(fractionFromDecimal('20'), fractionFromBigInt(15n, 31n)), '300/31'],
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

  test.each([
    ['0.125', '0.125'],
    ['-12.50', '-12.5'],
    [{ numerator: '1', denominator: '3' }, { numerator: '1', denominator: '3' }],
    [{ numerator: '-2', denominator: '6' }, { numerator: '-1', denominator: '3' }],
    [{ numerator: '2', denominator: '-6' }, { numerator: '-1', denominator: '3' }],
    [{ numerator: '3', denominator: '8' }, '0.375'],
    [{ numerator: '0', denominator: '31' }, '0'],
  ])('%j is written %j', (json, canonical) => {
    expect(exactToJson(exactFromJson(json))).toEqual(canonical);
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
