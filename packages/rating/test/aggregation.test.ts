import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addFractions,
  aggregateUsage,
  type Aggregation,
  type AggregationKind,
  aggregationOf,
  type DigestedUsageEvent,
  exactFromJson,
  type ExactJson,
  fractionToJson,
  type GroupLevel,
  groupKey,
  groupOf,
  InvariantError,
  levelsAfter,
  type UsageTerms,
} from '../src/index.ts';
import { rounds } from './rounds.ts';
import { anyEvents, at, type Row, usageEvents } from './usage-events.ts';

const JANUARY = { start: at(0), end: at(31) };
const TERMS: UsageTerms = { uniqueProperty: 'region', interval: JANUARY, period: JANUARY };
const KINDS: readonly AggregationKind[] = ['COUNT', 'SUM', 'MAX', 'MIN', 'AVERAGE', 'LATEST', 'UNIQUE_COUNT', 'WEIGHTED_SUM'];
const THIRD = { numerator: '1', denominator: '3' };

function valued(...values: readonly (string | null)[]): readonly Row[] {
  return values.map((value) => [0, value]);
}

describe('events to a quantity', () => {
  test.each<[string, AggregationKind, readonly Row[], ExactJson]>([
    ['COUNT of nothing = 0', 'COUNT', [], '0'],
    ['COUNT of (3, 4, none) = 3', 'COUNT', valued('3', '4', null), '3'],
    ['SUM of nothing = 0', 'SUM', [], '0'],
    ['3 + 4 = 7', 'SUM', valued('3', '4'), '7'],
    ['0.1 + 0.2 = 0.3', 'SUM', valued('0.1', '0.2'), '0.3'],
    ['5 − 7.5 = −2.5', 'SUM', valued('5', '-7.5'), '-2.5'],
    ['−0.5 + 0.5 = 0', 'SUM', valued('-0.5', '0.5'), '0'],
    ['10⁻¹⁸ + 10⁻¹⁸ = 2 × 10⁻¹⁸', 'SUM', valued('0.000000000000000001', '0.000000000000000001'), '0.000000000000000002'],
    ['38 nines twice has 39 digits', 'SUM', valued('9'.repeat(38), '9'.repeat(38)), `1${'9'.repeat(37)}8`],
    ['MAX of nothing = 0', 'MAX', [], '0'],
    ['MAX of (3, 9, 9.000000000000000001) = the last', 'MAX', valued('3', '9', '9.000000000000000001'), '9.000000000000000001'],
    ['MAX of (−3, −2) = −2, though 0 is greater', 'MAX', valued('-3', '-2'), '-2'],
    ['MAX of (10, 9) = 10, though the text "9" comes later', 'MAX', valued('10', '9'), '10'],
    ['MIN of nothing = 0', 'MIN', [], '0'],
    ['MIN of (3, 2, 9) = 2, though 0 is less', 'MIN', valued('3', '2', '9'), '2'],
    ['MIN of (−2, −10) = −10', 'MIN', valued('-2', '-10'), '-10'],
    ['AVERAGE of nothing = 0', 'AVERAGE', [], '0'],
    ['(1 + 2) ÷ 2 = 1.5', 'AVERAGE', valued('1', '2'), '1.5'],
    ['(0 + 0 + 1) ÷ 3 = 1/3, never 0.333…', 'AVERAGE', valued('0', '0', '1'), THIRD],
    ['(−1 + 1) ÷ 2 = 0', 'AVERAGE', valued('-1', '1'), '0'],
    ['LATEST of nothing = 0', 'LATEST', [], '0'],
    ['LATEST by event time, not by arrival', 'LATEST', [[2, '20'], [3, '30'], [1, '10']], '30'],
    ['LATEST of one time: the last key, key-2', 'LATEST', [[1, '5'], [1, '7'], [1, '6']], '6'],
    ['LATEST, a time above a key', 'LATEST', [[2, '5'], [1, '7']], '5'],
    ['UNIQUE_COUNT of nothing = 0', 'UNIQUE_COUNT', [], '0'],
    ['eu, us, eu: 2 regions', 'UNIQUE_COUNT', [[0, null, { region: 'eu' }], [1, null, { region: 'us' }], [2, '3', { region: 'eu' }]], '2'],
    ['an event without the property is none, one with "" is one', 'UNIQUE_COUNT', [[0, null], [0, null, { size: 'eu' }], [1, null, { region: '' }]], '1'],
    ['eu and EU are two, and so are é and e + ´', 'UNIQUE_COUNT', [[0, null, { region: 'eu' }], [0, null, { region: 'EU' }], [0, null, { region: 'é' }], [0, null, { region: 'e\u0301' }]], '4'],
    ['WEIGHTED_SUM of nothing = 0', 'WEIGHTED_SUM', [], '0'],
    ['a level of 100 from the start = 100', 'WEIGHTED_SUM', [[0, '100']], '100'],
    ['a level of 31 for the last day = 1', 'WEIGHTED_SUM', [[30, '31']], '1'],
  ])('%s', (_equation, kind, rows, expected) => {
    const usage = aggregateUsage(kind, usageEvents(rows), TERMS);
    expect(usage.quantity).toEqual(expected);
    expect(usage.eventCount).toBe(BigInt(rows.length));
    expect(usage).not.toHaveProperty('groups');
    expect(usage).not.toHaveProperty('eventValues');
    expect('carriedIn' in usage).toBe(kind === 'WEIGHTED_SUM');
  });

  test.each<AggregationKind>(['SUM', 'MAX', 'MIN', 'AVERAGE', 'LATEST', 'WEIGHTED_SUM'])('a %s without a value is refused, naming the event', (kind) => {
    const refusal = { reason: 'USAGE_VALUE_MISSING', metadata: { idempotency_key: 'key-1' } };
    expect(() => aggregateUsage(kind, usageEvents([[2, '1'], [1, null], [3, '1']]), TERMS)).toThrow(expect.objectContaining(refusal));
  });

  test('a name that every object has is a property only of the event that has it itself', () => {
    const usage = aggregateUsage('UNIQUE_COUNT', usageEvents([[0, null], [1, null, { toString: 'own' }], [2, null, { region: 'eu' }]]), { uniqueProperty: 'toString' });
    expect(usage).toMatchObject({ eventCount: 3n, quantity: '1' });
  });

  test('a level is nothing to a kind whose level does not last', () => {
    const levels = [{ group: { region: 'eu' }, level: '5' }];
    expect(aggregateUsage('SUM', [], { groupBy: ['region'], levels })).toEqual(aggregateUsage('SUM', [], { groupBy: ['region'] }));
  });

  test.each<[string, AggregationKind, UsageTerms, string]>([
    ['a UNIQUE_COUNT of no property', 'UNIQUE_COUNT', { interval: JANUARY, period: JANUARY }, 'AGGREGATION_PROPERTY_MISSING'],
    ['a WEIGHTED_SUM over no time', 'WEIGHTED_SUM', {}, 'AGGREGATION_INTERVAL_MISSING'],
    ['a WEIGHTED_SUM without the full period', 'WEIGHTED_SUM', { interval: JANUARY }, 'AGGREGATION_INTERVAL_MISSING'],
    ['the values of the events of an AVERAGE', 'AVERAGE', { needsEventValues: true }, 'AGGREGATION_NOT_ADDITIVE'],
    ['the values of the events of a UNIQUE_COUNT', 'UNIQUE_COUNT', { ...TERMS, needsEventValues: true }, 'AGGREGATION_NOT_ADDITIVE'],
  ])('refused: %s', (_what, kind, terms, reason) => {
    expect(() => aggregateUsage(kind, [], terms)).toThrow(expect.objectContaining({ name: 'RatingError', reason }));
  });

  test('a text that slipped in as a value breaks off, and is never rounded or read as another number', () => {
    const [one] = usageEvents([[0, '1']]);
    for (const text of ['1e3', '0x10', '', ' 1', '1.', '.5', '1_000', 'NaN', '1.0000000000000000001', '٣']) {
      const corrupt = { ...one, value: text } as DigestedUsageEvent;
      expect(() => aggregateUsage('SUM', [corrupt])).toThrow(InvariantError);
    }
  });
});

