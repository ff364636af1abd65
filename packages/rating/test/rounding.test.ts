import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addFractions,
  currencyExponent,
  formatMinorUnits,
  fractionFromBigInt,
  fractionFromDecimal,
  fractionToJson,
  InvariantError,
  type RoundingMode,
  roundToMinorUnits,
  subtractFractions,
} from '../src/index.ts';
import { type Exact, exactValue, roundedTo } from './rational.ts';
import { rounds } from './rounds.ts';

function rounded(text: string, exponent: number, mode: RoundingMode): string {
  return formatMinorUnits(roundToMinorUnits(fractionFromDecimal(text), exponent, mode).minorUnits, exponent);
}

describe('to the minor unit', () => {
  test.each([
    ['0.125', 2, '0.13', '0.12'],
    ['0.135', 2, '0.14', '0.14'],
    ['-0.125', 2, '-0.13', '-0.12'],
    ['-0.135', 2, '-0.14', '-0.14'],
    ['0.005', 2, '0.01', '0.00'],
    ['-0.005', 2, '-0.01', '0.00'],
    ['0.1249999999999999999999', 2, '0.12', '0.12'],
    ['0.1250000000000000000001', 2, '0.13', '0.13'],
    ['2.5', 0, '3', '2'],
    ['3.5', 0, '4', '4'],
    ['0.0005', 3, '0.001', '0.000'],
    ['1.00005', 4, '1.0001', '1.0000'],
    ['99.999', 2, '100.00', '100.00'],
  ])('%s at %i digits: HALF_UP %s, HALF_EVEN %s', (text, exponent, halfUp, halfEven) => {
    expect(rounded(text, exponent, 'HALF_UP')).toBe(halfUp);
    expect(rounded(text, exponent, 'HALF_EVEN')).toBe(halfEven);
  });

  test('1/3 = 0.33, residue 1/300', () => {
    const { minorUnits, residue } = roundToMinorUnits(fractionFromBigInt(1n, 3n), 2, 'HALF_UP');
    expect(minorUnits).toBe(33n);
    expect(fractionToJson(residue)).toEqual({ numerator: '1', denominator: '300' });
  });
});

describe('at, just below and just above a half, in every currency', () => {
  /** One minor unit, half of one, and a quintillionth either side of it; on odd and even units. */
  test.each([
    ['JPY', '0.5', '1', '0'],
    ['JPY', '1.5', '2', '2'],
    ['JPY', '0.499999999999999999', '0', '0'],
    ['JPY', '0.500000000000000001', '1', '1'],
    ['USD', '0.005', '0.01', '0.00'],
    ['USD', '0.015', '0.02', '0.02'],
    ['USD', '0.004999999999999999', '0.00', '0.00'],
    ['USD', '0.005000000000000001', '0.01', '0.01'],
    ['KWD', '0.0005', '0.001', '0.000'],
    ['KWD', '0.0015', '0.002', '0.002'],
    ['KWD', '0.000499999999999999', '0.000', '0.000'],
    ['KWD', '0.000500000000000001', '0.001', '0.001'],
    ['CLF', '0.00005', '0.0001', '0.0000'],
    ['CLF', '0.00015', '0.0002', '0.0002'],
    ['CLF', '0.000049999999999999', '0.0000', '0.0000'],
    ['CLF', '0.000050000000000001', '0.0001', '0.0001'],
    ['USD', '99999999999999999999.995', '100000000000000000000.00', '100000000000000000000.00'],
    ['USD', '99999999999999999999.985', '99999999999999999999.99', '99999999999999999999.98'],
  ])('%s %s: HALF_UP %s, HALF_EVEN %s, and below zero the same', (currency, text, halfUp, halfEven) => {
    const exponent = currencyExponent(currency);
    const negative = (amount: string) => (/[1-9]/.test(amount) ? `-${amount}` : amount);
    expect([rounded(text, exponent, 'HALF_UP'), rounded(text, exponent, 'HALF_EVEN')]).toEqual([halfUp, halfEven]);
    expect([rounded(`-${text}`, exponent, 'HALF_UP'), rounded(`-${text}`, exponent, 'HALF_EVEN')]).toEqual([negative(halfUp), negative(halfEven)]);
  });

  test.each([
    [5n, 3n, 0, '2'],
    [4n, 3n, 0, '1'],
    [1n, 30n, 2, '0.03'],
    [-1n, 30n, 2, '-0.03'],
    [100n, 3n, 3, '33.333'],
    [200n, 3n, 4, '66.6667'],
    // as near to a half as the denominator allows, on either side
    [10n ** 18n / 2n, 10n ** 18n - 1n, 0, '1'],
    [10n ** 18n / 2n, 10n ** 18n + 1n, 0, '0'],
  ])('%i/%i at %i digits = %s, by both modes: what does not terminate lies on no half', (numerator, denominator, exponent, expected) => {
    const exact = fractionFromBigInt(numerator, denominator);
    const amounts = (['HALF_UP', 'HALF_EVEN'] as const).map((mode) => formatMinorUnits(roundToMinorUnits(exact, exponent, mode).minorUnits, exponent));
    expect(amounts).toEqual([expected, expected]);
  });

  test.each([-1, 0.5, Number.NaN])('%d is no exponent', (exponent) => {
    expect(() => roundToMinorUnits(fractionFromDecimal('1.5'), exponent, 'HALF_UP')).toThrow(InvariantError);
  });
});

