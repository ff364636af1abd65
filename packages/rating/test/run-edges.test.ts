/** Of the run: what is carried on, what changed the service, what is refused, and orders that answers come in. Rows that mutation testing found missing. */
import { describe, expect, test } from 'vitest';
import { cancelDoneTime, carryCredits, composeRun, parseInstant, RatingError, serviceChangedFrom, serviceStretches, usageQueriesOfRun } from '../src/index.ts';
import { type Change, factsOf, type Items } from './subscription-facts.ts';
import { answers, bill, event, flat, perUnit, price, priceWith, runFacts, version, type World } from './world.ts';

const START = '2024-04-01T00:00:00Z';
const day = (date: string) => parseInstant(`${date}T00:00:00Z`);

describe('credits left for the next run', () => {
  test.each<[title: string, credits: [number, bigint][], applied: [number, bigint][], credit: bigint, left: [number, bigint][]]>([
    ['5.00 less 2.00 used = 3.00', [[1, 500n]], [[1, 200n]], 0n, [[1, 300n]]],
    ['5.00 less 5.00 used is gone', [[1, 500n]], [[1, 500n]], 0n, []],
    ['what was not used stays as it is', [[1, 500n], [2, 70n]], [[1, 500n]], 0n, [[2, 70n]]],
    ['a credit note of its own comes last', [[1, 500n]], [], 25n, [[1, 500n], [3, 25n]]],
  ])('%s', (_title, credits, applied, credit, left) => {
    const run = { runIndex: 3, credits: credits.map(([runIndex, remainingMinorUnits]) => ({ runIndex, remainingMinorUnits })) };
    const appliedCredits = applied.map(([runIndex, amountMinorUnits]) => ({ runIndex, amountMinorUnits }));
    expect(carryCredits(run, { appliedCredits, totalMinorUnits: 0n, creditMinorUnits: credit })).toEqual(left.map(([runIndex, remainingMinorUnits]) => ({ runIndex, remainingMinorUnits })));
  });
});

test('a cancel is done when it is in effect and known: one microsecond after it was recorded, at the earliest', () => {
  const [effectiveTime, recordedTime] = [day('2024-04-10'), day('2024-04-12')];
  expect(cancelDoneTime({ effectiveTime, recordedTime })).toBe(recordedTime + 1n);
  expect(cancelDoneTime({ effectiveTime: recordedTime, recordedTime: effectiveTime })).toBe(recordedTime);
});

describe('the earliest instant at which the service differs by what was recorded from 1 to 31 May', () => {
  const seats: Items = { seat: '2', desk: '1' };
  const window = { since: day('2024-05-01'), before: day('2024-06-01') };

  test.each<[title: string, changes: readonly Change[], changed: string | null]>([
    ['nothing recorded: nowhere', [], null],
    ['recorded in April: billed already', [['PAUSED', '2024-04-10', '2024-04-30']], null],
    ['recorded on 1 June: not yet known', [['PAUSED', '2024-04-10', '2024-06-01']], null],
    ['a pause from 10 April', [['PAUSED', '2024-04-10', '2024-05-01']], '2024-04-10'],
    ['the same items again: nowhere', [['ITEMS_CHANGED', '2024-04-10', '2024-05-02', seats]], null],
    ['another quantity', [['ITEMS_CHANGED', '2024-04-10', '2024-05-02', { seat: '3', desk: '1' }]], '2024-04-10'],
    ['the quantity of the last item alone', [['ITEMS_CHANGED', '2024-04-10', '2024-05-02', { seat: '2', desk: '2' }]], '2024-04-10'],
    ['one item less', [['ITEMS_CHANGED', '2024-04-10', '2024-05-02', { seat: '2' }]], '2024-04-10'],
    ['one item more', [['ITEMS_CHANGED', '2024-04-10', '2024-05-02', { ...seats, chair: '1' }]], '2024-04-10'],
    ['two changes: the earlier one, in whatever order they were recorded', [['PAUSED', '2024-04-20', '2024-05-02'], ['ITEMS_CHANGED', '2024-04-10', '2024-05-03', { seat: '9' }]], '2024-04-10'],
    ['paused and resumed at one instant: nowhere', [['PAUSED', '2024-04-10', '2024-05-02'], ['RESUMED', '2024-04-10', '2024-05-03']], null],
    ['resumed and paused at one instant: the later fact counts', [['RESUMED', '2024-04-10', '2024-05-02'], ['PAUSED', '2024-04-10', '2024-05-03']], '2024-04-10'],
  ])('%s', (_title, changes, changed) => {
    expect(serviceChangedFrom(factsOf(seats, changes), window)).toBe(changed === null ? null : day(changed));
  });
});

