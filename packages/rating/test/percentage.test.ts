/** PERCENTAGE and MATRIX, which look at single events and groups: tables whose rows are the events in their order. */
import { describe, expect, test } from 'vitest';
import { type DaysProration, fractionFromDecimal, fractionToDecimal, fractionToJson, instant, NO_USAGE, parseInstant, type PriceModel, prorationOf, rateQuantity, type RatableQuantity } from '../src/index.ts';
import { decimal, matrix, percentage } from './prices.ts';
import { usageOf } from './random-price.ts';

const APRIL = { start: parseInstant('2024-04-01T00:00:00Z'), end: parseInstant('2024-05-01T00:00:00Z') };

function days(count: number): DaysProration | null {
  return prorationOf({ start: APRIL.start, end: instant(APRIL.start + BigInt(count) * 86_400_000_000n) }, APRIL, { zone: 'UTC' });
}

/** `100, 50`: the values of the events in order. */
function events(list: string): RatableQuantity {
  return usageOf(list === '' ? [] : list.split(', ').map((value) => ({ value: decimal(value), properties: {} })));
}

function amount(model: PriceModel, list: string, dayCount = 30): string | null {
  return fractionToDecimal(rateQuantity(model, events(list), days(dayCount)).amount);
}

describe('PERCENTAGE of the total, and an amount for each event', () => {
  test.each([
    ['nothing', { percent: '1.3', fixedAmount: '2' }, '', '0'],
    ['800 × 1.3 ÷ 100 + 4 × 2.00 = 18.4', { percent: '1.3', fixedAmount: '2.00' }, '200, 200, 200, 200', '18.4'],
    ['an event of 0 pays its fixed amount', { percent: '1.3', fixedAmount: '2.00' }, '0', '2'],
    ['100 × 2.9 ÷ 100 = 2.9', { percent: '2.9' }, '100', '2.9'],
    ['a refund gives its share back: (100 − 40) × 10 ÷ 100 = 6', { percent: '10' }, '100, -40', '6'],
    ['… and its own fixed amount is due: 6 + 2 × 1', { percent: '10', fixedAmount: '1' }, '100, -40', '8'],
    ['0 % of 100 + 1 × 0.25', { percent: '0', fixedAmount: '0.25' }, '100', '0.25'],
    ['33.33 × 0.1 ÷ 100 = 0.03333', { percent: '0.1' }, '33.33', '0.03333'],
  ])('%s', (_equation, terms, list, expected) => {
    expect(amount(percentage(terms), list)).toBe(expected);
  });

  test('the total is enough: it needs no values of events', () => {
    const total: RatableQuantity = { ...events('60, 40'), eventValues: null };
    expect(fractionToDecimal(rateQuantity(percentage({ percent: '10', fixedAmount: '1' }), total).amount)).toBe('12');
  });
});

describe('free events, 10 % + 1.00 each', () => {
  const free = (freeEvents: string) => percentage({ percent: '10', fixedAmount: '1', freeEvents });
  test.each([
    ['2 of 0 events', '2', '', '0'],
    ['2 of 1 event', '2', '100', '0'],
    ['2 of 2 events', '2', '100, 100', '0'],
    ['2 of 3: the third pays 10 + 1', '2', '100, 100, 100', '11'],
    ['in the order in which they happened: the last pays 1 + 1', '2', '500, 500, 10', '2'],
    ['0 of 1 event', '0', '100', '11'],
    ['2.5 of 3: the third is not free', '2.5', '100, 100, 100', '11'],
    ['1 free refund', '1', '-100, 50', '6'],
  ])('%s', (_equation, freeEvents, list, expected) => {
    expect(amount(free(freeEvents), list)).toBe(expected);
  });

  test.each([
    ['4 × 15/30 = 2 of 3', 15, '11'],
    ['4 × 14/30 < 2: 1 of 3', 14, '22'],
    ['4 × 7/30 < 1: none', 7, '33'],
    ['4 × 0/30: none', 0, '33'],
    ['4 × 29/30 < 4: 3 of 3', 29, '0'],
  ])('of 4, by days: %s', (_equation, count, expected) => {
    expect(amount(free('4'), '100, 100, 100', count)).toBe(expected);
  });
});

