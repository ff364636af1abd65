/** Parts: how changes within a cycle cut it, told month by month. April has 30 days, so a day of 30.00 is 1.00. */
import { describe, expect, test } from 'vitest';
import { parseInstant, partsOfSide, printTrace, type RunLine } from '../src/index.ts';
import { type Change, factsOf, type Items } from './subscription-facts.ts';
import { amounts, bill, chain, event, flat, graduated, perUnit, price, priceWith, version, type World } from './world.ts';

const START = '2024-04-01T00:00:00Z';
const at = (text: string) => parseInstant(text.includes('T') ? text : `${text}T00:00:00Z`);

/** `10 days of Apr 1–Apr 11: 10.00` per part. */
function parts(line: RunLine | undefined): string[] {
  const side = line?.trace.settled ?? null;
  if (side === null) return [];
  return partsOfSide(side).map((part) => {
    const { start, end } = part.servicePeriod ?? line?.trace.cycle ?? { start: '', end: '' };
    const share = 'amount' in part ? String(part.amount) : side.rounding.amount;
    return `${start.slice(5, 10)} to ${end.slice(5, 10)} v${part.price.version}: ${share}`;
  });
}

const fee = price('fee', null, flat('30.00'));
const seats = price('seats', null, perUnit('30.00'));
const calls = price('calls', 'calls', graduated('100 0.10', 'rest 0.05'));
const world: World = {
  start: START,
  prices: [fee, seats, calls],
  events: [event('a', 'calls', '2024-04-05T00:00:00Z', '100'), event('b', 'calls', '2024-04-16T00:00:00Z', '100'), event('c', 'calls', '2024-04-25T00:00:00Z', '100')],
};

