/** Usage by properties: itemized, priced by a matrix, rated by dimension with a true-up; and what event by event needs. */
import { describe, expect, test } from 'vitest';
import { type AggregatedUsage, composeRun, formatMinorUnits, groupKey, groupOf, type PriceModel, type PriceModifiers, printTrace, usageQueriesOfRun } from '../src/index.ts';
import { amounts, answers, bill, chain, decimal, event, graduated, perUnit, priceWith, runFacts, version, type World } from './world.ts';

const START = '2024-04-01T00:00:00Z';
/** Group a has 7 + 8, b has 20 and no region 3; the last of b arrives when April was billed. */
const events = [
  { ...event('1', 'calls', '2024-04-02T00:00:00Z', '7'), properties: { region: 'a' } },
  { ...event('2', 'calls', '2024-04-20T00:00:00Z', '8'), properties: { region: 'a' } },
  { ...event('3', 'calls', '2024-04-03T00:00:00Z', '20'), properties: { region: 'b' } },
  { ...event('4', 'calls', '2024-04-04T00:00:00Z', '3'), properties: {} },
  { ...event('5', 'calls', '2024-04-05T00:00:00Z', '10', '2024-05-10T00:00:00Z'), properties: { region: 'b' } },
];

type Terms = Parameters<typeof priceWith>[1];
const worldOf = (model: PriceModel, terms: Terms, modifiers?: PriceModifiers): World => ({
  start: START,
  prices: [priceWith('calls', { meter: 'calls', groupBy: ['region'], ...terms }, version(1, '2000-01-01', model, modifiers === undefined ? {} : { modifiers }))],
  events,
});
/** `a: 1.50`, and `all: …` for what is of the whole item. */
const byGroup = (world: World, run = 1) => bill(world, run).lines.map(({ trace, chargeKind, isAdjustment }) =>
  `${chargeKind === 'TRUE_UP' ? 'true-up' : trace.group === undefined ? 'all' : (trace.group['region'] ?? 'none')}: ${trace.amount}${isAdjustment ? ' adjusted' : ''}`);

test('groups of an item itemize its trace and change no amount: 38 × 0.10', () => {
  const [line, ...more] = bill(worldOf(perUnit('0.10'), {}), 1).lines;
  expect(more).toEqual([]);
  expect(line?.trace.amount).toBe('3.80');
  const side = line?.trace.settled;
  const quantity = side !== null && side !== undefined && 'quantity' in side ? side.quantity : null;
  expect(quantity).toMatchObject({ kind: 'USAGE', quantity: '38', eventCount: '4', groups: [{ group: { region: 'a' }, quantity: '15' }, { group: { region: 'b' }, quantity: '20' }, { group: { region: null }, quantity: '3' }] });
});

describe('MATRIX', () => {
  const matrix = (defaultUnitAmount: string | null): PriceModel => ({
    kind: 'MATRIX',
    dimensions: ['region'],
    cells: [{ values: ['a'], unitAmount: decimal('1') }, { values: [null], unitAmount: decimal('0.5') }],
    defaultUnitAmount: defaultUnitAmount === null ? null : decimal(defaultUnitAmount),
  });

  test('15 × 1 + 20 × 0.25 (no cell for b) + 3 × 0.5 (no region) = 21.50', () => {
    expect(byGroup(worldOf(matrix('0.25'), {}))).toEqual(['all: 21.50']);
  });

  test('asks for its dimensions even where the price itself groups by nothing', () => {
    expect(byGroup(worldOf(matrix('0.25'), { groupBy: [] }))).toEqual(['all: 21.50']);
  });

  test('a value without cell and default stops the run and is named', () => {
    expect(() => bill(worldOf(matrix(null), {}), 1)).toThrow('The matrix has no cell for region b, and no default.');
  });

  test('"null" is text and not a missing property', () => {
    const world = worldOf(matrix('9'), {});
    const told = { ...world, events: [{ ...event('1', 'calls', '2024-04-02T00:00:00Z', '2'), properties: { region: 'null' } }] };
    expect(byGroup(told)).toEqual(['all: 18.00']);
  });
});