describe('laws of rounding', () => {
  const exponents = fc.constantFrom(0, 2, 3, 4);
  const modes = fc.constantFrom<RoundingMode>('HALF_UP', 'HALF_EVEN');
  /** A whole number of halves of a minor unit; by chance an amount is hardly ever one. */
  const halves = fc.tuple(fc.bigInt(-(10n ** 20n), 10n ** 20n), exponents).map(([count, exponent]): Exact => {
    const denominator = 2n * 10n ** BigInt(exponent);
    return [fractionFromBigInt(count, denominator), [count, denominator]];
  });
  const amounts = fc.oneof(exactValue, halves);

  test('decimals and ratios alike are rounded as integers are', () => {
    fc.assert(
      fc.property(amounts, exponents, modes, ([exact, rational], exponent, mode) => {
        expect(roundToMinorUnits(exact, exponent, mode).minorUnits).toBe(roundedTo(rational, { decimals: exponent, mode }));
      }),
      rounds(1000),
    );
  });

  test('exact = rounded + residue, and the residue is at most half a minor unit', () => {
    fc.assert(
      fc.property(amounts, exponents, modes, ([exact], exponent, mode) => {
        const { minorUnits, residue } = roundToMinorUnits(exact, exponent, mode);
        const scale = 10n ** BigInt(exponent);
        expect(fractionToJson(addFractions(fractionFromBigInt(minorUnits, scale), residue))).toEqual(fractionToJson(exact));
        const { numerator, denominator } = fractionToJson(residue);
        expect(2n * scale * BigInt(numerator.replace('-', '')) <= BigInt(denominator)).toBe(true);
      }),
      rounds(),
    );
  });

  test('symmetric about zero, and whole minor units stay as they are', () => {
    fc.assert(
      fc.property(amounts, exponents, modes, fc.bigInt(), ([exact], exponent, mode, whole) => {
        const negated = subtractFractions(fractionFromBigInt(0n), exact);
        expect(roundToMinorUnits(negated, exponent, mode).minorUnits).toBe(-roundToMinorUnits(exact, exponent, mode).minorUnits);
        const already = fractionFromBigInt(whole, 10n ** BigInt(exponent));
        expect(roundToMinorUnits(already, exponent, mode).minorUnits).toBe(whole);
      }),
      rounds(),
    );
  });
});