describe('a free amount, 10 % + 1.00 each', () => {
  const free = (freeAmount: string, freeEvents?: string) => percentage({ percent: '10', fixedAmount: '1', freeAmount, ...(freeEvents === undefined ? {} : { freeEvents }) });
  test.each<[string, PriceModel, string, string]>([
    ['100 of 99.99', free('100'), '99.99', '0'],
    ['100 of 100', free('100'), '100', '0'],
    ['100 of 100.01: 0.01 × 10 ÷ 100 + 1', free('100'), '100.01', '1.001'],
    ['100 of 60 + 60: the second pays (60 − 40) × 10 ÷ 100 + 1 = 3', free('100'), '60, 60', '3'],
    ['100 of 150: 50 × 10 ÷ 100 + 1 = 6', free('100'), '150', '6'],
    ['what comes after pays all: 150, 30 → 6 + 4', free('100'), '150, 30', '10'],
    ['used up to the cent: 100, 30 → 0 + 4', free('100'), '100, 30', '4'],
    ['a refund on the way makes room again: 80, −30, 50 = 100', free('100'), '80, -30, 50', '0'],
    ['a refund after it pays its share: 150, −20 → 6 + (−2 + 1)', free('100'), '150, -20', '5'],
    ['0 of 10: 10 × 10 ÷ 100 + 1', free('0'), '10', '2'],
    ['events first: of 1 event and 100, the second pays all', free('100', '1'), '60, 60', '7'],
    ['amount first: of 5 events and 100, the second pays 20', free('100', '5'), '60, 60', '3'],
    ['both at once: of 1 event and 60', free('60', '1'), '60, 60', '7'],
    ['the event that reaches beyond must have a free event left: of 1 and 100', free('100', '1'), '100, 50', '6'],
    ['of 1 event and 100: 150 uses both, 50 pays 50', free('100', '1'), '150, 50', '12'],
    ['of 0 events nothing is free, whatever the amount', free('100', '0'), '60', '7'],
  ])('%s', (_equation, model, list, expected) => {
    expect(amount(model, list)).toBe(expected);
  });

  test('by days: 100 × 15/30 = 50 of 60', () => {
    expect(amount(free('100'), '60', 15)).toBe('2');
    expect(amount(free('100'), '60', 0)).toBe('7');
  });

  test('the step says what was free, and of what', () => {
    const [step] = rateQuantity(free('100', '5'), events('60, 60'), days(29)).steps();
    expect(step).toMatchObject({ free: { freeEvents: '5', freeAmount: '100', events: '1', quantity: { numerator: '290', denominator: '3' }, prorated: { activeDays: 29, periodDays: 30, zone: 'UTC' } }, paidEvents: '1' });
    expect(rateQuantity(free('100'), events('1')).steps()[0]).not.toHaveProperty('free.prorated');
  });
});

describe('what one event costs at least and at most, 10 % + 1.00 each', () => {
  const limited = (eventMinimum?: string, eventMaximum?: string, more = {}) =>
    percentage({ percent: '10', fixedAmount: '1', ...(eventMinimum === undefined ? {} : { eventMinimum }), ...(eventMaximum === undefined ? {} : { eventMaximum }), ...more });
  test.each<[string, PriceModel, string, string]>([
    ['0 events', limited('2', '5'), '', '0'],
    ['at the minimum: 10 → 1 + 1 = 2', limited('2', '5'), '10', '2'],
    ['below it: 9.9 → 1.99, so 2', limited('2', '5'), '9.9', '2'],
    ['above it: 10.1 → 2.01', limited('2', '5'), '10.1', '2.01'],
    ['at the maximum: 40 → 4 + 1 = 5', limited('2', '5'), '40', '5'],
    ['above it: 40.1 → 5.01, so 5', limited('2', '5'), '40.1', '5'],
    ['each for itself: 1, 20, 100 → 2 + 3 + 5', limited('2', '5'), '1, 20, 100', '10'],
    ['the order is nothing to it: 100, 1, 20', limited('2', '5'), '100, 1, 20', '10'],
    ['a minimum alone', limited('2'), '1, 100', '13'],
    ['a maximum alone', limited(undefined, '5'), '1, 100', '6.1'],
    ['a refund is raised to the minimum: −100 → −9, so 2', limited('2'), '-100', '2'],
    ['a refund under a maximum gives back: −100 → −9', limited(undefined, '5'), '-100', '-9'],
    ['a free event costs nothing, not the minimum', limited('2', undefined, { freeEvents: '1' }), '1, 1', '2'],
    ['what reaches beyond a free amount: (12 − 10) → 1.2, so 2', limited('2', undefined, { freeAmount: '10' }), '12', '2'],
    ['minimum = maximum: each costs 3', limited('3', '3'), '1, 1000', '6'],
  ])('%s', (_equation, model, list, expected) => {
    expect(amount(model, list)).toBe(expected);
  });

  test('limits are not prorated: they are an event’s and not the period’s', () => {
    expect(amount(limited('2', '5'), '1, 100', 15)).toBe('7');
  });

  test('the step says how many were limited, what they came to and what it changed', () => {
    const [step] = rateQuantity(limited('2', '5'), events('1, 2, 20, 100')).steps();
    const json = (text: string) => fractionToJson(fractionFromDecimal(text));
    expect(step).toMatchObject({
      paidEvents: '4', amount: json('12'),
      limited: { minimum: '2', maximum: '5', raised: { events: '2', amount: json('2.3') }, lowered: { events: '1', amount: json('11') }, change: json('-4.3') },
    });
  });

  test('an event at a limit is not limited, and what a price does not have stands in no step', () => {
    const zero = { events: '0', amount: { numerator: '0', denominator: '1' } };
    const [atLimits] = rateQuantity(limited('2', '5'), events('10, 40')).steps();
    expect(atLimits).toMatchObject({ limited: { raised: zero, lowered: zero } });
    expect(atLimits).not.toHaveProperty('free');
    const [free] = rateQuantity(percentage({ percent: '10', freeEvents: '1' }), events('10, 40')).steps();
    expect(free).toMatchObject({ free: { events: '1' } });
    expect(free).not.toHaveProperty('limited');
    const [plain] = rateQuantity(percentage({ percent: '10' }), events('10, 40')).steps();
    expect(Object.keys(plain ?? {})).toEqual(['kind', 'quantity', 'percent', 'paidEvents', 'fixedAmount', 'amount']);
  });

  test('values that are missing, or do not add up to the quantity, break off', () => {
    expect(() => rateQuantity(limited('2'), { ...events('1'), eventValues: null })).toThrow('needs their values');
    expect(() => rateQuantity(limited('2'), { ...events('1, 2'), quantity: fractionFromDecimal('4') })).toThrow('do not add up');
  });
});

