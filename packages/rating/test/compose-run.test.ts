import { describe, expect, test } from 'vitest';
import { differences } from '../src/run/difference.ts';
import {
  canonicalJson,
  composeRun,
  formatInstant,
  instant,
  parseInstant,
  type Price,
  printTrace,
  RatingError,
  type RunFacts,
  settingsKnownBefore,
  sha256Hex,
  usageQueriesOfRun,
} from '../src/index.ts';
import { chargesOfCycle } from '../src/run/charge.ts';
import { settleCharge } from '../src/run/settle-charge.ts';
import { amounts, answers, bill, chain, decimal, event, flat, graduated, itemsOf, perUnit, price, priceWith, runFacts, SETTINGS, version, volume, type World } from './world.ts';

const calls = price('calls', 'calls', graduated('100 0.10', 'rest 0.05'));
const world: World = {
  start: '2024-01-31T00:00:00Z',
  prices: [price('platform', null, flat('20.00')), calls],
  events: [
    event('in-cycle-1', 'calls', '2024-02-10T00:00:00Z', '150'),
    event('at-the-boundary', 'calls', '2024-02-29T00:00:00Z', '10'),
    event('late', 'calls', '2024-02-28T23:59:59.999999Z', '40', '2024-03-05T00:00:00Z'),
  ],
};

test('2,500 MB ÷ 1,000 × 0.60 = 1.50: the line has a quantity of MB and no unit amount, as 0.60 is the price of a GB', () => {
  const modifiers = { unitConversion: { operation: 'DIVIDE', factor: decimal('1000') } } as const;
  const prices = [priceWith('transfer', { meter: 'transfer' }, version(1, '2000-01-01', perUnit('0.60'), { modifiers }))];
  const [line] = bill({ start: '2024-01-01T00:00:00Z', prices, events: [event('a', 'transfer', '2024-01-10T00:00:00Z', '2500')] }, 1).lines;
  expect(line).toMatchObject({ quantity: '2500', unitAmount: null, amountMinorUnits: 150n });
});

describe('a subscription from 31 January, month by month', () => {
  test('29 February 01:00, run 1: 20.00 + (100 × 0.10 + 50 × 0.05) = 32.50', () => {
    const run = bill(world, 1);
    expect(amounts(run)).toEqual(['platform-item 20.00', 'calls-item 12.50']);
    expect(run.totalMinorUnits).toBe(3250n);
    expect(run.issueTime).toBe(parseInstant('2024-02-29T01:00:00Z'));
    expect(run.lines.map(({ quantity, unitAmount, isAdjustment }) => [quantity, unitAmount, isAdjustment])).toEqual([
      ['1', '20', false],
      ['150', null, false],
    ]);
  });

  test('31 March, run 2: 20.00 + 10 × 0.10, and 40 late calls for cycle 1 × 0.05 = 23.00', () => {
    const run = bill(world, 2);
    expect(amounts(run)).toEqual(['platform-item 20.00', 'calls-item 1.00', 'calls-item 2.00 for cycle 1']);
    expect(run.lines.at(-1)).toMatchObject({
      cycleIndex: 1,
      isAdjustment: true,
      quantity: '40',
      description: 'calls, adjustment of cycle 1',
      servicePeriod: { start: parseInstant('2024-01-31T00:00:00Z'), end: parseInstant('2024-02-29T00:00:00Z') },
      trace: { settled: { rounding: { amount: '14.50' } }, billed: { rounding: { amount: '12.50' } } },
    });
  });

  test('30 April, run 3: the fee alone; the zero line is shown', () => {
    expect(amounts(bill(world, 3))).toEqual(['platform-item 20.00', 'calls-item 0.00']);
  });

  test('… or not, by the setting known at the cutoff', () => {
    const changed = (recordedTime: string) => ({
      ...world,
      settings: [SETTINGS, { ...SETTINGS, recordedTime: parseInstant(recordedTime), keepZeroLines: false }],
    });
    expect(amounts(bill(changed('2024-04-30T00:59:59.999999Z'), 3))).toEqual(['platform-item 20.00']);
    expect(amounts(bill(changed('2024-04-30T01:00:00Z'), 3))).toEqual(['platform-item 20.00', 'calls-item 0.00']);
  });

  test('150 MB ÷ 1,000 × 2.00 = 0.30: two dollars are not the price of one of the 150, so the line has no unit amount', () => {
    const modifiers = { unitConversion: { operation: 'DIVIDE', factor: decimal('1000') } } as const;
    const converted = priceWith('calls', { meter: 'calls' }, version(1, '2000-01-01', perUnit('2.00'), { modifiers }));
    const unitAmounts = (one: Price) => bill({ ...world, prices: [one] }, 1).lines.map(({ quantity, unitAmount, amountMinorUnits }) => [quantity, unitAmount, amountMinorUnits]);
    expect(unitAmounts(converted)).toEqual([['150', null, 30n]]);
    expect(unitAmounts(price('calls', 'calls', perUnit('2.00')))).toEqual([['150', '2', 30000n]]);
  });

  test('a line of cycle 1 has one key in every run', () => {
    const [, inRun1] = bill(world, 1).lines;
    const [, ofCycle2, inRun2] = bill(world, 2).lines;
    expect(inRun2?.lineKey).toBe(inRun1?.lineKey);
    expect(ofCycle2?.lineKey).not.toBe(inRun1?.lineKey);
  });
});