describe('rated by dimension', () => {
  const tiers = graduated('10 1.00', 'rest 0.50');
  const byDimension = { rateBy: 'DIMENSION' } as const;

  test('each group has its own tiers: a = 10 + 5 × 0.50, b = 10 + 10 × 0.50, none = 3', () => {
    expect(byGroup(worldOf(tiers, byDimension))).toEqual(['a: 12.50', 'b: 15.00', 'none: 3.00']);
  });

  test('late usage of a group corrects the line of that group alone', () => {
    expect(byGroup(worldOf(tiers, byDimension), 2)).toEqual(['b: 5.00 adjusted']);
  });

  test('an included quantity is each group’s: a = 11 × 1, b = 16 × 1, none = 0', () => {
    expect(byGroup(worldOf(perUnit('1'), byDimension, { includedQuantity: decimal('4') }))).toEqual(['a: 11.00', 'b: 16.00', 'none: 0.00']);
  });

  test.each<[string, PriceModifiers, string[]]>([
    ['30.50 is above a minimum of 30: no true-up', { minimum: decimal('30') }, []],
    ['30.50 is the minimum: no true-up', { minimum: decimal('30.50') }, []],
    ['a minimum of 40 lacks 9.50', { minimum: decimal('40') }, ['true-up: 9.50']],
    ['a maximum of 25 gives back 5.50', { maximum: decimal('25') }, ['true-up: -5.50']],
    ['30.50 is within 10 to 31', { minimum: decimal('10'), maximum: decimal('31') }, []],
  ])('%s', (_name, modifiers, expected) => {
    expect(byGroup(worldOf(tiers, byDimension, modifiers))).toEqual(['a: 12.50', 'b: 15.00', 'none: 3.00', ...expected]);
  });

  test('without usage the minimum alone is due', () => {
    expect(byGroup({ ...worldOf(tiers, byDimension, { minimum: decimal('40') }), events: [] })).toEqual(['true-up: 40.00']);
  });

  test('the item comes to exactly its minimum: 3 lines of 3.333 settle to 9.99, the true-up is 5.01', () => {
    const thirds = ['x', 'y', 'z'].map((region) => ({ ...event(region, 'calls', '2024-04-02T00:00:00Z', '3.333'), properties: { region } }));
    const run = bill({ ...worldOf(perUnit('1'), byDimension, { minimum: decimal('15') }), events: thirds }, 1);
    expect(run.lines.map(({ trace }) => trace.amount)).toEqual(['3.33', '3.33', '3.33', '5.01']);
    expect(formatMinorUnits(run.subtotalMinorUnits, 2)).toBe('15.00');
    expect(run.lines[3]?.trace.settled).toMatchObject({ exact: { numerator: '15', denominator: '1' }, rounding: { amount: '15.00', lessSettled: '9.99' } });
  });

  test.each<[string, string, PriceModifiers, string[], string]>([
    ['exact 10 is the minimum, but 3 lines of 10/3 settle to 9.99: the true-up is 0.01', '÷ 0.3', { minimum: decimal('10') }, ['3.33', '3.33', '3.33', '0.01'], '10.00'],
    ['… and to 9.99 of a minimum of 9.99 nothing lacks', '÷ 0.3', { minimum: decimal('9.99') }, ['3.33', '3.33', '3.33'], '9.99'],
    ['exact 10.005 is within 10.01, but 3 lines of 3.335 settle to 10.02: the true-up is −0.01', '× 3.335', { maximum: decimal('10.01') }, ['3.34', '3.34', '3.34', '-0.01'], '10.01'],
    ['… and 10.02 of a maximum of 10.02 stays', '× 3.335', { maximum: decimal('10.02') }, ['3.34', '3.34', '3.34'], '10.02'],
  ])('%s', (_name, convert, limits, expected, subtotal) => {
    const [sign = '', factor = ''] = convert.split(' ');
    const each = ['x', 'y', 'z'].map((region) => ({ ...event(region, 'calls', '2024-04-02T00:00:00Z', '1'), properties: { region } }));
    const unitConversion = { operation: sign === '×' ? 'MULTIPLY' : 'DIVIDE', factor: decimal(factor) } as const;
    const run = bill({ ...worldOf(perUnit('1'), byDimension, { ...limits, unitConversion }), events: each }, 1);
    expect(run.lines.map(({ trace }) => trace.amount)).toEqual(expected);
    expect(formatMinorUnits(run.subtotalMinorUnits, 2)).toBe(subtotal);
  });

  test('late usage moves the true-up too: 9.50 − 4.50', () => {
    expect(byGroup(worldOf(tiers, byDimension, { minimum: decimal('40') }), 2)).toEqual(['true-up: 40.00', 'b: 5.00 adjusted', 'true-up: -5.00 adjusted']);
  });

  test('in two parts each with its minimum by days, a group has the parts in which it was used', () => {
    const split = version(1, '2000-01-01', tiers, { to: '2024-04-16', modifiers: { minimum: decimal('60') } });
    const world: World = { ...worldOf(tiers, byDimension), prices: [priceWith('calls', { meter: 'calls', groupBy: ['region'], rateBy: 'DIMENSION', versionResolution: 'SPLIT' }, split, { ...split, version: 2, effectiveFrom: split.effectiveTo ?? split.effectiveFrom, effectiveTo: null })] };
    // to 16 April: a 7, b 15, none 3 = 25 of 30; after it: a 8 of 30
    expect(byGroup(world)).toEqual(['a: 15.00', 'b: 15.00', 'none: 3.00', 'true-up: 27.00']);
  });

  test('a minimum that bears on one of two parts alone is made up for there', () => {
    const limitedFirst = version(1, '2000-01-01', tiers, { to: '2024-04-16', modifiers: { minimum: decimal('60') } });
    const world: World = { ...worldOf(tiers, byDimension), prices: [priceWith('calls', { meter: 'calls', groupBy: ['region'], rateBy: 'DIMENSION', versionResolution: 'SPLIT' }, limitedFirst, version(2, '2024-04-16', tiers))] };
    // to 16 April 25 of 30, which lacks 5; after it a 8, with no minimum
    expect(byGroup(world)).toEqual(['a: 15.00', 'b: 15.00', 'none: 3.00', 'true-up: 5.00']);
  });

  test('lines say their group, and print', () => {
    const run = bill(worldOf(tiers, byDimension, { minimum: decimal('40') }), 1);
    expect(run.lines.map(({ description }) => description)).toEqual(['calls, region a', 'calls, region b', 'calls, region none', 'calls, true-up']);
    expect(new Set(run.lines.map(({ lineKey }) => lineKey)).size).toBe(4);
    expect(run.lines.flatMap(printTrace).length).toBeGreaterThan(20);
    expect(JSON.parse(run.canonicalInvoice).lines[0]).toMatchObject({ group: { region: 'a' }, charge_kind: 'USAGE' });
  });
});

