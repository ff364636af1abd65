import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addFractions, exactFromJson, exactToJson, fractionFromBigInt, fractionFromDecimal, fractionToDecimal, fractionToJson, type QuantityRounding, roundInParts, roundQuantity, roundToMinorUnits } from '../src/index.ts';
import { sumFractions } from '../src/number/fraction.ts';
import { exactValue, roundedTo } from './rational.ts';
import { rounds } from './rounds.ts';

const MODES = ['CEILING', 'FLOOR', 'HALF_UP', 'HALF_EVEN'] as const satisfies readonly QuantityRounding['mode'][];

describe('a quantity to so many decimals', () => {
  test.each([
    // exact, decimals, CEILING, FLOOR, HALF_UP, HALF_EVEN
    ['0', 0, '0', '0', '0', '0'],
    ['2', 0, '2', '2', '2', '2'],
    ['2.0000000000000001', 0, '3', '2', '2', '2'],
    ['2.5', 0, '3', '2', '3', '2'],
    ['3.5', 0, '4', '3', '4', '4'],
    ['2.9999999999999999', 0, '3', '2', '3', '3'],
    ['-0.4', 0, '0', '-1', '0', '0'],
    ['-2.5', 0, '-2', '-3', '-3', '-2'],
    ['-3.5', 0, '-3', '-4', '-4', '-4'],
    ['-2.0000000000000001', 0, '-2', '-3', '-2', '-2'],
    ['1.247', 2, '1.25', '1.24', '1.25', '1.25'],
    ['1.245', 2, '1.25', '1.24', '1.25', '1.24'],
    ['-1.245', 2, '-1.24', '-1.25', '-1.25', '-1.24'],
    ['-1.2', 2, '-1.2', '-1.2', '-1.2', '-1.2'],
    ['0.0000000000000000015', 18, '0.000000000000000002', '0.000000000000000001', '0.000000000000000002', '0.000000000000000002'],
    ['-0.0000000000000000025', 18, '-0.000000000000000002', '-0.000000000000000003', '-0.000000000000000003', '-0.000000000000000002'],
    ['99999999999999999999.9999', 3, '100000000000000000000', '99999999999999999999.999', '100000000000000000000', '100000000000000000000'],
  ])('%s to %i decimals: CEILING %s, FLOOR %s, HALF_UP %s, HALF_EVEN %s', (exact, decimals, ...expected) => {
    expect(MODES.map((mode) => fractionToDecimal(roundQuantity(fractionFromDecimal(exact), { decimals, mode })))).toEqual(expected);
  });

  test.each([
    [1n, 3n, 0, '1', '0', '0', '0'],
    [2n, 3n, 0, '1', '0', '1', '1'],
    [-1n, 3n, 0, '0', '-1', '0', '0'],
    [-2n, 3n, 0, '0', '-1', '-1', '-1'],
    [-10n, 3n, 2, '-3.33', '-3.34', '-3.33', '-3.33'],
    [1n, 3n, 18, '0.333333333333333334', '0.333333333333333333', '0.333333333333333333', '0.333333333333333333'],
  ])('%i/%i to %i decimals: CEILING %s, FLOOR %s, HALF_UP %s, HALF_EVEN %s', (numerator, denominator, decimals, ...expected) => {
    expect(MODES.map((mode) => fractionToDecimal(roundQuantity(fractionFromBigInt(numerator, denominator), { decimals, mode })))).toEqual(expected);
  });

  test('law: decimals and ratios alike are rounded as integers are', () => {
    fc.assert(
      fc.property(exactValue, fc.integer({ min: 0, max: 18 }), fc.constantFrom(...MODES), ([exact, rational], decimals, mode) => {
        const expected = fractionFromBigInt(roundedTo(rational, { decimals, mode }), 10n ** BigInt(decimals));
        expect(roundQuantity(exact, { decimals, mode })).toEqual(expected);
      }),
      rounds(1000),
    );
  });

  test('law: rounding twice is rounding once, and the ceiling of a value is minus the floor of its negative', () => {
    fc.assert(
      fc.property(exactValue, fc.integer({ min: 0, max: 18 }), fc.constantFrom(...MODES), ([exact], decimals, mode) => {
        const once = roundQuantity(exact, { decimals, mode });
        expect(roundQuantity(once, { decimals, mode })).toEqual(once);
        const [numerator, denominator] = [BigInt(fractionToJson(exact).numerator), BigInt(fractionToJson(exact).denominator)];
        const floorOfNegative = roundQuantity(fractionFromBigInt(-numerator, denominator), { decimals, mode: 'FLOOR' });
        expect(fractionToDecimal(addFractions(roundQuantity(exact, { decimals, mode: 'CEILING' }), floorOfNegative))).toBe('0');
      }),
      rounds(),
    );
  });
});

describe('the parts of a line share one rounding', () => {
  const THIRD = { numerator: '1', denominator: '3' };

  test.each([
    [['0.5', '0.5'], 0, ['1', '0']],
    [['0.005', '0.005', '0.005'], 2, ['1', '0', '1']],
    [[THIRD, THIRD, THIRD], 2, ['33', '34', '33']],
    [['-0.005', '-0.005'], 2, ['-1', '0']],
    [['0.006', '-0.006'], 2, ['1', '-1']],
    [['10.005'], 2, ['1001']],
    [['1', '0', '2'], 0, ['1', '0', '2']],
    [[], 2, []],
  ])('%j at %i digits = %j', (parts, exponent, expected) => {
    expect(roundInParts(parts.map(exactFromJson), exponent, 'HALF_UP').map(String)).toEqual(expected);
  });

  const parts = fc.array(exactValue.map(([exact]) => exact), { minLength: 1, maxLength: 8 });
  const exponents = fc.constantFrom(0, 2, 3, 4);
  const modes = fc.constantFrom<'HALF_UP' | 'HALF_EVEN'>('HALF_UP', 'HALF_EVEN');

  test('law: the shares add up to the rounded sum, as do the first so many to theirs', () => {
    fc.assert(
      fc.property(parts, exponents, modes, (exacts, exponent, mode) => {
        const shares = roundInParts(exacts, exponent, mode);
        for (const [last] of exacts.entries()) {
          const sum = sumFractions(exacts.slice(0, last + 1));
          expect(shares.slice(0, last + 1).reduce((total, share) => total + share, 0n)).toBe(roundToMinorUnits(sum, exponent, mode).minorUnits);
        }
      }),
      rounds(),
    );
  });

  test('law: in whatever order, the shares add up to the same; and of equal parts no two differ by more than one minor unit', () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: 2, max: 12 }), exponents, modes, (exacts, copies, exponent, mode) => {
        const total = (values: typeof exacts): bigint => roundInParts(values, exponent, mode).reduce((sum, share) => sum + share, 0n);
        expect(total(exacts.toReversed())).toBe(total(exacts));
        const [one] = exacts;
        if (one === undefined) return;
        const shares = roundInParts(Array.from({ length: copies }, () => exactFromJson(exactToJson(one))), exponent, mode).toSorted((a, b) => (a < b ? -1 : 1));
        expect((shares.at(-1) ?? 0n) - (shares[0] ?? 0n) <= 1n).toBe(true);
      }),
      rounds(),
    );
  });
});