describe('strictly before the cutoff', () => {
  const cutoff = parseInstant('2024-02-29T01:00:00Z');
  const recorded = (recordedTime: bigint): World => ({
    ...world,
    events: [{ ...event('edge', 'calls', '2024-02-10T00:00:00Z', '7'), recordedTime: instant(recordedTime) }],
  });

  test('an event recorded 1 µs before the cutoff of run 1 is in run 1', () => {
    expect(amounts(bill(recorded(cutoff - 1n), 1))[1]).toBe('calls-item 0.70');
    expect(amounts(bill(recorded(cutoff - 1n), 2))).toHaveLength(2);
  });

  test('an event recorded at the cutoff of run 1 is in run 2', () => {
    expect(amounts(bill(recorded(cutoff), 1))[1]).toBe('calls-item 0.00');
    expect(amounts(bill(recorded(cutoff), 2))[2]).toBe('calls-item 0.70 for cycle 1');
  });

  test('a subscription recorded after the cutoff of cycle 1 bills cycle 1 in run 2', () => {
    const start = parseInstant(world.start);
    const facts = [{ kind: 'STARTED', sequence: 1, effectiveTime: start, recordedTime: cutoff, items: itemsOf(world.prices) } as const];
    expect(bill({ ...world, facts }, 1).lines).toEqual([]);
    expect(amounts(bill({ ...world, facts }, 2)).slice(2)).toEqual(['platform-item 20.00 for cycle 1', 'calls-item 14.50 for cycle 1']);
  });
});

describe('a subscription recorded after its first cycles, without grace, at the same instant as its prices', () => {
  const recorded = '2024-04-10T09:30:00.123456Z';
  const recordedTime = parseInstant(recorded);
  const known = (one: Price): Price => ({ ...one, versions: one.versions.map((version) => ({ ...version, recordedTime })) });
  const world: World = {
    start: '2024-01-01T00:00:00Z',
    recorded,
    settings: [{ ...SETTINGS, graceMicros: 0n, recordedTime }],
    prices: [price('fee', null, flat('20.00')), price('calls', 'calls', perUnit('0.10'))].map(known),
    events: ['2024-01-15', '2024-02-15', '2024-03-15', '2024-04-15'].map((day, position) =>
      event(day, 'calls', `${day}T00:00:00Z`, `${position + 1}`, day < recorded ? recorded : `${day}T00:00:00Z`)),
  };

  test('every cycle that has passed is billed in its own run, 1 µs after it was recorded; the next at its end', () => {
    expect(chain(world, 4).map((run) => [formatInstant(run.issueTime), ...amounts(run)])).toEqual([
      ['2024-04-10T09:30:00.123457Z', 'fee-item 20.00', 'calls-item 0.10'],
      ['2024-04-10T09:30:00.123457Z', 'fee-item 20.00', 'calls-item 0.20'],
      ['2024-04-10T09:30:00.123457Z', 'fee-item 20.00', 'calls-item 0.30'],
      ['2024-05-01T00:00:00Z', 'fee-item 20.00', 'calls-item 0.40'],
    ]);
  });

  test('without an adjustment in any of them', () => {
    expect(chain(world, 4).flatMap(({ lines }) => lines).filter(({ isAdjustment }) => isAdjustment)).toEqual([]);
  });
});