test('PERCENTAGE event by event gets the values in the order in which they happened', () => {
  const model: PriceModel = { kind: 'PERCENTAGE', percent: decimal('10'), fixedAmount: decimal('1'), freeEvents: decimal('1'), freeAmount: null, eventMinimum: null, eventMaximum: decimal('2.50') };
  // free: 7 (2 April). 20 → 2 + 1, lowered to 2.50; 3 → 0.30 + 1; 8 → 0.80 + 1
  expect(amounts(bill(worldOf(model, { groupBy: [] }), 1))).toEqual(['calls-item 5.60']);
});

describe('a level that lasts', () => {
  const world: World = { start: START, prices: [priceWith('disk', { meter: 'disk' }, perUnit('1'))], meters: { disk: 'WEIGHTED_SUM' }, events: [event('up', 'disk', '2024-04-16T00:00:00Z', '10'), event('down', 'disk', '2024-05-01T00:00:00Z', '-4')] };

  test('April has 10 for 15 of 30 days, May carries 10 in and loses 4, June carries in 6', () => {
    expect(chain(world, 3).map(amounts)).toEqual([['disk-item 5.00'], ['disk-item 6.00'], ['disk-item 6.00']]);
    expect(chain(world, 3)[2]?.lines[0]?.trace.settled).toMatchObject({ quantity: { quantity: '6', carriedIn: '6', eventCount: '0' } });
  });
});

test('an answer without what was asked for stops the run', () => {
  const world = worldOf(perUnit('1'), {});
  const facts = runFacts(world, 1);
  const complete = answers(world, usageQueriesOfRun(facts));
  const without = (name: keyof AggregatedUsage) => new Map([...complete].map(([key, answer]) => [key, Object.fromEntries(Object.entries(answer).filter(([member]) => member !== name)) as unknown as AggregatedUsage]));
  expect(() => composeRun(facts, without('groups'))).toThrow('the groups of usage');
  expect(() => composeRun(facts, new Map())).toThrow('asked for and not answered');
});

test('a group takes the properties that an event has itself, and its key does not depend on their order', () => {
  expect(groupOf(['constructor', 'size'], { size: 'l' })).toEqual({ constructor: null, size: 'l' });
  expect(groupKey({ b: '1', a: null })).toBe(groupKey({ a: null, b: '1' }));
  expect(groupKey({ a: null })).not.toBe(groupKey({ a: 'null' }));
});
