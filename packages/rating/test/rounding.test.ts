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
  parseMinorUnits,
  RatingError,
  type RoundingMode,
  roundToMinorUnits,
} from '../src/index.ts';
import { rounds } from './rounds.ts';

function rounded(text: string, exponent: number, mode: RoundingMode): string {
  return formatMinorUnits(roundToMinorUnits(fractionFromDecimal(text), exponent, mode).minorUnits, exponent);
}

function readOrNull(text: string, exponent: number): bigint | null {
  try {
    return parseMinorUnits(text, exponent);
  } catch (error) {
    if (error instanceof InvariantError) return null;
    throw error;
  }
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

describe('laws of rounding', () => {
  const exact = fc
    .tuple(fc.bigInt(-(10n ** 20n), 10n ** 20n), fc.oneof(fc.bigInt(1n, 10n ** 9n), fc.constantFrom(2n, 20n, 200n, 2000n, 20000n)))
    .map(([numerator, denominator]) => fractionFromBigInt(numerator, denominator));
  const exponents = fc.constantFrom(0, 2, 3, 4);
  const modes = fc.constantFrom<RoundingMode>('HALF_UP', 'HALF_EVEN');

  test('exact = rounded + residue, and the residue is at most half a minor unit', () => {
    fc.assert(
      fc.property(exact, exponents, modes, (amount, exponent, mode) => {
        const { minorUnits, residue } = roundToMinorUnits(amount, exponent, mode);
        const scale = 10n ** BigInt(exponent);
        expect(fractionToJson(addFractions(fractionFromBigInt(minorUnits, scale), residue))).toEqual(fractionToJson(amount));
        const { numerator, denominator } = fractionToJson(residue);
        expect(2n * scale * BigInt(numerator.replace('-', '')) <= BigInt(denominator)).toBe(true);
      }),
      rounds(),
    );
  });

  test('symmetric about zero, and whole minor units stay as they are', () => {
    fc.assert(
      fc.property(exact, exponents, modes, fc.bigInt(), (amount, exponent, mode, whole) => {
        const negated = { numerator: amount.numerator.negated(), denominator: amount.denominator };
        expect(roundToMinorUnits(negated, exponent, mode).minorUnits).toBe(-roundToMinorUnits(amount, exponent, mode).minorUnits);
        const already = fractionFromBigInt(whole, 10n ** BigInt(exponent));
        expect(roundToMinorUnits(already, exponent, mode).minorUnits).toBe(whole);
      }),
      rounds(),
    );
  });
});

describe('money has exactly its currency’s digits', () => {
  test.each([
    [1250n, 2, '12.50'],
    [-5n, 2, '-0.05'],
    [0n, 2, '0.00'],
    [0n, 0, '0'],
    [-1023n, 0, '-1023'],
    [1n, 3, '0.001'],
    [12345n, 4, '1.2345'],
  ])('%i at %i digits is %s', (minorUnits, exponent, text) => {
    expect(formatMinorUnits(minorUnits, exponent)).toBe(text);
  });

  test.each([
    ['12.50', 2, 1250n],
    ['-0.05', 2, -5n],
    ['0.00', 2, 0n],
    ['0', 0, 0n],
    ['-1023', 0, -1023n],
    ['0.001', 3, 1n],
    ['123456789012345678901234567890.12', 2, 12345678901234567890123456789012n],
  ])('%s at %i digits is read as %i', (text, exponent, minorUnits) => {
    expect(parseMinorUnits(text, exponent)).toBe(minorUnits);
  });

  test.each([
    ['12.5', 2],
    ['12.500', 2],
    ['1250', 2],
    ['12.50', 0],
    ['12.', 0],
    ['.50', 2],
    ['012.50', 2],
    ['-0.00', 2],
    ['-0', 0],
    ['+1.00', 2],
    ['--1.00', 2],
    ['1.0.0', 2],
    ['1e2', 0],
    ['0x10', 0],
    [' 1.00', 2],
    ['1.00\n', 2],
    ['1,00', 2],
    ['１.00', 2],
    ['NaN', 0],
    ['', 0],
  ])('%j at %i digits breaks off', (text, exponent) => {
    expect(() => parseMinorUnits(text, exponent)).toThrow(InvariantError);
  });

  test('law: an amount survives its text, and text that is read is the text of its amount', () => {
    const exponents = fc.constantFrom(0, 2, 3, 4);
    const amountText = fc.stringMatching(/^-?\d{1,6}(\.\d{1,4})?$/);
    fc.assert(
      fc.property(fc.bigInt(), exponents, amountText, (minorUnits, exponent, text) => {
        expect(parseMinorUnits(formatMinorUnits(minorUnits, exponent), exponent)).toBe(minorUnits);
        const read = readOrNull(text, exponent);
        if (read !== null) expect(formatMinorUnits(read, exponent)).toBe(text);
      }),
      rounds(),
    );
  });

  test.each([
    ['USD', 2],
    ['EUR', 2],
    ['JPY', 0],
    ['CLP', 0],
    ['KWD', 3],
    ['CLF', 4],
  ])('%s has %i', (code, exponent) => {
    expect(currencyExponent(code)).toBe(exponent);
  });

  test.each(['usd', 'XAU', 'XXX', '', 'DEM', '__proto__', 'toString'])('%s is refused', (code) => {
    expect(() => currencyExponent(code)).toThrow(RatingError);
  });
});
