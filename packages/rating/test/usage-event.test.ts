import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, derivedId, instant, parseDecimal, sha256Hex, type UsageEvent, usageEventContent, usageSetDigest } from '../src/index.ts';
import { rounds } from './rounds.ts';
import { event } from './world.ts';

const NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

describe('the content of an event', () => {
  test('is everything but the key', () => {
    const one = { ...event('k', 'tokens', '1970-01-01T00:00:01Z', '12.5'), properties: { b: '"', a: 'é' } };
    const content =
      '{"customer":"customer-1","event_time_micros":"1000000","meter":"tokens","properties":{"a":"é","b":"\\""},"subscription":null,"value":"12.5"}';
    expect(usageEventContent(one)).toBe(content);
    expect(usageEventContent({ ...one, idempotencyKey: 'other' })).toBe(content);
    expect(usageEventContent({ ...one, subscriptionReference: 'null' })).not.toBe(content);
  });

  test('law: equal to RFC 8785 JSON of the same object', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string());
    const events: fc.Arbitrary<UsageEvent> = fc.record({
      idempotencyKey: text,
      meterCode: text,
      customerReference: text,
      subscriptionReference: fc.option(text),
      eventTime: fc.bigInt(0n, 10n ** 15n).map(instant),
      value: fc.option(fc.bigInt(-(10n ** 30n), 10n ** 30n).map((value) => parseDecimal(value.toString()))),
      properties: fc.dictionary(text, text, { maxKeys: 6 }),
    });
    fc.assert(
      fc.property(events, (one) => {
        const same = canonicalJson({
          customer: one.customerReference,
          event_time_micros: one.eventTime.toString(),
          meter: one.meterCode,
          properties: one.properties,
          subscription: one.subscriptionReference,
          value: one.value,
        });
        expect(usageEventContent(one)).toBe(same);
      }),
      rounds(1000),
    );
  });

  test('a lone surrogate breaks off instead of being hashed', () => {
    expect(() => usageEventContent({ ...event('k', '\ud800', '2024-01-01T00:00:00Z', null) })).toThrow('surrogate');
  });
});

describe('the digest of a set', () => {
  const digest = (byte: number) => new Uint8Array(32).fill(byte);

  test('of nothing is SHA-256 of nothing', () => expect(usageSetDigest([])).toBe(NOTHING));

  test('is SHA-256 over key, zero byte, content digest, in byte order of keys', () => {
    const bytes = [0x42, 0, ...digest(2), 0x61, 0, ...digest(1)];
    const entries = [
      { idempotencyKey: 'a', contentDigest: digest(1) },
      { idempotencyKey: 'B', contentDigest: digest(2) },
    ];
    expect(usageSetDigest(entries)).toBe(sha256Hex(new Uint8Array(bytes)));
  });

  test.each([
    ['a key twice', [{ idempotencyKey: 'a', contentDigest: digest(1) }, { idempotencyKey: 'a', contentDigest: digest(2) }], 'twice'],
    ['a short digest', [{ idempotencyKey: 'a', contentDigest: new Uint8Array(31) }], '32 bytes'],
    ['a key beyond ASCII', [{ idempotencyKey: 'é', contentDigest: digest(1) }], 'ASCII'],
  ])('%s breaks off', (_name, entries, message) => {
    expect(() => usageSetDigest(entries)).toThrow(message);
  });

  test('law: another key or another content is another digest', () => {
    const key = fc.string({ unit: fc.constantFrom(...'ab1~ '), minLength: 1, maxLength: 5 });
    const set = fc.uniqueArray(fc.tuple(key, fc.nat(255)), { selector: ([name]) => name, maxLength: 5 });
    const entries = (of: readonly [string, number][]) => of.map(([idempotencyKey, byte]) => ({ idempotencyKey, contentDigest: digest(byte) }));
    const named = (of: readonly [string, number][]) => JSON.stringify([...of].sort(([a], [b]) => (a < b ? -1 : 1)));
    fc.assert(
      fc.property(set, set, (a, b) => {
        expect(usageSetDigest(entries(a)) === usageSetDigest(entries(b))).toBe(named(a) === named(b));
      }),
      rounds(),
    );
  });
});

describe('canonical JSON', () => {
  test('sorts names by UTF-16 code units and writes no space (RFC 8785, 3.2.3)', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7 };
    expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });

  test.each([0.5, Number.NaN, Infinity, 2 ** 53, -(2 ** 53)])('%d is not admitted, however deep', (number) => {
    expect(() => canonicalJson({ a: [{ b: number }] })).toThrow('whole number');
  });
});

describe('derived ids', () => {
  test('are a prefix and 26 base32 digits', () => {
    expect(derivedId('line', 'a', 'b')).toMatch(/^line_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
  });

  test('SHA-256("[]") begins 4f53cda18c2baa0c0354bb5f9a3ecbe5: its first 128 bits in base32', () => {
    expect(sha256Hex('[]').slice(0, 32)).toBe('4f53cda18c2baa0c0354bb5f9a3ecbe5');
    const digits = Array.from(derivedId('x').slice(2), (digit) => '0123456789abcdefghjkmnpqrstvwxyz'.indexOf(digit));
    const value = digits.reduce((sum, digit) => sum * 32n + BigInt(digit), 0n);
    expect(value.toString(16)).toBe('4f53cda18c2baa0c0354bb5f9a3ecbe5');
  });

  test('law: the digits are the first 128 bits of the digest, whatever the parts', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 4 }), (parts) => {
        const digits = Array.from(derivedId('x', ...parts).slice(2), (digit) => '0123456789abcdefghjkmnpqrstvwxyz'.indexOf(digit));
        const value = digits.reduce((sum, digit) => sum * 32n + BigInt(digit), 0n);
        expect(value.toString(16).padStart(32, '0')).toBe(sha256Hex(canonicalJson(parts)).slice(0, 32));
      }),
      rounds(),
    );
  });

  test('law: parts are never run together', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 4 }), fc.array(fc.string(), { maxLength: 4 }), (a, b) => {
        expect(derivedId('x', ...a) === derivedId('x', ...b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      rounds(),
    );
  });
});