describe('a change within a cycle cuts it into parts', () => {
  test.each<[string, Items, readonly Change[], string[]]>([
    ['nothing changes: 30 + 2 × 30 + (100 × 0.10 + 200 × 0.05)', { fee: '1', seats: '2', calls: '1' }, [], ['fee-item 30.00', 'seats-item 60.00', 'calls-item 20.00']],
    ['2 seats for 15 days, then 4: 30.00 + 60.00; others go on uncut', { fee: '1', seats: '2', calls: '1' },
      [['ITEMS_CHANGED', '2024-04-16', '2024-04-16', { fee: '1', seats: '4', calls: '1' }]], ['fee-item 30.00', 'seats-item 90.00', 'calls-item 20.00']],
    ['changed and changed back: 2, 4, 2 seats for 10 days each', { seats: '2' },
      [['ITEMS_CHANGED', '2024-04-11', '2024-04-11', { seats: '4' }], ['ITEMS_CHANGED', '2024-04-21', '2024-04-21', { seats: '2' }]], ['seats-item 80.00']],
    ['twice on one day: the part between has no day', { seats: '2' },
      [['ITEMS_CHANGED', '2024-04-16T09:00:00Z', '2024-04-16', { seats: '99' }], ['ITEMS_CHANGED', '2024-04-16T10:00:00Z', '2024-04-16', { seats: '4' }]], ['seats-item 90.00']],
    ['one of two items leaves: 30 × 15/30', { fee: '1', seats: '1' }, [['ITEMS_CHANGED', '2024-04-16', '2024-04-16', { seats: '1' }]], ['fee-item 15.00', 'seats-item 30.00']],
    ['one joins on the 16th: 30 × 15/30', { seats: '1' }, [['ITEMS_CHANGED', '2024-04-16', '2024-04-16', { seats: '1', fee: '1' }]], ['seats-item 30.00', 'fee-item 15.00']],
    ['usage is cut at the instant, and a paused part bills none', { calls: '1' },
      [['PAUSED', '2024-04-10', '2024-04-10'], ['RESUMED', '2024-04-20', '2024-04-20']], ['calls-item 20.00']],
    ['paused from the 10th to the 20th: 30 × (9 + 11)/30', { fee: '1' }, [['PAUSED', '2024-04-10', '2024-04-10'], ['RESUMED', '2024-04-20', '2024-04-20']], ['fee-item 20.00']],
    ['paused all month: nothing', { fee: '1', calls: '1' }, [['PAUSED', '2024-04-01', '2024-04-01']], []],
    ['paused and resumed at one instant: nothing is lost', { fee: '1' }, [['PAUSED', '2024-04-10', '2024-04-10'], ['RESUMED', '2024-04-10', '2024-04-10']], ['fee-item 30.00']],
    ['a cancel ends a pause for good: 30 × 9/30', { fee: '1' },
      [['PAUSED', '2024-04-10', '2024-04-10'], ['CANCELED', '2024-04-15', '2024-04-12'], ['RESUMED', '2024-04-20', '2024-04-20']], ['fee-item 9.00']],
  ])('%s', (_name, items, changes, expected) => {
    expect(amounts(bill({ ...world, facts: factsOf(items, changes) }, 1))).toEqual(expected);
  });

  test('a trial bills nothing of what was used in it, and fees from its end on: 30 × 20/30, 100 × 0.10 + 100 × 0.05', () => {
    expect(amounts(bill({ ...world, facts: factsOf({ fee: '1', calls: '1' }, [], { trialEnd: '2024-04-11' }) }, 1))).toEqual(['fee-item 20.00', 'calls-item 15.00']);
  });

  test('a change within a trial bills nothing before its end, and the new quantity after it: 4 × 30 × 20/30', () => {
    expect(amounts(bill({ ...world, facts: factsOf({ seats: '2' }, [['ITEMS_CHANGED', '2024-04-05', '2024-04-05', { seats: '4' }]], { trialEnd: '2024-04-11' }) }, 1))).toEqual(['seats-item 80.00']);
  });

  test('a change within a pause counts from its end: 2 × 30 × 9/30 + 4 × 30 × 11/30', () => {
    const facts = factsOf({ seats: '2' }, [['PAUSED', '2024-04-10', '2024-04-10'], ['ITEMS_CHANGED', '2024-04-15', '2024-04-15', { seats: '4' }], ['RESUMED', '2024-04-20', '2024-04-20']]);
    expect(amounts(bill({ ...world, facts }, 1))).toEqual(['seats-item 62.00']);
  });

  test.each<[string, readonly Change[], string]>([
    ['of two changes at one instant the one recorded last holds', [['ITEMS_CHANGED', '2024-04-16', '2024-04-10', { seats: '9' }], ['ITEMS_CHANGED', '2024-04-16', '2024-04-11', { seats: '4' }]], 'seats-item 90.00'],
    ['a change recorded later for an earlier day holds up to the other one', [['ITEMS_CHANGED', '2024-04-21', '2024-04-10', { seats: '4' }], ['ITEMS_CHANGED', '2024-04-11', '2024-04-11', { seats: '6' }]], 'seats-item 120.00'],
    ['paused and resumed at one instant, in the order of recording', [['RESUMED', '2024-04-16', '2024-04-10'], ['PAUSED', '2024-04-16', '2024-04-11']], 'seats-item 30.00'],
  ])('%s, however the facts are listed', (_name, changes, expected) => {
    const facts = factsOf({ seats: '2' }, changes);
    expect(amounts(bill({ ...world, facts }, 1))).toEqual([expected]);
    expect(amounts(bill({ ...world, facts: facts.toReversed() }, 1))).toEqual([expected]);
  });

  test('a quantity change cuts usage too, and tiers restart: 100 × 0.10 + (100 × 0.10 + 100 × 0.05)', () => {
    const run = bill({ ...world, facts: factsOf({ calls: '1' }, [['ITEMS_CHANGED', '2024-04-10', '2024-04-10', { calls: '2' }]]) }, 1);
    expect(amounts(run)).toEqual(['calls-item 25.00']);
    expect(run.lines[0]).toMatchObject({ quantity: '300', unitAmount: null, servicePeriod: { start: at('2024-04-01'), end: at('2024-05-01') } });
  });
});

