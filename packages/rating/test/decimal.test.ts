import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fractionFromDecimal, fractionToDecimal, parseDecimal, RatingError } from '../src/index.ts';
import { decimalText, rationalOfDecimal } from './rational.ts';
import { rounds } from './rounds.ts';

const NINES_38 = '9'.repeat(38);

describe('a decimal has one text', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.000', '0'],
    ['007', '7'],
    ['1.50', '1.5'],
    ['-12.00', '-12'],
    ['100', '100'],
    ['00', '0'],
    ['-00.5', '-0.5'],
    ['10.0', '10'],
    ['0.10', '0.1'],
    ['12345678901234567890', '12345678901234567890'],
    ['-12345678901234567890', '-12345678901234567890'],
    ['-0.000000000000000001', '-0.000000000000000001'],
    ['0.000000000000000001', '0.000000000000000001'],
    ['0.0000000000000000010', '0.000000000000000001'],
    [NINES_38, NINES_38],
    [`-${NINES_38}.${'0'.repeat(18)}`, `-${NINES_38}`], // 58 characters, the most that are read
    [`-${'9'.repeat(20)}.${'9'.repeat(18)}`, `-${'9'.repeat(20)}.${'9'.repeat(18)}`],
  ])('%s is %s', (text, canonical) => {
    expect(parseDecimal(text)).toBe(canonical);
  });
});

describe('anything else is refused by name', () => {
  test.each([
    ['', 'DECIMAL_MALFORMED'],
    ['-', 'DECIMAL_MALFORMED'],
    ['.5', 'DECIMAL_MALFORMED'],
    ['5.', 'DECIMAL_MALFORMED'],
    ['+1', 'DECIMAL_MALFORMED'],
    ['--1', 'DECIMAL_MALFORMED'],
    ['1e3', 'DECIMAL_MALFORMED'],
    ['NaN', 'DECIMAL_MALFORMED'],
    ['Infinity', 'DECIMAL_MALFORMED'],
    ['0x10', 'DECIMAL_MALFORMED'],
    ['1_000', 'DECIMAL_MALFORMED'],
    [' 1 ', 'DECIMAL_MALFORMED'],
    ['1\n', 'DECIMAL_MALFORMED'],
    ['١', 'DECIMAL_MALFORMED'],
    ['1,5', 'DECIMAL_MALFORMED'],
    ['1.2.3', 'DECIMAL_MALFORMED'],
    ['0.0000000000000000001', 'DECIMAL_TOO_FINE'],
    [`1${NINES_38}`, 'DECIMAL_TOO_LONG'],
  ])('%j: %s', (text, reason) => {
    expect(() => parseDecimal(text)).toThrow(expect.objectContaining({ reason }));
  });

  test.each([59, 60, 10_000_000])('%i characters: DECIMAL_TOO_LONG, unread', (length) => {
    expect(() => parseDecimal('0'.repeat(length))).toThrow(expect.objectContaining({ reason: 'DECIMAL_TOO_LONG' }));
  });

  test('law: hostile text is a canonical decimal or a RatingError, and nothing else', () => {
    const nearlyDecimal = fc.string({ unit: fc.constantFrom(...'0123456789.-+eE_ xNaI١\n\0'), maxLength: 70 });
    fc.assert(
      fc.property(fc.oneof(nearlyDecimal, fc.string({ unit: 'binary' })), (text) => {
        try {
          expect(parseDecimal(parseDecimal(text))).toBe(parseDecimal(text));
        } catch (error) {
          expect(error).toBeInstanceOf(RatingError);
        }
      }),
      rounds(1000),
    );
  });

  test('law: every decimal is the canonical text of its number, and canonical text stays as it is', () => {
    fc.assert(
      fc.property(decimalText, (text) => {
        const [numerator] = rationalOfDecimal(text);
        const scale = text.split('.')[1]?.length ?? 0;
        const digits = (numerator < 0n ? -numerator : numerator).toString().padStart(scale + 1, '0');
        const [whole, fraction] = [digits.slice(0, digits.length - scale), digits.slice(digits.length - scale).replace(/0+$/, '')];
        const canonical = `${numerator < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
        expect([parseDecimal(text), parseDecimal(canonical)]).toEqual([canonical, canonical]);
      }),
      rounds(1000),
    );
  });

  test('law: a decimal survives the way through a fraction', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 18 });
    fc.assert(
      fc.property(fc.constantFrom('', '-'), digits, digits, (sign, whole, fraction) => {
        const decimal = parseDecimal(`${sign}${whole}.${fraction}`);
        expect(fractionToDecimal(fractionFromDecimal(decimal))).toBe(decimal);
      }),
      rounds(),
    );
  });
});
