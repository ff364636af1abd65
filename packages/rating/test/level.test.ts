import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addFractions, aggregateUsage, aggregationOf, composeRun, exactFromJson, type ExactJson, fractionFromBigInt, fractionToJson, type GroupLevel, instant, type Instant, InvariantError, levelsAfter, parseInstant, printTrace,
  usageQueriesOfRun,
} from '../src/index.ts';
import { rounds } from './rounds.ts';
import { anyEvents, at, DAY, type Row, usageEvents } from './usage-events.ts';
import { amounts, answers, bill, chain, event, perUnit, price, runFacts, type World } from './world.ts';

const JANUARY = { start: at(0), end: at(31) };

function level(text: string): readonly GroupLevel[] {
  return [{ group: {}, level: text }];
}

function weighted(rows: readonly Row[], carriedIn: string, interval = JANUARY): ExactJson {
  return aggregateUsage('WEIGHTED_SUM', usageEvents(rows), { interval, period: JANUARY, levels: level(carriedIn) }).quantity;
}

describe('(carried in × length + Σ value × rest of the interval) ÷ length of the period', () => {
  test.each<[string, readonly Row[], string, ExactJson]>([
    ['nothing carried in, nothing happens = 0', [], '0', '0'],
    ['100 × 31 ÷ 31 = 100', [], '100', '100'],
    ['62 from midday of 16 January: 62 × 15.5 ÷ 31 = 31', [[15.5, '62']], '0', '31'],
    ['100 + 31 × 30 ÷ 31 − 31 × 10 ÷ 31 = 120', [[1, '31'], [21, '-31']], '100', '120'],
    ['1 for the last day = 1/31', [[30, '1']], '0', { numerator: '1', denominator: '31' }],
    ['31 in the last hour = 1/24', [[31 - 1 / 24, '31']], '0', { numerator: '1', denominator: '24' }],
    ['put in and taken out at once = 0', [[5, '1000'], [5, '-1000']], '0', '0'],
    ['below zero too: −10 + 5 = −5', [[0, '5']], '-10', '-5'],
  ])('%s', (_equation, rows, carriedIn, expected) => {
    expect(weighted(rows, carriedIn)).toEqual(expected);
  });

  test('an event at the start counts in full, one in the last microsecond for that microsecond', () => {
    const last = usageEvents([[0, '1']]).map((one) => ({ ...one, eventTime: instant(at(31) - 1n) }));
    expect(weighted([[0, '7']], '0')).toBe('7');
    expect(aggregateUsage('WEIGHTED_SUM', last, { interval: JANUARY, period: JANUARY }).quantity).toEqual({ numerator: '1', denominator: (31n * DAY).toString() });
  });

  test('a part is divided by the length of the period: 62 for 10 days of 31 = 20, and for the other 21 = 42', () => {
    expect(weighted([], '62', { start: at(0), end: at(10) })).toBe('20');
    expect(weighted([], '62', { start: at(10), end: at(31) })).toBe('42');
    expect(weighted([], '62', { start: at(10), end: at(10) })).toBe('0');
  });

  test('a day that the zone skipped has no length, and no quantity', () => {
    const nothing = { start: at(3), end: at(3) };
    expect(aggregateUsage('WEIGHTED_SUM', [], { interval: nothing, period: nothing, levels: level('5') })).toMatchObject({ quantity: '0', carriedIn: '5' });
  });

  test.each([['1 µs before the start', at(10) - 1n], ['at the end', at(20)]])('an event %s breaks off, as it would count with a weight it does not have', (_when, time) => {
    const outside = usageEvents([[0, '1']]).map((one) => ({ ...one, eventTime: instant(time) }));
    expect(() => aggregateUsage('WEIGHTED_SUM', outside, { interval: { start: at(10), end: at(20) }, period: JANUARY })).toThrow(InvariantError);
  });
});

describe('a state of its own', () => {
  test('without a level carried in it begins at zero', () => {
    const { empty, quantity } = aggregationOf('WEIGHTED_SUM', { interval: JANUARY, period: JANUARY });
    expect(fractionToJson(quantity(empty()))).toEqual({ numerator: '0', denominator: '1' });
  });

  test('an interval or a period that runs backwards breaks off', () => {
    const backwards = { start: at(31), end: at(0) };
    expect(() => aggregationOf('WEIGHTED_SUM', { interval: backwards, period: JANUARY })).toThrow(InvariantError);
    expect(() => aggregationOf('WEIGHTED_SUM', { interval: JANUARY, period: backwards })).toThrow(InvariantError);
  });
});

