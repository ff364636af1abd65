import { describe, expect, test } from 'vitest';
import { instant, type Instant, parseInstant, type Price, type PriceModel, resolvePriceVersion, USUAL_TERMS, validatePriceModel } from '../src/index.ts';
import { flat, graduated, perUnit, tiers, volume } from './world.ts';

const january = parseInstant('2024-01-01T00:00:00Z');
const march = parseInstant('2024-03-01T00:00:00Z');
const june = parseInstant('2024-06-01T00:00:00Z');
const december = parseInstant('2024-12-01T00:00:00Z');

/** Version 1 from January, recorded then; version 2 from June, published in March, which bounds version 1 at June. */
const seats: Price = {
  ...USUAL_TERMS,
  code: 'seats',
  displayName: 'Seats',
  meterCode: null,
  currencyCode: 'USD',
  versions: [
    { version: 1, effectiveFrom: january, effectiveTo: null, recordedTime: january, model: flat('10') },
    { version: 2, effectiveFrom: june, effectiveTo: december, recordedTime: march, model: flat('12') },
  ],
  bounds: [{ version: 1, effectiveTo: june, recordedTime: march }],
};

describe('the version at an instant, as known', () => {
  test.each([
    ['at its first instant', january, june, 1, june],
    ['just before the second begins', instant(june - 1n), december, 1, june],
    ['at the bound: the second', june, december, 2, december],
    ['as known before the second was recorded: still the first, without an end', june, march, 1, null],
    ['as known just after', june, instant(march + 1n), 2, december],
  ])('%s', (_name, at, knownBefore, version, effectiveTo) => {
    expect(resolvePriceVersion(seats, at, knownBefore)).toMatchObject({ version, effectiveTo });
  });

  test.each([
    ['before the first', instant(january - 1n), december, '2023-12-31T23:59:59.999999Z'],
    ['at the end of the last', december, december, '2024-12-01T00:00:00Z'],
  ])('%s there is none, and the error names price and instant', (_name, at, knownBefore, text) => {
    expect(() => resolvePriceVersion(seats, at, knownBefore)).toThrow(
      expect.objectContaining({ reason: 'PRICE_VERSION_MISSING', metadata: expect.objectContaining({ price: 'seats', at: text }) }),
    );
  });

  describe('where none was known in time', () => {
    const late = (version: number, effectiveFrom: Instant, effectiveTo: Instant | null) => ({ version, effectiveFrom, effectiveTo, recordedTime: june, model: flat('10') });
    const priceOf = (...versions: Price['versions']): Price => ({ ...seats, versions, bounds: [] });

    test('the first one published for that instant holds', () => {
      expect(resolvePriceVersion(priceOf(late(1, january, march), late(2, january, null)), january, march)).toMatchObject({ version: 1 });
      expect(resolvePriceVersion(priceOf(late(2, january, null), late(1, march, null)), january, march)).toMatchObject({ version: 2 });
    });

    test('a later publication and its bound move nothing', () => {
      const mended = priceOf(late(1, january, null));
      const later = { ...priceOf(late(1, january, null), late(2, january, null)), bounds: [{ version: 1, effectiveTo: january, recordedTime: december }] };
      expect(resolvePriceVersion(later, january, march)).toEqual(resolvePriceVersion(mended, january, march));
    });

    test('one known in time is never displaced', () => {
      const known = { ...late(1, january, null), recordedTime: january };
      expect(resolvePriceVersion(priceOf(known, late(2, january, null)), january, march)).toMatchObject({ version: 1 });
    });

    test('its end does not belong to it', () => {
      expect(resolvePriceVersion(priceOf(late(1, january, march)), instant(march - 1n), march)).toMatchObject({ version: 1 });
      expect(() => resolvePriceVersion(priceOf(late(1, january, march)), march, march)).toThrow('no version');
    });

    test('one recorded at the very cutoff is later', () => {
      expect(resolvePriceVersion(priceOf({ ...late(1, january, null), recordedTime: march }), january, march)).toMatchObject({ version: 1 });
    });

    test('one published for another time does not help', () => {
      expect(() => resolvePriceVersion(priceOf(late(1, march, null)), january, march)).toThrow('no version');
    });
  });

  test('its end as known is the earliest of several bounds, in whatever order they come', () => {
    const [first, ...more] = seats.versions;
    const bounds = [june, march].map((effectiveTo) => ({ version: 1, effectiveTo, recordedTime: january }));
    for (const listed of [bounds, bounds.toReversed()]) {
      expect(resolvePriceVersion({ ...seats, versions: first === undefined ? more : [first], bounds: listed }, instant(march - 1n), december)).toMatchObject({ version: 1, effectiveTo: march });
    }
  });

  test('the earliest of several bounds counts', () => {
    const twice = { ...seats, bounds: [...seats.bounds, { version: 1, effectiveTo: march, recordedTime: march }] };
    expect(() => resolvePriceVersion(twice, march, december)).toThrow('no version');
  });

  test('overlapping versions break off', () => {
    expect(() => resolvePriceVersion({ ...seats, bounds: [] }, june, december)).toThrow('two versions');
  });
});