describe('values event by event', () => {
  const rows: readonly Row[] = [[2, '0.50'], [1, '-3'], [1, '7']];
  test.each<[string, AggregationKind, readonly string[]]>([
    ['SUM: by event time, then key', 'SUM', ['-3', '7', '0.5']],
    ['COUNT: 1 each', 'COUNT', ['1', '1', '1']],
  ])('%s', (_name, kind, expected) => {
    expect(aggregateUsage(kind, usageEvents(rows), { needsEventValues: true }).eventValues).toEqual(expected);
    expect(aggregateUsage(kind, [], { needsEventValues: true }).eventValues).toEqual([]);
  });
});

describe('groups', () => {
  const rows: readonly Row[] = [[2, '5', { region: 'us' }], [1, '3', { region: 'eu' }], [0, '2', { region: 'eu', size: 'xl' }], [3, '7', { region: 'null' }], [4, '1']];

  test('each with the count, quantity, digest and event values of its own events, in the order of their keys', () => {
    const { groups = [], ...whole } = aggregateUsage('SUM', usageEvents(rows), { groupBy: ['region'], needsEventValues: true });
    expect(groups.map(({ group, eventCount, quantity, eventValues }) => [group, eventCount, quantity, eventValues])).toEqual([
      [{ region: 'eu' }, 2n, '5', ['2', '3']],
      [{ region: 'null' }, 1n, '7', ['7']],
      [{ region: 'us' }, 1n, '5', ['5']],
      [{ region: null }, 1n, '1', ['1']],
    ]);
    expect(groups[0]?.usageSetDigest).toBe(aggregateUsage('SUM', usageEvents(rows).slice(1, 3)).usageSetDigest);
    expect(whole).toEqual(aggregateUsage('SUM', usageEvents(rows), { needsEventValues: true }));
  });

  test('of two properties, whatever their order', () => {
    const bySizeAndRegion = aggregateUsage('COUNT', usageEvents(rows), { groupBy: ['size', 'region'] }).groups;
    expect(bySizeAndRegion).toEqual(aggregateUsage('COUNT', usageEvents(rows), { groupBy: ['region', 'size'] }).groups);
    expect(bySizeAndRegion?.map(({ group }) => groupKey(group))).toEqual([
      '{"region":"eu","size":"xl"}', '{"region":"eu","size":null}', '{"region":"null","size":null}', '{"region":"us","size":null}', '{"region":null,"size":null}',
    ]);
  });

  test('none without events', () => {
    expect(aggregateUsage('SUM', [], { groupBy: ['region'] }).groups).toEqual([]);
  });

  test('law: the groups of a COUNT, SUM or WEIGHTED_SUM add up to the whole, and hold each event once', () => {
    const kinds = fc.constantFrom<AggregationKind>('COUNT', 'SUM', 'WEIGHTED_SUM');
    const names = fc.subarray(['region', 'size', '__proto__', 'constructor'], { minLength: 1 });
    fc.assert(
      fc.property(kinds, anyEvents, anyEvents, names, (kind, before, events, groupBy) => {
        const levels = levelsAfter(before, { groupBy });
        const { groups = [], ...whole } = aggregateUsage(kind, events, { ...TERMS, groupBy, levels });
        expect(whole).toEqual(aggregateUsage(kind, events, { ...TERMS, levels: levelsAfter(before) }));
        expect(groups.reduce((total, { eventCount }) => total + eventCount, 0n)).toBe(whole.eventCount);
        expect(sumOf(groups.map(({ quantity }) => quantity))).toEqual(fractionToJson(exactFromJson(whole.quantity)));
        for (const { group, ...usage } of groups) {
          const own = events.filter(({ properties }) => groupKey(groupOf(groupBy, properties)) === groupKey(group));
          const level: readonly GroupLevel[] = levels.filter((one) => groupKey(one.group) === groupKey(group)).map((one) => ({ ...one, group: {} }));
          expect(usage).toEqual(aggregateUsage(kind, own, { ...TERMS, levels: level }));
        }
      }),
      rounds(100),
    );
  });
});