describe('levels', () => {
  const rows: readonly Row[] = [[1, '5', { region: 'us' }], [2, '3', { region: 'eu' }], [3, '-5', { region: 'us' }], [4, '0.5'], [5, '2', { region: 'ap' }]];

  test('are the sums of the values by group, in the order of their keys; zero is none', () => {
    expect(levelsAfter(usageEvents(rows))).toEqual(level('5.5'));
    expect(levelsAfter(usageEvents(rows), { groupBy: ['region'] })).toEqual([
      { group: { region: 'ap' }, level: '2' },
      { group: { region: 'eu' }, level: '3' },
      { group: { region: null }, level: '0.5' },
    ]);
    expect(levelsAfter([])).toEqual([]);
  });

  test('a group with a level and no event is a group, and one with neither is not', () => {
    const levels = [{ group: { region: 'eu' }, level: '31' }, { group: { region: 'ap' }, level: '0' }];
    const usage = aggregateUsage('WEIGHTED_SUM', usageEvents([[30, '31', { region: 'us' }]]), { interval: JANUARY, period: JANUARY, groupBy: ['region'], levels });
    expect(usage).toMatchObject({ eventCount: 1n, carriedIn: '31', quantity: '32' });
    expect(usage.groups?.map(({ group, eventCount, quantity, carriedIn }) => [group, eventCount, quantity, carriedIn])).toEqual([
      [{ region: 'eu' }, 0n, '31', '31'],
      [{ region: 'us' }, 1n, '1', '0'],
    ]);
  });

  test('of another grouping break off', () => {
    expect(() => levelsAfter([], { groupBy: ['region'], levels: level('5') })).toThrow(InvariantError);
    expect(() => levelsAfter([], { levels: [{ group: { region: 'eu' }, level: '5' }] })).toThrow(InvariantError);
  });

  test('law: the levels after all events are those after the later ones, with the levels after the earlier ones carried in', () => {
    const names = fc.subarray(['region', 'size', '__proto__']);
    fc.assert(
      fc.property(anyEvents, anyEvents, names, (earlier, later, groupBy) => {
        expect(levelsAfter(later, { groupBy, levels: levelsAfter(earlier, { groupBy }) })).toEqual(levelsAfter([...later, ...earlier], { groupBy }));
      }),
      rounds(),
    );
  });
});

describe('a period that is cut', () => {
  const cuts = fc.array(fc.oneof(fc.constantFrom(at(0), at(10), at(31)), fc.bigInt(at(0), at(31)).map(instant)), { maxLength: 5 });

  test('law: the parts of any cut add up to the whole, group by group, each with the level that the parts before it left', () => {
    fc.assert(
      fc.property(anyEvents, anyEvents, cuts, (before, events, moments) => {
        const groupBy = ['region'];
        const levels = levelsAfter(before, { groupBy });
        const sums = new Map<string, ReturnType<typeof exactFromJson>>();
        for (const { start, end } of partsOf(moments)) {
          const earlier = events.filter(({ eventTime }) => eventTime < start);
          const within = events.filter(({ eventTime }) => eventTime >= start && eventTime < end);
          const carried = levelsAfter(earlier, { groupBy, levels });
          const part = aggregateUsage('WEIGHTED_SUM', within, { interval: { start, end }, period: JANUARY, groupBy, levels: carried });
          for (const { group, quantity } of [{ group: 'whole', quantity: part.quantity }, ...(part.groups ?? [])]) {
            const key = JSON.stringify(group);
            sums.set(key, addFractions(sums.get(key) ?? exactFromJson('0'), exactFromJson(quantity)));
          }
        }
        const whole = aggregateUsage('WEIGHTED_SUM', events, { interval: JANUARY, period: JANUARY, groupBy, levels });
        for (const { group, quantity } of [{ group: 'whole', quantity: whole.quantity }, ...(whole.groups ?? [])]) {
          expect(fractionToJson(sums.get(JSON.stringify(group)) ?? exactFromJson('0'))).toEqual(fractionToJson(exactFromJson(quantity)));
        }
      }),
      rounds(),
    );
  });

  test('law: the quantity is the area under the level, step by step, over the length', () => {
    fc.assert(
      fc.property(anyEvents, fc.constantFrom('0', '12.5', '-3'), (events, carriedIn) => {
        const turns = [...new Set([JANUARY.start, ...events.map(({ eventTime }) => eventTime)])].toSorted((one, other) => (one < other ? -1 : 1));
        const area = turns.reduce((sum, start, position) => {
          const [{ level: height } = { level: '0' }] = levelsAfter(events.filter(({ eventTime }) => eventTime <= start), { levels: level(carriedIn) });
          const { numerator, denominator } = fractionToJson(exactFromJson(height));
          const width = (turns[position + 1] ?? JANUARY.end) - start;
          return addFractions(sum, fractionFromBigInt(BigInt(numerator) * width, BigInt(denominator) * 31n * DAY));
        }, exactFromJson('0'));
        const { quantity } = aggregateUsage('WEIGHTED_SUM', events, { interval: JANUARY, period: JANUARY, levels: level(carriedIn) });
        expect(fractionToJson(exactFromJson(quantity))).toEqual(fractionToJson(area));
      }),
      rounds(),
    );
  });
});

