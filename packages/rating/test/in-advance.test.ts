/** Fees in advance: run k bills cycle k + 1, and credits what was billed for time that then was not used. */
import { describe, expect, test } from 'vitest';
import { formatInstant, formatMinorUnits, parseInstant, type Price } from '../src/index.ts';
import { factsOf } from './subscription-facts.ts';
import { amounts, bill, chain, event, flat, perUnit, price, priceWith, version, type World } from './world.ts';

const fee = priceWith('fee', { billingTiming: 'IN_ADVANCE' }, flat('30.00'));
const seats = priceWith('seats', { billingTiming: 'IN_ADVANCE' }, perUnit('30.00'));
const calls = price('calls', 'calls', perUnit('0.10'));
const world: World = { start: '2024-04-01T00:00:00Z', prices: [fee, calls], events: [event('a', 'calls', '2024-04-05T00:00:00Z', '100')] };

/** Runs 0 to `last`, each as its amounts. */
function runs(of: World, last: number): string[][] {
  return [bill(of, 0), ...chain(of, last)].map(amounts);
}

describe('in advance', () => {
  test('run 0 bills the first fees at the first cutoff; usage follows in arrears', () => {
    expect(runs(world, 2)).toEqual([['fee-item 30.00'], ['calls-item 10.00', 'fee-item 30.00'], ['calls-item 0.00', 'fee-item 30.00']]);
    const first = bill(world, 0);
    expect(formatInstant(first.issueTime)).toBe('2024-04-01T00:00:00.000001Z');
    expect(first.lines[0]).toMatchObject({ cycleIndex: 1, isAdjustment: false, servicePeriod: { start: parseInstant('2024-04-01T00:00:00Z'), end: parseInstant('2024-05-01T00:00:00Z') } });
    expect(JSON.parse(first.canonicalInvoice)).toMatchObject({ run: { index: 0, previous_cutoff: null, cutoff: '2024-04-01T00:00:00.000001Z' }, cycles: [{ index: 1 }], total: '30.00' });
  });

  test('without anything in advance run 0 is empty', () => {
    expect(bill({ ...world, prices: [calls], facts: factsOf({ calls: '1' }) }, 0)).toMatchObject({ lines: [], totalMinorUnits: 0n });
  });

  test.each<[string, World, string[][]]>([
    ['a cancel in the middle of May, known then: the run of May credits 15/31 and bills no June', { ...world, prices: [fee], facts: factsOf({ fee: '1' }, [['CANCELED', '2024-05-17', '2024-05-17']]) },
      [['fee-item 30.00'], ['fee-item 30.00'], ['fee-item -14.52 for cycle 2']]],
    ['more seats from 16 April: 15/30 of two more with the next run, and the new number in advance', { ...world, prices: [seats], facts: factsOf({ seats: '2' }, [['ITEMS_CHANGED', '2024-04-16', '2024-04-16', { seats: '4' }]]) },
      [['seats-item 60.00'], ['seats-item 120.00', 'seats-item 30.00 for cycle 1'], ['seats-item 120.00']]],
    ['a pause of ten days in April is given back', { ...world, prices: [fee], facts: factsOf({ fee: '1' }, [['PAUSED', '2024-04-11', '2024-04-11'], ['RESUMED', '2024-04-21', '2024-04-21']]) },
      [['fee-item 30.00'], ['fee-item 30.00', 'fee-item -10.00 for cycle 1'], ['fee-item 30.00']]],
    ['canceled before it starts: everything is given back', { ...world, prices: [fee], facts: factsOf({ fee: '1' }, [['CANCELED', '2024-04-01', '2024-04-02']]) },
      [['fee-item 30.00'], ['fee-item -30.00 for cycle 1'], []]],
    ['an upgrade from one fee to another: old days back, new days due', { ...world, prices: [fee, priceWith('plus', { billingTiming: 'IN_ADVANCE' }, flat('60.00'))], facts: factsOf({ fee: '1' }, [['ITEMS_CHANGED', '2024-04-16', '2024-04-16', { plus: '1' }]]) },
      [['fee-item 30.00'], ['plus-item 60.00', 'fee-item -15.00 for cycle 1', 'plus-item 30.00 for cycle 1'], ['plus-item 60.00']]],
  ])('%s', (_name, told, expected) => {
    expect(runs(told, 2)).toEqual(expected);
  });

  test('what is left of a credit is used by the next run: 14.52 of a cancel against nothing stays a credit note', () => {
    const told: World = { ...world, prices: [fee], facts: factsOf({ fee: '1' }, [['CANCELED', '2024-05-17', '2024-05-17']]) };
    const [, last] = chain(told, 2);
    expect(formatMinorUnits(last?.creditMinorUnits ?? 0n, 2)).toBe('14.52');
  });

  test('is priced by what was known before the cutoff of the cycle before: a price of May, published at that cutoff, waits for June', () => {
    const dearer = (recorded: string): Price => ({
      ...priceWith('fee', { billingTiming: 'IN_ADVANCE' }, version(1, '2024-03-01', flat('30.00')), version(2, '2024-05-01', flat('40.00'), { recorded })),
      bounds: [{ version: 1, effectiveTo: parseInstant('2024-05-01T00:00:00Z'), recordedTime: parseInstant(recorded) }],
    });
    const told = (recorded: string): World => ({ ...world, prices: [dearer(recorded)], facts: factsOf({ fee: '1' }) });
    expect(runs(told('2024-05-01T00:59:59.999999Z'), 2)).toEqual([['fee-item 30.00'], ['fee-item 40.00'], ['fee-item 40.00']]);
    expect(runs(told('2024-05-01T01:00:00Z'), 2)).toEqual([['fee-item 30.00'], ['fee-item 30.00'], ['fee-item 40.00']]);
  });
});
