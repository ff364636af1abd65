/** Events for tests of usage: hand-written ones by time and value, and random ones that are hostile within the law. */
import fc from 'fast-check';
import { type DigestedUsageEvent, type Instant, instant, parseDecimal, parseInstant } from '../src/index.ts';
import { digested, event } from './world.ts';

export const START = parseInstant('2024-01-01T00:00:00Z');
export const DAY = 86_400_000_000n;

/** `at(15)`: midnight of 16 January, fifteen days after the start. */
export function at(days: number): Instant {
  return instant(START + (BigInt(Math.round(days * 24)) * DAY) / 24n);
}

/** Days after the start, value, properties; the keys are `key-0`, `key-1`, … in the order given. */
export type Row = readonly [days: number, value: string | null, properties?: Readonly<Record<string, string>>];

export function usageEvents(rows: readonly Row[]): readonly DigestedUsageEvent[] {
  return rows.map(([days, value, properties = {}], position) =>
    digested({ ...event(`key-${position}`, 'm', '2024-01-01T00:00:00Z', value), eventTime: at(days), properties }));
}

/** The widest and finest values there are, beside small ones that meet often. */
const values = fc.oneof(
  fc.integer({ min: -3, max: 3 }).map((whole) => `${whole}`),
  fc.constantFrom('9'.repeat(38), `-${'9'.repeat(38)}`, '0.000000000000000001', '-0.000000000000000001', `${'9'.repeat(20)}.${'9'.repeat(18)}`, '-0', '0.10'),
  fc.tuple(fc.bigInt(-(10n ** 20n) + 1n, 10n ** 20n - 1n), fc.bigInt(0n, 10n ** 18n - 1n)).map(([whole, fraction]) => `${whole}.${fraction.toString().padStart(18, '0')}`),
).map(parseDecimal);

/** Names and values that are members of every object, or look alike and are not. */
const properties = fc.dictionary(
  fc.constantFrom('region', 'size', '__proto__', 'constructor', 'toString'),
  fc.constantFrom('eu', 'EU', 'us', '', 'null', 'é', 'e\u0301', '__proto__'),
  { maxKeys: 3 },
);

/** Each key once; many at one time, at the first microsecond and at the last. */
export const anyEvents: fc.Arbitrary<readonly DigestedUsageEvent[]> = fc
  .uniqueArray(
    fc.record({
      idempotencyKey: fc.string({ unit: fc.constantFrom('a', 'B', '~', ' ', '1', '10'), minLength: 1, maxLength: 5 }),
      eventTime: fc.oneof(fc.constantFrom(START, at(10), instant(at(31) - 1n)), fc.bigInt(START, at(31) - 1n).map(instant)),
      value: values,
      properties,
    }),
    { selector: ({ idempotencyKey }) => idempotencyKey, maxLength: 14 },
  )
  .map((drawn) => drawn.map((one) => digested({ ...event('key', 'm', '2024-01-01T00:00:00Z', null), ...one })));