/** Neighbouring parts of January; two cuts in one place make an empty one. */
function partsOf(moments: readonly Instant[]): readonly { readonly start: Instant; readonly end: Instant }[] {
  const bounds = [JANUARY.start, ...moments.toSorted((one, other) => (one < other ? -1 : 1)), JANUARY.end];
  return bounds.slice(0, -1).map((start, position) => ({ start, end: bounds[position + 1] ?? JANUARY.end }));
}

describe('storage, month by month', () => {
  const storage: World = {
    start: '2024-01-01T00:00:00Z',
    prices: [price('storage', 'gigabytes', perUnit('0.10'))],
    meters: { gigabytes: 'WEIGHTED_SUM' },
    events: [event('put', 'gigabytes', '2024-01-16T12:00:00Z', '620'), event('taken', 'gigabytes', '2024-03-01T00:00:00Z', '-620')],
  };

  test('620 GB: half of January 31.00, all of February 62.00, nothing in March 0.00', () => {
    expect(chain(storage, 3).map(amounts)).toEqual([['storage-item 31.00'], ['storage-item 62.00'], ['storage-item 0.00']]);
  });

  test('a late event moves its own month and, by the level it leaves, the month that was billed since', () => {
    const late = event('late', 'gigabytes', '2024-01-01T00:00:00Z', '100', '2024-03-05T00:00:00Z');
    const world: World = { ...storage, events: [...(storage.events ?? []), late] };
    expect(chain(world, 3).map(amounts)).toEqual([
      ['storage-item 31.00'],
      ['storage-item 62.00'],
      ['storage-item 10.00', 'storage-item 10.00 for cycle 1', 'storage-item 10.00 for cycle 2'],
    ]);
  });

  test('a cancel at noon of 16 January: 1000 × 15.5 ÷ 31 × 0.10 = 50.00', () => {
    const world: World = {
      ...storage,
      canceled: [['2024-01-16T12:00:00Z', '2024-01-02T00:00:00Z']],
      events: [event('long ago', 'gigabytes', '2023-06-01T00:00:00Z', '1000')],
    };
    expect(chain(world, 2).map(amounts)).toEqual([['storage-item 50.00'], []]);
  });

  test('the level of each region stands in the trace, also of one where nothing happened', () => {
    const regional = { ...price('storage', 'gigabytes', perUnit('0.10')), groupBy: ['region'] };
    const inRegion = (region: string, ...row: Parameters<typeof event>) => ({ ...event(...row), properties: { region } });
    const world: World = {
      ...storage,
      prices: [regional],
      events: [inRegion('eu', 'long ago', 'gigabytes', '2023-06-01T00:00:00Z', '100'), inRegion('us', 'put', 'gigabytes', '2024-01-16T12:00:00Z', '20')],
    };
    const [line] = bill(world, 1).lines;
    expect(line?.trace.amount).toBe('11.00');
    expect(line?.trace.settled).toMatchObject({
      quantity: { quantity: '110', carriedIn: '100', groups: [{ group: { region: 'eu' }, eventCount: '0', quantity: '100', carriedIn: '100' }, { group: { region: 'us' }, eventCount: '1', quantity: '10', carriedIn: '0' }] },
    });
    expect(line === undefined ? '' : printTrace(line).join('\n')).toMatch(/region eu: 100 from 0 events and a level of 100, set .*\n.*region us: 10 from 1 event and a level of 0, set /);
    const { canonicalInvoice } = bill(world, 1);
    expect(canonicalInvoice.match(/"carried_in":"[0-9]+"/g)).toEqual(['"carried_in":"100"', '"carried_in":"100"', '"carried_in":"0"']);
  });

  test('law: a late event moves no cycle before its own: leaving those out changes no byte', () => {
    const moment = fc.bigInt(parseInstant('2023-12-01T00:00:00Z'), parseInstant('2024-05-10T00:00:00Z')).map(instant);
    const drawn = fc.array(fc.record({ eventTime: moment, recordedTime: moment, value: fc.integer({ min: -99, max: 99 }) }), { maxLength: 8 });
    fc.assert(
      fc.property(drawn, fc.integer({ min: 1, max: 4 }), (rows, k) => {
        const events = rows.map(({ eventTime, recordedTime, value }, position) => ({ ...event(`k${position}`, 'gigabytes', '2024-01-01T00:00:00Z', `${value}`), eventTime, recordedTime }));
        const world = { ...storage, events };
        const facts = runFacts(world, k);
        const late = events.filter(({ recordedTime }) => recordedTime >= (facts.previousCutoff ?? 0n)).map(({ eventTime }) => eventTime);
        const cycles = facts.cycles.filter(({ index, end }) => index === k || late.some((eventTime) => eventTime < end));
        const touched = { ...facts, cycles };
        expect(composeRun(touched, answers(world, usageQueriesOfRun(touched))).canonicalInvoice).toBe(bill(world, k).canonicalInvoice);
      }),
      rounds(60),
    );
  });
});
