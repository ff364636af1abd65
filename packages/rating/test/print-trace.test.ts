/** The printed trace, step by step: each row is an equation that a person can work out. */
import { describe, expect, test } from 'vitest';
import { type DaysProration, fractionFromDecimal, instant, itemQuantity, parseInstant, type PriceModel, prorationOf, printTrace, ratePrice, type RatableQuantity, type RunLine } from '../src/index.ts';
import { printStep } from '../src/trace/print-step.ts';
import { decimal, flat, graduated, matrix, modifiers, packages, percentage, percentTiers, perUnit, stairstep, volume } from './prices.ts';
import { usageOf } from './random-price.ts';
import { factsOf } from './subscription-facts.ts';
import { bill, event, LONG_AGO, priceWith, version, type World } from './world.ts';

const APRIL = { start: parseInstant('2024-04-01T00:00:00Z'), end: parseInstant('2024-05-01T00:00:00Z') };
const HALF = '  15 days from 2024-04-01T00:00:00Z to 2024-04-16T00:00:00Z, 30 from 2024-04-01T00:00:00Z to 2024-05-01T00:00:00Z, as dates in UTC';

function days(count: number): DaysProration | null {
  return prorationOf({ start: APRIL.start, end: instant(APRIL.start + BigInt(count) * 86_400_000_000n) }, APRIL, 'UTC');
}

function usage(...values: readonly string[]): RatableQuantity {
  return usageOf(values.map((value) => ({ value: decimal(value), properties: { region: 'eu' } })), ['region']);
}

function printed(model: PriceModel, short: Parameters<typeof modifiers>[0], rated: RatableQuantity, dayCount = 30): string[] {
  return ratePrice({ model, modifiers: modifiers(short) }, rated, days(dayCount)).steps().flatMap(printStep);
}