describe('a billed cycle keeps its prices and settings', () => {
  test('a back-dated price version recorded after the cutoff of cycle 1 reaches cycle 2 only', () => {
    const march = parseInstant('2024-03-01T00:00:00Z');
    const start = parseInstant(world.start);
    const twice: Price = {
      ...calls,
      versions: [...calls.versions, { version: 2, effectiveFrom: start, effectiveTo: null, recordedTime: march, model: perUnit('1') }],
      bounds: [{ version: 1, effectiveTo: start, recordedTime: march }],
    };
    const run = bill({ ...world, prices: [price('platform', null, flat('20.00')), twice] }, 2);
    expect(amounts(run)).toEqual(['platform-item 20.00', 'calls-item 10.00', 'calls-item 2.00 for cycle 1']);
    expect(run.lines.map(({ priceVersion }) => priceVersion)).toEqual([1, 2, 1]);
  });

  test('0.125 of cycle 1 stays 0.13 by HALF_UP; 0.125 of cycle 2 is 0.12 by HALF_EVEN', () => {
    const settings = [SETTINGS, { ...SETTINGS, recordedTime: parseInstant('2024-03-01T00:00:00Z'), roundingMode: 'HALF_EVEN' as const }];
    const events = [
      event('late', 'calls', '2024-02-10T00:00:00Z', '1', '2024-03-02T00:00:00Z'),
      event('on-time', 'calls', '2024-03-10T00:00:00Z', '1'),
    ];
    const run = bill({ ...world, prices: [price('calls', 'calls', perUnit('0.125'))], settings, events }, 2);
    expect(amounts(run)).toEqual(['calls-item 0.12', 'calls-item 0.13 for cycle 1']);
  });

  test('the first settings hold from the beginning, also before they were recorded', () => {
    const later = { ...SETTINGS, recordedTime: parseInstant('2030-01-01T00:00:00Z') };
    expect(settingsKnownBefore([later], parseInstant('2024-01-01T00:00:00Z'))).toBe(later);
  });
});

describe('what is asked of metering', () => {
  test('one question for the current cycle, two for an earlier one', () => {
    const queries = usageQueriesOfRun(runFacts(world, 2));
    expect(queries.map(({ queryKey }) => queryKey.replace(/:[0-9]+:[0-9]+:/, ' '))).toEqual(['2 calls-item', '1 calls-item', '1 calls-item']);
    expect(queries.map(({ knownBefore }) => knownBefore)).toEqual(
      ['2024-03-31T01:00:00Z', '2024-03-31T01:00:00Z', '2024-02-29T01:00:00Z'].map(parseInstant),
    );
  });

  test('nothing for a fee, nor for a FLAT price on a meter', () => {
    const facts = runFacts({ ...world, prices: [price('fee', null, perUnit('3')), price('base', 'calls', flat('5'))] }, 1);
    expect(usageQueriesOfRun(facts)).toEqual([]);
    expect(amounts(composeRun(facts, new Map()))).toEqual(['fee-item 3.00', 'base-item 5.00']);
  });

  test('an answer that is missing breaks off', () => {
    expect(() => composeRun(runFacts(world, 1), new Map())).toThrow('not answered');
  });
});

describe('seats', () => {
  test('3 seats: FLAT 20.00 × 3 = 60.00, and VOLUME [≤2 × 10, rest × 8] = 24.00', () => {
    const prices = [price('base', null, flat('20.00')), price('seats', null, volume('2 10', 'rest 8'))];
    const items = itemsOf(prices).map((item) => ({ ...item, quantity: decimal('3') }));
    const start = parseInstant(world.start);
    const facts = [{ kind: 'STARTED', sequence: 1, effectiveTime: start, recordedTime: start, items } as const];
    expect(amounts(bill({ ...world, prices, facts }, 1))).toEqual(['base-item 60.00', 'seats-item 24.00']);
  });
});