describe('the parts of a line', () => {
  test('settle by cumulative rounding: 10.00 ÷ 3 three times is 3.33 + 3.34 + 3.33', () => {
    const third = { ...world, prices: [price('seats', null, perUnit('10.00'))] };
    const changes: Change[] = [['ITEMS_CHANGED', '2024-04-11', '2024-04-11', { seats: '1.0000001' }], ['ITEMS_CHANGED', '2024-04-21', '2024-04-21', { seats: '1' }]];
    const [line] = bill({ ...third, facts: factsOf({ seats: '1' }, changes) }, 1).lines;
    expect(parts(line)).toEqual(['04-01 to 04-11 v1: 3.33', '04-11 to 04-21 v1: 3.34', '04-21 to 05-01 v1: 3.33']);
    expect(line).toMatchObject({ amountMinorUnits: 1000n, quantity: null, unitAmount: null });
  });

  test('two sides that were cut differently: a pause recorded late is credited, 20.00 − 30.00', () => {
    const late = { ...world, facts: factsOf({ fee: '1' }, [['PAUSED', '2024-04-10', '2024-05-03'], ['RESUMED', '2024-04-20', '2024-05-03']]) };
    const [first, second] = chain(late, 2);
    expect(first === undefined ? [] : amounts(first)).toEqual(['fee-item 30.00']);
    expect(second === undefined ? [] : amounts(second)).toEqual(['fee-item 30.00', 'fee-item -10.00 for cycle 1']);
    expect(second?.lines.flatMap(printTrace).join('\n')).toContain('20.00 − 30.00 = -10.00');
  });

  test('a back-dated change cuts cycles that were billed: 4 seats from 16 April, known in May: + 30.00 for April', () => {
    const late = { ...world, facts: factsOf({ seats: '2' }, [['ITEMS_CHANGED', '2024-04-16', '2024-05-20', { seats: '4' }]]) };
    expect(chain(late, 2).map(amounts)).toEqual([['seats-item 60.00'], ['seats-item 120.00', 'seats-item 30.00 for cycle 1']]);
  });

  test('an item that comes back at another price has a line for each, with its own versions', () => {
    const other = priceWith('other', {}, version(1, '2024-04-10', flat('60.00')));
    const facts = factsOf({ fee: '1' }, [['ITEMS_CHANGED', '2024-04-16', '2024-04-16', { other: '1' }]]);
    expect(amounts(bill({ ...world, prices: [...world.prices, other], facts }, 1))).toEqual(['fee-item 15.00', 'other-item 30.00']);
  });
});

test('aligned to the calendar the first cycle is a stub and the next ones are whole: 30 × 15/30, then 30', () => {
  const aligned: World = { start: '2024-04-16T00:00:00Z', alignment: 'CALENDAR', prices: [fee] };
  expect(chain(aligned, 3).map(amounts)).toEqual([['fee-item 15.00'], ['fee-item 30.00'], ['fee-item 30.00']]);
});

test('a version recorded at the very cutoff was not known before it: it mends the missing one', () => {
  const mended = priceWith('fee', {}, version(1, '2024-01-01', flat('30.00'), { recorded: '2024-05-01T01:00:00Z' }));
  const [line] = bill({ ...world, facts: factsOf({ fee: '1' }), prices: [mended] }, 1).lines;
  expect(line?.trace.settled).toMatchObject({ price: { version: 1, knownBefore: null } });
});