describe('steps', () => {
  test.each<[string, PriceModel, Parameters<typeof modifiers>[0], RatableQuantity, number, string[]]>([
    ['FLAT', flat('20'), {}, itemQuantity(fractionFromDecimal('2')), 30, ['2 × 20 = 40']],
    ['PER_UNIT', perUnit('0.5'), {}, usage('3'), 30, ['3 × 0.5 = 1.5']],
    ['one tier', graduated('rest 2 +1'), {}, usage('3'), 30, ['tier 1, every quantity: 3 × 2 + 1 = 7']],
    ['GRADUATED', graduated('2 2 +1', '9 1', 'rest 3'), {}, usage('3'), 30, ['tier 1, up to 2: 2 × 2 + 1 = 5', 'tier 2, above 2 up to 9: 1 × 1 = 1']],
    ['VOLUME', volume('2 2', 'rest 3'), {}, usage('3'), 30, ['tier 2, above 2: 3 × 3 = 9']],
    ['PACKAGE', packages('10', '5'), {}, usage('121'), 30, ['121 in packages of 10 begins 13: 13 × 5 = 65']],
    ['STAIRSTEP', stairstep('100 10', 'rest 25'), {}, usage('150'), 30, ['tier 2, above 100: 150 lies here and costs 25']],
    ['GRADUATED_PERCENTAGE', percentTiers('100 3', 'rest 2 +1'), {}, usage('150'), 30, ['tier 1, up to 100: 100 × 3 ÷ 100 = 3', 'tier 2, above 100: 50 × 2 ÷ 100 + 1 = 2']],
    ['MATRIX', matrix('region', null, 'eu 2'), {}, usage('3'), 30, ['region eu: 3 × 2 = 6']],
    ['MATRIX by default', matrix('region', '9', 'us 2'), {}, usage('3'), 30, ['region eu, by default: 3 × 9 = 27']],
    ['PERCENTAGE', percentage({ percent: '1.3', fixedAmount: '2' }), {}, usage('500', '300'), 30, ['800 × 1.3 ÷ 100 + 2 × 2 = 14.4']],
    ['PERCENTAGE with free events', percentage({ percent: '10', freeEvents: '1' }), {}, usage('500', '300'), 30, ['free up to 1 event: 1 event altogether, 500 of the quantity', '(800 − 500) × 10 ÷ 100 = 30']],
    ['PERCENTAGE with both allowances, by days', percentage({ percent: '10', fixedAmount: '1', freeEvents: '4', freeAmount: '200' }), {}, usage('60', '60'), 15, [
      'free up to 4 × 15/30 events and up to 200 × 15/30: 1 event altogether, 100 of the quantity', HALF, '(120 − 100) × 10 ÷ 100 + 1 × 1 = 3',
    ]],
    ['PERCENTAGE with limits of events', percentage({ percent: '10', eventMinimum: '2', eventMaximum: '5' }), {}, usage('1', '100', '30'), 30, [
      'event minimum 2: 1 event below it, together 0.1', 'event maximum 5: 1 event above it, together 10', 'the event limits change 1 × 2 − 0.1 + 1 × 5 − 10 = -3.1', '131 × 10 ÷ 100 + -3.1 = 10',
    ]],
    ['unit conversion', perUnit('1'), { convert: '× 0.5' }, usage('3'), 30, ['unit conversion: 3 × 0.5 = 1.5', '1.5 × 1 = 1.5']],
    ['unit conversion, rounded', perUnit('1'), { convert: '÷ 1000 CEILING 0' }, usage('2500'), 30, ['unit conversion: 2500 ÷ 1000 = 2.5, rounded CEILING to 0 decimals: 3', '3 × 1 = 3']],
    ['included quantity', perUnit('1'), { included: '10' }, usage('121'), 30, ['included up to 10: 121 − 10 = 111', '111 × 1 = 111']],
    ['included quantity not used up, by days', perUnit('1'), { included: '10' }, usage('3'), 15, ['included up to 10 × 15/30 = 5: 3 − 3 = 0', HALF, '0 × 1 = 0']],
    ['minimum', perUnit('1'), { minimum: '10' }, usage('3'), 30, ['3 × 1 = 3', 'raised to the minimum 10: 10 − 3 = 7']],
    ['minimum, by days', perUnit('1'), { minimum: '10' }, usage('3'), 15, ['3 × 1 = 3', 'raised to the minimum 10 × 15/30 = 5: 5 − 3 = 2', HALF]],
    ['maximum, by days', perUnit('1'), { maximum: '10' }, usage('8'), 15, ['8 × 1 = 8', 'lowered to the maximum 10 × 15/30 = 5: 5 − 8 = -3', HALF]],
    ['proration', perUnit('1'), {}, itemQuantity(fractionFromDecimal('8')), 15, ['8 × 1 = 8', 'fees × 15 of 30 days: 8 × 15/30 = 4, a change of -4', HALF]],
    ['thirds', perUnit('1'), { convert: '÷ 3' }, usage('1'), 30, ['unit conversion: 1 ÷ 3 = 1/3', '1/3 × 1 = 1/3']],
  ])('%s', (_name, model, short, rated, count, expected) => {
    expect(printed(model, short, rated, count)).toEqual(expected);
  });
});

function linesOf(world: World, run = 1): readonly RunLine[] {
  return bill(world, run).lines;
}

/** Without the lines that say where a quantity and a version come from. */
function derivation(line: RunLine | undefined): string[] {
  return line === undefined ? [] : printTrace(line).filter((row) => !/(cycle 1:|chosen at|^ +price |^ +quantity )/.test(row)).map((row) => row.trimEnd());
}

const START = '2024-04-01T00:00:00Z';