test('an item that changes its name or its price is another item', () => {
  const [started] = factsOf({ seat: '1' });
  const window = { since: day('2024-05-01'), before: day('2024-06-01') };
  const changedTo = (item: string, priceCode: string) => serviceChangedFrom(
    [...factsOf({ seat: '1' }), { kind: 'ITEMS_CHANGED', sequence: 2, effectiveTime: day('2024-04-10'), recordedTime: day('2024-05-02'), items: started?.kind === 'STARTED' ? started.items.map((one) => ({ ...one, item, priceCode })) : [] }],
    window,
  );
  expect(changedTo('seat-item', 'seat')).toBe(null);
  expect(changedTo('other-item', 'seat')).toBe(day('2024-04-10'));
  expect(changedTo('seat-item', 'other')).toBe(day('2024-04-10'));
});

test('a trial that ends within the interval leaves the time before it out, also when the items changed meanwhile', () => {
  const facts = factsOf({ seat: '1' }, [['ITEMS_CHANGED', '2024-04-05', '2024-04-05', { seat: '2' }]], { trialEnd: '2024-04-15' });
  const april = { start: day('2024-04-01'), end: day('2024-05-01') };
  expect(serviceStretches(facts, april, day('2024-06-01')).map(({ interval, items }) => [interval, items.map(({ quantity }) => quantity)])).toEqual([[{ start: day('2024-04-15'), end: april.end }, ['2']]]);
});

describe('groups come in the order of their keys, whatever order they are answered or first used in', () => {
  const inRegion = (key: string, time: string, region: string) => ({ ...event(key, 'calls', time, '1'), properties: { region } });
  const world: World = {
    start: START,
    prices: [priceWith(
      'calls',
      { meter: 'calls', groupBy: ['region'], rateBy: 'DIMENSION', versionResolution: 'SPLIT' },
      version(1, '2000-01-01', perUnit('1'), { to: '2024-04-15' }),
      version(2, '2024-04-15', perUnit('2')),
    )],
    events: [inRegion('1', '2024-04-02T00:00:00Z', 'b'), inRegion('2', '2024-04-03T00:00:00Z', 'c'), inRegion('3', '2024-04-20T00:00:00Z', 'a')],
  };

  test('a, first used in the second part, stands before b and c', () => {
    expect(bill(world, 1).lines.map(({ trace }) => trace.group)).toEqual([{ region: 'a' }, { region: 'b' }, { region: 'c' }]);
  });

  test.each([['by dimension', world], ['by item', { ...world, prices: world.prices.map((one) => ({ ...one, rateBy: 'ITEM' as const })) }]])('answers whose groups stand backwards give the same bytes, rated %s', (_title, of) => {
    const facts = runFacts(of, 1);
    const backwards = new Map([...answers(of, usageQueriesOfRun(facts))].map(([key, usage]) => [key, { ...usage, groups: usage.groups?.toReversed() ?? [] }]));
    expect(composeRun(facts, backwards).digest).toBe(bill(of, 1).digest);
  });
});

describe('what a run refuses, with what it names', () => {
  const fee = price('fee', null, flat('10'));
  const refusal = (world: World): unknown => {
    try {
      return bill(world, 1);
    } catch (error) {
      return error instanceof RatingError ? { reason: error.reason, metadata: error.metadata } : error;
    }
  };

  test('a price in another currency', () => {
    expect(refusal({ start: START, prices: [{ ...fee, currencyCode: 'EUR' }] })).toEqual({ reason: 'CURRENCY_MISMATCH', metadata: { price: 'fee', price_currency: 'EUR', currency: 'USD' } });
  });

  test('a price that is not there', () => {
    expect(refusal({ start: START, prices: [fee], facts: factsOf({ gone: '1' }) })).toEqual({ reason: 'PRICE_MISSING', metadata: { item: 'gone-item', price: 'gone' } });
  });

  test('an engine version of tomorrow', () => {
    expect(() => bill({ start: START, prices: [fee], engineVersion: 999 }, 1)).toThrow('engine version 999 is not known');
  });
});