describe('MATRIX [eu × 1.00, us large × 2.50, us without a size × 3.00, other × 0.10]', () => {
  const model = matrix('region,size', '0.10', 'eu,s 1.00', 'us,l 2.50', 'us,none 3.00');
  /** `eu s 10`, `us none 4`: the value in the group. */
  const used = (...rows: readonly string[]) => usageOf(rows.map((row) => {
    const [region = '', size = '', value = ''] = row.split(' ');
    return { value: decimal(value), properties: { region, ...(size === 'none' ? {} : { size }) } };
  }));
  test.each([
    ['nothing', [], '0'],
    ['10 × 1.00', ['eu s 10'], '10'],
    ['10 × 1.00 + 4 × 2.50', ['eu s 10', 'us l 4'], '20'],
    ['events of one group together: (3 + 4) × 1.00', ['eu s 3', 'eu s 4'], '7'],
    ['no size is a value of its own: 2 × 3.00', ['us none 2'], '6'],
    ['… and not the text: 2 × 0.10', ['us null 2'], '0.2'],
    ['both values must match: 10 × 0.10', ['eu l 10'], '1'],
    ['below zero: −2 × 2.50', ['us l -2'], '-5'],
    ['0.5 × 2.50', ['us l 0.5'], '1.25'],
    ['0 × 1.00', ['eu s 0'], '0'],
  ])('%s', (_equation, rows, expected) => {
    expect(fractionToDecimal(rateQuantity(model, used(...rows)).amount)).toBe(expected);
  });

  test('a step for each group, in the order of their keys; the default says so', () => {
    const { steps, flatAmount } = rateQuantity(model, used('us l 4', 'eu l 1', 'eu s 10'));
    expect(steps()).toMatchObject([
      { kind: 'MATRIX_CELL', group: { region: 'eu', size: 'l' }, unitAmount: '0.1', isDefault: true },
      { group: { region: 'eu', size: 's' }, unitAmount: '1' },
      { group: { region: 'us', size: 'l' }, unitAmount: '2.5' },
    ]);
    expect(steps()[1]).not.toHaveProperty('isDefault');
    expect(fractionToDecimal(flatAmount)).toBe('0');
  });

  test('the order of its dimensions is the order of the values in its cells', () => {
    expect(fractionToDecimal(rateQuantity(matrix('size,region', null, 's,eu 7'), used('eu s 1')).amount)).toBe('7');
  });

  test('values without a cell, and no default, are refused and named', () => {
    expect(() => rateQuantity(matrix('region,size', null, 'eu,s 1.00'), used('eu s 1', 'us none 1'))).toThrow(
      expect.objectContaining({ reason: 'MATRIX_CELL_MISSING', metadata: { group: 'region us, size none' } }),
    );
  });

  test('without usage there is nothing to name, and usage without groups breaks off', () => {
    expect(fractionToDecimal(rateQuantity(matrix('region', null), NO_USAGE).amount)).toBe('0');
    expect(() => rateQuantity(model, { ...used('eu s 1'), groups: [] })).toThrow('comes in groups');
    expect(() => rateQuantity(matrix('planet', '1'), used('eu s 1'))).toThrow('not grouped by planet');
  });
});