describe('a run that can’t be priced stops by name', () => {
  const facts = runFacts(world, 1);
  test.each<[string, Partial<RunFacts>, string]>([
    ['no such price', { prices: [] }, 'PRICE_MISSING'],
    ['no version yet', { prices: world.prices.map((one) => ({ ...one, versions: [] })) }, 'PRICE_VERSION_MISSING'],
    ['a price in another currency', { currencyCode: 'EUR' }, 'CURRENCY_MISMATCH'],
    ['no such currency', { currencyCode: 'XXX', prices: world.prices.map((one) => ({ ...one, currencyCode: 'XXX' })) }, 'CURRENCY_UNKNOWN'],
  ])('%s: %3$s', (_name, change, reason) => {
    const refused = () => composeRun({ ...facts, ...change }, answers(world, usageQueriesOfRun(facts)));
    expect(refused).toThrow(RatingError);
    expect(refused).toThrow(expect.objectContaining({ reason }));
  });

  test.each<[string, Partial<RunFacts>, string]>([
    ['its own cycle is absent', { runIndex: 2 }, 'has no cycle 2'],
    ['a cycle twice', { cycles: [...facts.cycles, ...facts.cycles] }, 'distinct'],
    ['a later cycle than the next', { cycles: runFacts(world, 3).cycles }, 'distinct'],
    ['a run without its cycle', { cycles: [] }, 'has no cycle 1'],
    ['another cutoff than the cycle has', { cutoff: parseInstant('2030-01-01T00:00:00Z') }, 'another cutoff'],
    ['no run before it', { previousCutoff: null }, 'only run 0'],
    ['cutoffs that go back', { previousCutoff: parseInstant('2030-01-01T00:00:00Z') }, 'never go back'],
    ['no settings', { settings: [] }, 'at least one settings version'],
  ])('impossible facts break off: %s', (_name, change, message) => {
    expect(() => composeRun({ ...facts, ...change }, answers(world, usageQueriesOfRun(facts)))).toThrow(message);
  });

  test('an item code twice breaks off', () => {
    const [started] = facts.subscription.facts;
    const twice = started?.kind === 'STARTED' ? [{ ...started, items: [...started.items, ...started.items] }] : [];
    const doubled = { ...facts, subscription: { ...facts.subscription, facts: twice } };
    expect(() => usageQueriesOfRun(doubled)).toThrow('two items of one code');
  });
});

test('an empty period, a day the zone skipped, calls for nothing', () => {
  const facts = runFacts(world, 1);
  const cycles = facts.cycles.map((cycle) => ({ ...cycle, end: cycle.start }));
  expect(composeRun({ ...facts, cycles }, new Map()).lines).toEqual([]);
});

test('a line no longer called for is credited in full: nothing − 20.00 = −20.00', () => {
  const facts = runFacts(world, 2);
  const [cycle] = facts.cycles;
  const [fee] = cycle === undefined ? [] : chargesOfCycle(facts, { cycle, timing: 'IN_ARREARS', knownBefore: facts.cutoff });
  expect(fee).toBeDefined();
  const billed = fee === undefined ? [] : settleCharge(facts, new Map(), fee);
  const lines = differences(facts, [], billed);
  expect(lines.flatMap(printTrace)).toEqual(expect.arrayContaining(['  called for now: nothing', '  0 − 20.00 = -20.00']));
  expect(lines).toMatchObject([
    { amountMinorUnits: -2000n, quantity: '-1', isAdjustment: true, trace: { settled: null, amount: '-20.00' } },
  ]);
});

describe('the canonical invoice', () => {
  test('is canonical, has its digest, and exists without lines', () => {
    const run = bill({ ...world, facts: [] }, 1);
    expect(run.lines).toEqual([]);
    expect(run.canonicalInvoice).toBe(canonicalJson(JSON.parse(run.canonicalInvoice)));
    expect(run.digest).toBe(sha256Hex(run.canonicalInvoice));
  });

  test('holds no recorded time and no display name', () => {
    const shown = world.prices.map((one) => ({ ...one, displayName: 'A name that may change' }));
    const text = bill({ ...world, prices: shown }, 2).canonicalInvoice;
    expect(text).toBe(bill(world, 2).canonicalInvoice);
    expect(text).not.toContain('recorded');
    expect(text).not.toContain('2024-03-05');
  });

  test('names engine, time zone data, boundaries, cutoffs, versions with parameters, counts, digests, fractions and both sides', () => {
    const invoice = JSON.parse(bill(world, 2).canonicalInvoice);
    expect(Object.keys(invoice)).toEqual([
      'credit_note',
      'credits',
      'currency_code',
      'cycles',
      'engine_version',
      'lines',
      'run',
      'subscription',
      'subtotal',
      'total',
    ]);
    expect(invoice.cycles.map((cycle: { index: number }) => cycle.index)).toEqual([2, 1]);
    expect(invoice.cycles[1]).toEqual({
      index: 1,
      start: '2024-01-31T00:00:00Z',
      end: '2024-02-29T00:00:00Z',
      cutoff: '2024-02-29T01:00:00Z',
      rounding_mode: 'HALF_UP',
      tzdata_version: '2025b',
    });
    expect(invoice.lines[2]).toMatchObject({
      amount: '2.00',
      price: { code: 'calls', version: 1, effective_from: '2000-01-01T00:00:00Z', effective_to: null, model: { kind: 'GRADUATED' } },
      settled: { amount: '14.50', exact: { numerator: '29', denominator: '2' }, quantity: { event_count: '2', quantity: '190' } },
      billed: { amount: '12.50', known_before: '2024-02-29T01:00:00Z', quantity: { event_count: '1', quantity: '150' } },
    });
  });
});