describe('a version that takes over within a cycle', () => {
  const twice = [version(1, '2000-01-01', graduated('100 0.10 +3', 'rest 0.05'), { to: '2024-04-11' }), version(2, '2024-04-11', graduated('100 0.20 +6', 'rest 0.10'))] as const;
  const facts = factsOf({ calls: '1' });
  const priced = (terms: Parameters<typeof priceWith>[1]) => ({ ...world, facts, prices: [priceWith('calls', { meter: 'calls', ...terms }, ...twice)] });

  test('waits for the next period by PERIOD_START: 3 + 100 × 0.10 + 200 × 0.05', () => {
    const [line] = bill(priced({}), 1).lines;
    expect(parts(line)).toEqual(['04-01 to 05-01 v1: 23.00']);
  });

  test('by SPLIT each rates its part, tiers restart, flat amounts count by days: (100 × 0.10 + 3 × 10/30) + (100 × 0.20 + 100 × 0.10 + 6 × 20/30)', () => {
    const [line] = bill(priced({ versionResolution: 'SPLIT' }), 1).lines;
    expect(parts(line)).toEqual(['04-01 to 04-11 v1: 11.00', '04-11 to 05-01 v2: 34.00']);
    expect(line).toMatchObject({ priceVersion: 2, amountMinorUnits: 4500n });
  });

  test('a boundary that only moves the same version on cuts nothing', () => {
    const bounded = [version(1, '2000-01-01', perUnit('0.10'), { to: '2024-05-20' }), version(2, '2024-05-20', perUnit('0.20'))];
    const [line] = bill({ ...world, facts, prices: [priceWith('calls', { meter: 'calls', versionResolution: 'SPLIT' }, ...bounded)] }, 1).lines;
    expect(parts(line)).toEqual(['04-01 to 05-01 v1: 30.00']);
  });

  test('a gap between versions stops the run by name', () => {
    const gap = [version(1, '2000-01-01', perUnit('0.10'), { to: '2024-04-11' }), version(2, '2024-04-12', perUnit('0.20'))];
    expect(() => bill({ ...world, facts, prices: [priceWith('calls', { meter: 'calls', versionResolution: 'SPLIT' }, ...gap)] }, 1)).toThrow('no version at 2024-04-11T00:00:00Z');
  });

  test('a catalog edit after the cutoff reaches no billed cycle', () => {
    const edited = { ...world, facts, prices: [priceWith('calls', { meter: 'calls', versionResolution: 'SPLIT' }, version(1, '2000-01-01', perUnit('0.10')), version(2, '2024-04-11', perUnit('9'), { to: '2024-04-12', recorded: '2024-05-02' }))] };
    expect(chain(edited, 2).map(amounts)).toEqual([['calls-item 30.00'], ['calls-item 0.00']]);
  });
});

describe("a subscription's own versions", () => {
  const own = (...versions: ReturnType<typeof version>[]) => [{ code: 'fee', versions, bounds: [] }];
  const facts = factsOf({ fee: '1' });

  test('go before the catalog where one is in force, and the trace says so', () => {
    const run = bill({ ...world, facts, overrides: own(version(1, '2024-01-01', flat('10.00'))) }, 1);
    expect(amounts(run)).toEqual(['fee-item 10.00']);
    expect(JSON.parse(run.canonicalInvoice).lines[0].price).toMatchObject({ version: 1, override: true, model: { amount: '10' } });
  });

  test('count from when they are known: an override of May, recorded in May, leaves April', () => {
    const late = { ...world, facts, overrides: own(version(1, '2024-01-01', flat('10.00'), { recorded: '2024-05-10' })) };
    expect(chain(late, 2).map(amounts)).toEqual([['fee-item 30.00'], ['fee-item 10.00']]);
  });

  test('cut a period with SPLIT: 30 × 10/30 + 10 × 20/30 = 16.67', () => {
    const prices = [priceWith('fee', { versionResolution: 'SPLIT' }, flat('30.00'))];
    const [line] = bill({ ...world, facts, prices, overrides: own(version(7, '2024-04-11', flat('10.00'))) }, 1).lines;
    expect(parts(line)).toEqual(['04-01 to 04-11 v1: 10.00', '04-11 to 05-01 v7: 6.67']);
  });

  test('two of one number, the catalog’s and its own, are two parts: 30 × 10/30 + 10 × 10/30 + 60 × 10/30', () => {
    const prices = [priceWith('fee', { versionResolution: 'SPLIT' }, flat('30.00'))];
    const overrides = own(version(1, '2024-04-11', flat('10.00'), { to: '2024-04-21' }), version(2, '2024-04-21', flat('60.00')));
    const [line] = bill({ ...world, facts, prices, overrides }, 1).lines;
    expect(parts(line)).toEqual(['04-01 to 04-11 v1: 10.00', '04-11 to 04-21 v1: 3.33', '04-21 to 05-01 v2: 20.00']);
  });

  test('of another price change nothing', () => {
    expect(amounts(bill({ ...world, facts, overrides: [{ code: 'other', versions: [version(1, '2024-01-01', flat('10.00'))], bounds: [] }] }, 1))).toEqual(['fee-item 30.00']);
  });
});
