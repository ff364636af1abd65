/** Times between text and the wire, to the microsecond. */
import fc from 'fast-check';
import { textFromTimestamp, timestampFromText } from '@valora/client';
import { expect, test } from 'vitest';

test.each([
  ['1970-01-01T00:00:00Z', 0n, 0, '1970-01-01T00:00:00Z'],
  ['2023-11-16T18:17:03.9799600Z', 1_700_158_623n, 979_960_000, '2023-11-16T18:17:03.97996Z'],
  ['2024-02-29T23:59:59.999999999Z', 1_709_251_199n, 999_999_000, '2024-02-29T23:59:59.999999Z'],
  ['2026-01-31T09:30:00+05:30', 1_769_832_000n, 0, '2026-01-31T04:00:00Z'],
  ['2025-12-31 23:00:00-02:00', 1_767_229_200n, 0, '2026-01-01T01:00:00Z'],
  ['1969-12-31T23:59:59.25Z', -1n, 250_000_000, '1969-12-31T23:59:59.25Z'],
  ['0001-01-01T00:00:00Z', -62_135_596_800n, 0, '0001-01-01T00:00:00Z'],
  ['9999-12-31T23:59:59Z', 253_402_300_799n, 0, '9999-12-31T23:59:59Z'],
])('%s = %d s + %d ns = %s', (text, seconds, nanos, shown) => {
  expect(timestampFromText(text)).toEqual({ seconds, nanos });
  expect(textFromTimestamp({ seconds, nanos })).toBe(shown);
});

test.each([
  '', 'now', '2026-01-31', '2026-01-31T09:30Z', '2026-01-31T09:30:00', '2026-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-04-31T00:00:00Z', '2026-00-10T00:00:00Z',
  '2026-01-01T24:00:00Z', '2026-01-01T00:60:00Z', '2026-01-01T00:00:60Z', '2026-01-01T00:00:00+24:00', '0000-12-31T00:00:00Z', '0001-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01', '２０２６-01-01T00:00:00Z',
])('"%s" is refused', (text) => {
  expect(() => timestampFromText(text)).toThrow(RangeError);
});

test('every instant reads back as it was written, and a Date agrees to the millisecond', () => {
  fc.assert(fc.property(fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }), (micros) => {
    const seconds = (micros - (((micros % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n;
    const timestamp = { seconds, nanos: Number(micros - seconds * 1_000_000n) * 1000 };
    const text = textFromTimestamp(timestamp);
    expect(timestampFromText(text)).toEqual(timestamp);
    const millis = micros - (((micros % 1000n) + 1000n) % 1000n);
    expect(Date.parse(text)).toBe(Number(millis / 1000n));
  }), { numRuns: 1_000 });
});