function sumOf(quantities: readonly ExactJson[]) {
  return fractionToJson(quantities.map(exactFromJson).reduce(addFractions, exactFromJson('0')));
}

describe('laws of every kind', () => {
  const quantityOf = <State>({ quantity }: Aggregation<State>, state: State): ReturnType<typeof fractionToJson> => fractionToJson(quantity(state));

  /** Parts are folded one by one and merged by a random tree whose leaves are in random order. */
  function mergesOf<State>(aggregation: Aggregation<State>, parts: readonly (readonly DigestedUsageEvent[])[], ranks: Iterator<number>): State {
    const states = parts.map((part) => part.reduce(aggregation.add, aggregation.empty()));
    while (states.length > 1) {
      const [one] = states.splice((ranks.next().value ?? 0) % states.length, 1);
      const place = (ranks.next().value ?? 0) % states.length;
      const other = states[place];
      if (one !== undefined && other !== undefined) states[place] = aggregation.merge(one, other);
    }
    return states[0] ?? aggregation.empty();
  }

  test.each(KINDS)('%s: parts of any cut, merged in any grouping and order, equal the fold over all events', (kind) => {
    const aggregation = aggregationOf(kind, { uniqueProperty: 'region', interval: JANUARY, period: JANUARY, carriedIn: '12.5' });
    fc.assert(
      fc.property(anyEvents, fc.integer({ min: 1, max: 5 }), fc.infiniteStream(fc.nat()), (events, count, ranks) => {
        const parts: DigestedUsageEvent[][] = Array.from({ length: count }, () => []);
        for (const event of events) parts[(ranks.next().value ?? 0) % count]?.push(event);
        const whole = quantityOf(aggregation, events.reduce(aggregation.add, aggregation.empty()));
        expect(quantityOf(aggregation, mergesOf(aggregation, parts, ranks))).toEqual(whole);
      }),
      rounds(),
    );
  });

  test.each(KINDS)('%s: merging leaves both states as they are, and an empty one changes nothing', (kind) => {
    const aggregation = aggregationOf(kind, { uniqueProperty: 'region', interval: JANUARY, period: JANUARY });
    fc.assert(
      fc.property(anyEvents, (events) => {
        const fold = (part: readonly DigestedUsageEvent[]) => part.reduce(aggregation.add, aggregation.empty());
        const [one, other] = [fold(events.slice(0, 3)), fold(events.slice(3))];
        const before = [quantityOf(aggregation, one), quantityOf(aggregation, other)];
        expect(quantityOf(aggregation, aggregation.merge(one, other))).toEqual(quantityOf(aggregation, aggregation.merge(other, one)));
        expect([quantityOf(aggregation, one), quantityOf(aggregation, other)]).toEqual(before);
        expect(quantityOf(aggregation, aggregation.merge(one, aggregation.empty()))).toEqual(before[0]);
      }),
      rounds(100),
    );
  });

  test.each(KINDS)('%s: arrival order changes nothing of the answer', (kind) => {
    const terms = { ...TERMS, groupBy: ['region'], needsEventValues: kind === 'COUNT' || kind === 'SUM' };
    fc.assert(
      fc.property(anyEvents.chain((events) => fc.tuple(fc.constant(events), fc.shuffledSubarray([...events], { minLength: events.length }))), ([events, shuffled]) => {
        expect(aggregateUsage(kind, shuffled, terms)).toEqual(aggregateUsage(kind, events, terms));
      }),
      rounds(),
    );
  });

  test('quantities hold together: MIN ≤ AVERAGE ≤ MAX, AVERAGE × COUNT = SUM, LATEST is one of the values, UNIQUE_COUNT ≤ COUNT', () => {
    fc.assert(
      fc.property(anyEvents.filter(({ length }) => length > 0), (events) => {
        const scaled = (kind: AggregationKind) => {
          const { numerator, denominator } = fractionToJson(exactFromJson(aggregateUsage(kind, events, TERMS).quantity));
          return (BigInt(numerator) * 10n ** 18n * BigInt(events.length)) / BigInt(denominator);
        };
        expect(scaled('MIN') <= scaled('AVERAGE') && scaled('AVERAGE') <= scaled('MAX')).toBe(true);
        expect(scaled('AVERAGE') * BigInt(events.length)).toBe(scaled('SUM'));
        expect(events.map(({ value }) => value)).toContain(aggregateUsage('LATEST', events).quantity);
        expect(scaled('UNIQUE_COUNT') <= scaled('COUNT')).toBe(true);
      }),
      rounds(),
    );
  });

  test('a key twice is a defect and breaks off', () => {
    const [one] = usageEvents([[0, '1']]);
    if (one === undefined) throw new Error('no event');
    expect(() => aggregateUsage('SUM', [one, one])).toThrow(InvariantError);
  });
});