describe('validation finds everything at once', () => {
  test.each<[string, PriceModel, string[]]>([
    ['a good price', graduated('100 0.10', 'rest 0.05'), []],
    ['no tiers', { kind: 'GRADUATED', tiers: [] }, ['ERROR tiers TIERS_EMPTY']],
    ['the last tier closed', graduated('100 1'), ['ERROR tiers[0].up_to TIER_LAST_NOT_OPEN']],
    ['an open tier in the middle', volume('rest 1', '200 1', 'rest 1'), ['ERROR tiers[0].up_to TIER_OPEN_NOT_LAST']],
    ['a bound of zero', graduated('0 1', 'rest 1'), ['ERROR tiers[0].up_to TIER_BOUND_NOT_POSITIVE']],
    ['equal bounds', graduated('100 1', '100 1', 'rest 1'), ['ERROR tiers[1].up_to TIER_BOUND_NOT_ASCENDING']],
    ['9 after 10 is not ascending, as numbers', graduated('10 1', '9 1', 'rest 1'), ['ERROR tiers[1].up_to TIER_BOUND_NOT_ASCENDING']],
    ['10 after 9 is', graduated('9 1', '10 1', 'rest 1'), []],
    ['a negative fee', flat('-1'), ['ERROR amount AMOUNT_NEGATIVE']],
    ['a negative unit amount', perUnit('-0.01'), ['ERROR unit_amount AMOUNT_NEGATIVE']],
    [
      'four errors together',
      graduated('rest 1', '-5 -1', '7 1 +-2'),
      [
        'ERROR tiers[0].up_to TIER_OPEN_NOT_LAST',
        'ERROR tiers[1].up_to TIER_BOUND_NOT_POSITIVE',
        'ERROR tiers[1].unit_amount AMOUNT_NEGATIVE',
        'ERROR tiers[2].up_to TIER_LAST_NOT_OPEN',
        'ERROR tiers[2].flat_amount AMOUNT_NEGATIVE',
      ],
    ],
    ['a cliff: 100 × 2 = 200 falls to 100 × 1 = 100', volume('100 2', 'rest 1'), ['WARNING tiers[1] VOLUME_CLIFF']],
    ['no cliff where a flat amount makes up for it', volume('100 2', 'rest 1 +100'), []],
    ['a cliff by 0.01', volume('100 2', 'rest 1 +99.99'), ['WARNING tiers[1] VOLUME_CLIFF']],
    ['graduated prices have no cliffs', graduated('100 2', 'rest 1'), []],
  ])('%s', (_name, model, expected) => {
    expect(validatePriceModel(model).map(({ severity, path, reason }) => `${severity} ${path} ${reason}`)).toEqual(expected);
  });

  test('each says the fix', () => {
    const [problem] = validatePriceModel({ kind: 'GRADUATED', tiers: tiers('100 1') });
    expect(problem?.message).toBe("Quantities above 100 have no price. Leave the last tier's bound out.");
  });
});
