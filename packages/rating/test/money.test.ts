import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { currencyExponent, formatMinorUnits, InvariantError, parseMinorUnits, RatingError } from '../src/index.ts';
import { rounds } from './rounds.ts';

function readOrNull(text: string, exponent: number): bigint | null {
  try {
    return parseMinorUnits(text, exponent);
  } catch (error) {
    if (error instanceof InvariantError) return null;
    throw error;
  }
}

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