describe('lines', () => {
  test('parts: each with its share of the rounded sum, 10/3 + 20/3 = 10', () => {
    const world: World = {
      start: START,
      prices: [priceWith('seats', {}, perUnit('10'))],
      facts: factsOf({ seats: '1' }, [['ITEMS_CHANGED', '2024-04-11', '2024-04-11', { seats: '2' }], ['CANCELED', '2024-04-21', '2024-04-21']]),
    };
    expect(derivation(linesOf(world)[0]).filter((row) => !row.includes('days from'))).toEqual([
      'seats: 10.00 USD',
      '  part 1 of 2',
      '    in service 2024-04-01T00:00:00Z to 2024-04-11T00:00:00Z',
      '    PER_UNIT',
      '      1 × 10 = 10',
      '      fees × 10 of 30 days: 10 × 10/30 = 10/3, a change of -20/3',
      '    exact 10/3',
      '    its share: rounded HALF_UP 3.33',
      '  part 2 of 2',
      '    in service 2024-04-11T00:00:00Z to 2024-04-21T00:00:00Z',
      '    PER_UNIT',
      '      2 × 10 = 20',
      '      fees × 10 of 30 days: 20 × 10/30 = 20/3, a change of -40/3',
      '    exact 20/3',
      '    its share: 10/3 + 20/3 = 10, rounded HALF_UP 10.00, less 3.33 before it: 6.67',
      '  exact 10/3 + 20/3 = 10',
      '  rounded HALF_UP to 2 digits: 10.00, residue 0',
    ]);
  });

  test('groups, by item: one line itemizes them; by dimension: a line for each, and the true-up', () => {
    const events = [['eu', '2'], ['us', '3']].map(([region = '', value = ''], position) => ({ ...event(`e${position}`, 'calls', '2024-04-05T00:00:00Z', value), properties: { region } }));
    const world = (rateBy: 'ITEM' | 'DIMENSION'): World => ({
      start: START, events, prices: [priceWith('calls', { meter: 'calls', groupBy: ['region'], rateBy }, { ...version(1, '2000-01-01', perUnit('1'), { modifiers: modifiers({ minimum: '9' }) }), effectiveFrom: LONG_AGO })],
    });
    const [item] = linesOf(world('ITEM'));
    expect(item === undefined ? [] : printTrace(item).filter((row) => /region/.test(row)).map((row) => row.replace(/, set .*/, ''))).toEqual(['    region eu: 2 from 1 event', '    region us: 3 from 1 event']);
    expect(linesOf(world('DIMENSION')).map(derivation)).toEqual([
      ['calls, region eu: 2.00 USD', '  of the group region eu', '  PER_UNIT, minimum 9', '    2 × 1 = 2', '  exact 2', '  rounded HALF_UP to 2 digits: 2.00, residue 0'],
      ['calls, region us: 3.00 USD', '  of the group region us', '  PER_UNIT, minimum 9', '    3 × 1 = 3', '  exact 3', '  rounded HALF_UP to 2 digits: 3.00, residue 0'],
      [
        'calls, true-up: 4.00 USD', '  2 group lines, together 5, known before 2024-05-01T01:00:00Z', '  PER_UNIT, minimum 9', '    the group lines come to 5', '    raised to the minimum 9: 9 − 5 = 4', '  exact 9',
        '  rounded HALF_UP to 2 digits: 9.00, residue 0', '  less what the group lines settled to: 9.00 − 5.00 = 4.00',
      ],
    ]);
  });

  test('a limit that was not reached is named with its days', () => {
    const world: World = {
      start: START,
      prices: [priceWith('calls', { meter: 'calls' }, version(1, '2000-01-01', perUnit('1'), { modifiers: modifiers({ minimum: '2', maximum: '50' }) }))],
      events: [event('a', 'calls', '2024-04-05T00:00:00Z', '3')],
      facts: factsOf({ calls: '1' }, [['CANCELED', '2024-04-16', '2024-04-16']]),
    };
    expect(derivation(linesOf(world)[0])).toContain('  PER_UNIT, minimum 2 × 15/30, maximum 50 × 15/30');
    expect(derivation(linesOf(world)[0])).toContain(`  ${HALF}`);
  });

  test('a version of the subscription itself, and a level carried in', () => {
    const world: World = {
      start: '2024-04-01T00:00:00Z',
      prices: [priceWith('disk', { meter: 'disk' }, perUnit('1'))],
      overrides: [{ code: 'disk', versions: [version(4, '2000-01-01', perUnit('0.5'))], bounds: [] }],
      meters: { disk: 'WEIGHTED_SUM' },
      events: [event('a', 'disk', '2024-04-01T00:00:00Z', '10')],
    };
    const [line] = linesOf(world, 2).filter(({ isAdjustment }) => !isAdjustment);
    expect(line === undefined ? [] : printTrace(line)).toEqual(expect.arrayContaining([
      '    a level of 10 carried in at its start, contained in the quantity',
      '  price disk version 4 of the subscription itself, effective from 2000-01-01T00:00:00Z',
      '    10 × 0.5 = 5',
    ]));
  });

  test('what is parsed from JSON prints the same', () => {
    const [line] = linesOf({ start: START, prices: [priceWith('fee', {}, flat('30'))] });
    if (line === undefined) throw new Error('a fee has a line');
    expect(printTrace({ description: line.description, trace: JSON.parse(JSON.stringify(line.trace)) as RunLine['trace'] })).toEqual(printTrace(line));
  });
});
