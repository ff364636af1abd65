import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatInstant, instant, parseInstant, RatingError } from '../src/index.ts';
import { rounds } from './rounds.ts';

describe('RFC 3339 in, canonical UTC out', () => {
  test.each([
    ['2023-11-16T18:17:03.9799600Z', '2023-11-16T18:17:03.97996Z'],
    ['2023-11-16t18:17:03z', '2023-11-16T18:17:03Z'],
    ['2023-11-16T18:17:03.000Z', '2023-11-16T18:17:03Z'],
    ['2023-11-16T19:47:03+01:30', '2023-11-16T18:17:03Z'],
    ['2023-11-16T18:17:03-00:00', '2023-11-16T18:17:03Z'],
    ['2024-02-29T23:59:59.999999999Z', '2024-02-29T23:59:59.999999Z'],
    ['1969-12-31T23:59:59.9999999Z', '1969-12-31T23:59:59.999999Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'],
  ])('%s is %s', (text, canonical) => {
    expect(formatInstant(parseInstant(text))).toBe(canonical);
  });

  test('finer than a microsecond is cut toward the past, also before 1970: −0.0000001 s = −1 µs', () => {
    expect(parseInstant('1969-12-31T23:59:59.9999999Z')).toBe(-1n);
    expect(parseInstant('1970-01-01T00:00:00.0000009Z')).toBe(0n);
  });
});

describe('refused', () => {
  test.each([
    ['', 'INSTANT_MALFORMED'],
    ['2023-11-16', 'INSTANT_MALFORMED'],
    ['2023-11-16 18:17:03Z', 'INSTANT_MALFORMED'],
    ['2023-11-16T18:17:03', 'INSTANT_MALFORMED'],
    ['2023-02-29T00:00:00Z', 'INSTANT_MALFORMED'],
    ['2023-13-01T00:00:00Z', 'INSTANT_MALFORMED'],
    ['2023-11-16T24:00:00Z', 'INSTANT_MALFORMED'],
    ['2016-12-31T23:59:60Z', 'INSTANT_MALFORMED'],
    ['2023-11-16T18:17:03.Z', 'INSTANT_MALFORMED'],
    ['+002023-11-16T18:17:03Z', 'INSTANT_MALFORMED'],
    ['2023-11-16T18:17:03Z[UTC]', 'INSTANT_MALFORMED'],
    [`2023-11-16T18:17:03.${'1'.repeat(60)}Z`, 'INSTANT_MALFORMED'],
    ['0000-12-31T23:59:59Z', 'INSTANT_OUT_OF_RANGE'],
    ['0001-01-01T00:00:00+00:01', 'INSTANT_OUT_OF_RANGE'],
    ['9999-12-31T23:59:59-00:01', 'INSTANT_OUT_OF_RANGE'],
  ])('%s: %s', (text, reason) => {
    expect(() => parseInstant(text)).toThrow(expect.objectContaining({ reason }));
  });

  test('64 characters are read, 65 are not; the refusal shows as many of them', () => {
    const digits = (count: number) => `2023-11-16T18:17:03.${'1'.repeat(count)}Z`;
    expect(formatInstant(parseInstant(digits(43)))).toBe('2023-11-16T18:17:03.111111Z');
    const refused = expect.objectContaining({ reason: 'INSTANT_MALFORMED', metadata: { text: digits(44).slice(0, 64) } });
    expect(() => parseInstant(digits(44))).toThrow(refused);
  });

  test('one microsecond beyond either end', () => {
    const first = parseInstant('0001-01-01T00:00:00Z');
    const last = parseInstant('9999-12-31T23:59:59.999999Z');
    expect(() => instant(first - 1n)).toThrow(RatingError);
    expect(() => instant(last + 1n)).toThrow(RatingError);
  });
});

test('law: every instant survives its text', () => {
  const anyInstant = fc.bigInt(-62_135_596_800_000_000n, 253_402_300_799_999_999n).map(instant);
  fc.assert(
    fc.property(anyInstant, (moment) => {
      expect(parseInstant(formatInstant(moment))).toBe(moment);
    }),
    rounds(),
  );
});

test('law: hostile text is an instant or a RatingError', () => {
  const nearly = fc.string({ unit: fc.constantFrom(...'0123456789-:TZ.+tz '), maxLength: 40 });
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string()), (text) => {
      try {
        formatInstant(parseInstant(text));
      } catch (error) {
        expect(error).toBeInstanceOf(RatingError);
      }
    }),
    rounds(1000),
  );
});
