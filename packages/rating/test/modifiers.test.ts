/** The modifiers, each by itself and all in their order; over all of April and over some of its 30 days. */
import { describe, expect, test } from 'vitest';
import { type DaysProration, fractionFromDecimal, fractionToDecimal, fractionToJson, instant, itemQuantity, parseInstant, type PriceModel, type PriceRule, prorationOf, ratePrice, type RatableQuantity } from '../src/index.ts';
import { limitAmount, rateUnlimited } from '../src/price/rate-price.ts';
import { decimal, flat, graduated, matrix, modifiers, packages, percentage, percentTiers, perUnit, stairstep, volume } from './prices.ts';
import { usageOf } from './random-price.ts';

const APRIL = { start: parseInstant('2024-04-01T00:00:00Z'), end: parseInstant('2024-05-01T00:00:00Z') };

function days(count: number): DaysProration | null {
  return prorationOf({ start: APRIL.start, end: instant(APRIL.start + BigInt(count) * 86_400_000_000n) }, APRIL, { zone: 'UTC' });
}

function usage(...values: readonly string[]): RatableQuantity {
  return usageOf(values.map((value) => ({ value: decimal(value), properties: { region: value.startsWith('-') ? 'us' : 'eu' } })));
}

function seats(quantity: string): RatableQuantity {
  return itemQuantity(fractionFromDecimal(quantity));
}

type Short = Parameters<typeof modifiers>[0];

function ruleOf(model: PriceModel, short: Short): PriceRule {
  return { model, modifiers: modifiers(short) };
}

function amount(rule: PriceRule, rated: RatableQuantity, dayCount = 30): string {
  const exact = ratePrice(rule, rated, days(dayCount)).amount;
  const { numerator, denominator } = fractionToJson(exact);
  return fractionToDecimal(exact) ?? `${numerator}/${denominator}`;
}

describe('unit conversion, then 1.00 per unit', () => {
  test.each([
    ['2500 ÷ 1000 = 2.5', '÷ 1000', '2500', '2.5'],
    ['2500 ÷ 1000, started ones: 3', '÷ 1000 CEILING 0', '2500', '3'],
    ['2000 ÷ 1000, started ones: 2', '÷ 1000 CEILING 0', '2000', '2'],
    ['2000.001 ÷ 1000, started ones: 3', '÷ 1000 CEILING 0', '2000.001', '3'],
    ['0 ÷ 1000 = 0', '÷ 1000 CEILING 0', '0', '0'],
    ['−2500 ÷ 1000 toward the greater: −2', '÷ 1000 CEILING 0', '-2500', '-2'],
    ['2999 ÷ 1000, whole ones: 2', '÷ 1000 FLOOR 0', '2999', '2'],
    ['−2500 ÷ 1000 toward the lesser: −3', '÷ 1000 FLOOR 0', '-2500', '-3'],
    ['2500 ÷ 1000, the half away from zero: 3', '÷ 1000 HALF_UP 0', '2500', '3'],
    ['2500 ÷ 1000, the half to even: 2', '÷ 1000 HALF_EVEN 0', '2500', '2'],
    ['2499 ÷ 1000 at 2 decimals: 2.5', '÷ 1000 HALF_UP 2', '2499', '2.5'],
    ['2494 ÷ 1000 at 2 decimals: 2.49', '÷ 1000 HALF_UP 2', '2494', '2.49'],
    ['1 ÷ 3 stays exact', '÷ 3', '1', '1/3'],
    ['1 ÷ 3 at 18 decimals, up', '÷ 3 CEILING 18', '1', '0.333333333333333334'],
    ['3 × 0.25 = 0.75', '× 0.25', '3', '0.75'],
    ['3 × 60 = 180', '× 60', '3', '180'],
    ['1.5 × 1 = 1.5', '× 1', '1.5', '1.5'],
  ])('%s', (_equation, convert, value, expected) => {
    expect(amount(ruleOf(perUnit('1'), { convert }), usage(value))).toBe(expected);
  });

  test('its step says the exact value too, and no rounding where there is none', () => {
    const json = (text: string) => fractionToJson(fractionFromDecimal(text));
    const [rounded] = ratePrice(ruleOf(perUnit('1'), { convert: '÷ 1000 CEILING 0' }), usage('2500')).steps();
    expect(rounded).toEqual({ kind: 'UNIT_CONVERSION', quantity: json('2500'), operation: 'DIVIDE', factor: '1000', converted: json('2.5'), rounding: { decimals: 0, mode: 'CEILING' }, rounded: json('3') });
    const [exact] = ratePrice(ruleOf(perUnit('1'), { convert: '× 2' }), usage('3')).steps();
    expect(exact).toEqual({ kind: 'UNIT_CONVERSION', quantity: json('3'), operation: 'MULTIPLY', factor: '2', converted: json('6') });
  });

  test('single events and groups are converted each for itself', () => {
    const each = ruleOf(percentage({ percent: '10', eventMaximum: '1' }), { convert: '÷ 100' }); // cents to euros
    expect(amount(each, usage('500', '5000'))).toBe('1.5');
    const groups = ruleOf(matrix('region', null, 'eu 1', 'us 2'), { convert: '÷ 10 CEILING 0' });
    expect(amount(groups, usage('11', '-11'))).toBe('0'); // 2 × 1 + (−1) × 2
  });
});

describe('included quantity: 10, then 1.00 per unit', () => {
  const rule = ruleOf(perUnit('1'), { included: '10' });
  test.each([
    ['0 − 0 = 0', '0', 30, '0'],
    ['9.5 − 9.5 = 0', '9.5', 30, '0'],
    ['10 − 10 = 0', '10', 30, '0'],
    ['10.001 − 10 = 0.001', '10.001', 30, '0.001'],
    ['121 − 10 = 111', '121', 30, '111'],
    ['−3 stays −3', '-3', 30, '-3'],
    ['by days, 10 × 15/30: 121 − 5 = 116', '121', 15, '116'],
    ['5 − 5 = 0', '5', 15, '0'],
    ['5.1 − 5 = 0.1', '5.1', 15, '0.1'],
    ['10 × 1/30: 1 − 1/3 = 2/3', '1', 1, '2/3'],
    ['10 × 0/30: 7 − 0 = 7', '7', 0, '7'],
  ])('%s', (_equation, value, count, expected) => {
    expect(amount(rule, usage(value), count)).toBe(expected);
  });

  test('of seats a shorter part includes as many: (15 − 10) × 1.00 × 15/30 = 2.5', () => {
    expect(amount(rule, seats('15'))).toBe('5');
    expect(amount(rule, seats('15'), 15)).toBe('2.5');
    expect(amount(rule, seats('10'), 15)).toBe('0');
    expect(ratePrice(rule, seats('15'), days(15)).steps()[0]).not.toHaveProperty('prorated');
  });

  test('tiers are of what remains: 110 − 10 = 100 stays in the first', () => {
    const tiered = ruleOf(graduated('100 0.10', 'rest 0.05 +3'), { included: '10' });
    expect([amount(tiered, usage('110')), amount(tiered, usage('111'))]).toEqual(['10', '13.05']);
  });
});

describe('minimum 10.00 and maximum 20.00, 1.00 per unit', () => {
  const rule = ruleOf(perUnit('1'), { minimum: '10', maximum: '20' });
  test.each([
    ['without usage the minimum is due: 10', '0', 30, '10', ['PER_UNIT', 'MINIMUM']],
    ['9.99 is raised to 10', '9.99', 30, '10', ['PER_UNIT', 'MINIMUM']],
    ['10 stays', '10', 30, '10', ['PER_UNIT']],
    ['10.01 stays', '10.01', 30, '10.01', ['PER_UNIT']],
    ['20 stays', '20', 30, '20', ['PER_UNIT']],
    ['20.01 is lowered to 20', '20.01', 30, '20', ['PER_UNIT', 'MAXIMUM']],
    ['−5 is raised to 10', '-5', 30, '10', ['PER_UNIT', 'MINIMUM']],
    ['by days, 10 × 15/30: 4.99 is raised to 5', '4.99', 15, '5', ['PER_UNIT', 'MINIMUM']],
    ['5 stays', '5', 15, '5', ['PER_UNIT']],
    ['20 × 15/30: 10 stays', '10', 15, '10', ['PER_UNIT']],
    ['10.01 is lowered to 10', '10.01', 15, '10', ['PER_UNIT', 'MAXIMUM']],
    ['10 × 1/30 = 1/3', '0', 1, '1/3', ['PER_UNIT', 'MINIMUM']],
    ['in no day nothing is due', '0', 0, '0', ['PER_UNIT']],
    ['… and nothing may be', '3', 0, '0', ['PER_UNIT', 'MAXIMUM']],
  ])('%s', (_equation, value, count, expected, kinds) => {
    expect(amount(rule, usage(value), count)).toBe(expected);
    expect(ratePrice(rule, usage(value), days(count)).steps().map(({ kind }) => kind)).toEqual(kinds);
  });

  test('seats: (6 × 1.00) × 15/30 = 3 is raised to 10 × 15/30 = 5', () => {
    expect(amount(rule, seats('6'), 15)).toBe('5');
    expect(ratePrice(rule, seats('6'), days(15)).steps().map(({ kind }) => kind)).toEqual(['PER_UNIT', 'PRORATION', 'MINIMUM']);
  });

  test('the steps say what was before, the limit and the days', () => {
    const json = (text: string) => fractionToJson(fractionFromDecimal(text));
    expect(ratePrice(rule, usage('3'), days(15)).steps()[1]).toMatchObject({ kind: 'MINIMUM', before: json('3'), minimum: '10', prorated: { activeDays: 15, value: json('5') }, amount: json('2') });
    expect(ratePrice(rule, usage('30')).steps()[1]).toEqual({ kind: 'MAXIMUM', before: json('30'), maximum: '20', amount: json('-10') });
  });

  test('a group that is rated for itself is not limited; the limits come after all of them', () => {
    expect(fractionToDecimal(rateUnlimited(rule, usage('3'), null).amount)).toBe('3');
    expect(fractionToDecimal(limitAmount(rule.modifiers, rateUnlimited(rule, usage('3'), null), null).amount)).toBe('10');
  });
});

describe('the order: conversion → included → model → proration → minimum → maximum', () => {
  const all: Short = { convert: '÷ 1000 CEILING 0', included: '2', minimum: '5', maximum: '12' };
  test.each<[string, PriceModel, RatableQuantity, number, string]>([
    ['(⌈4500 ÷ 1000⌉ − 2) × 3 = 9', perUnit('3'), usage('4500'), 30, '9'],
    ['converted before included: (⌈2500 ÷ 1000⌉ − 2) × 3 = 3, raised to 5', perUnit('3'), usage('2500'), 30, '5'],
    ['(⌈9001 ÷ 1000⌉ − 2) × 3 = 24, lowered to 12', perUnit('3'), usage('9001'), 30, '12'],
    ['by days: (5 − 2 × 15/30) × 3 = 12, lowered to 12 × 15/30 = 6', perUnit('3'), usage('4500'), 15, '6'],
    ['flat amounts by days, units not: (5 − 1) × 1 + 4 × 15/30 = 6', graduated('rest 1 +4'), usage('4500'), 15, '6'],
    ['a volume tier of what remains: 3 × 2 + 1 = 7', volume('3 2 +1', 'rest 9'), usage('4500'), 30, '7'],
    ['packages of 2 of what remains: 2 × 4 = 8', packages('2', '4'), usage('4500'), 30, '8'],
    ['a stair of what remains, by days: 10 × 15/30 = 5', stairstep('4 10', 'rest 99'), usage('4500'), 15, '5'],
    ['percent tiers of what remains: 3 × 200 ÷ 100 + 1 = 7', percentTiers('rest 200 +1'), usage('4500'), 30, '7'],
    ['seats: (⌈4500 ÷ 1000⌉ − 2) × 4 × 15/30 = 6', perUnit('4'), seats('4500'), 15, '6'],
    ['a FLAT amount of what remains: 3 × 4 = 12', flat('4'), seats('4500'), 30, '12'],
  ])('%s', (_equation, model, rated, count, expected) => {
    expect(amount(ruleOf(model, all), rated, count)).toBe(expected);
  });

  test('each leaves its step, in that order', () => {
    const { steps } = ratePrice(ruleOf(graduated('2 1 +4', 'rest 9 +8'), { ...all, minimum: '12', maximum: '12' }), usage('4500'), days(15));
    expect(steps().map(({ kind }) => kind)).toEqual(['UNIT_CONVERSION', 'INCLUDED_QUANTITY', 'GRADUATED_TIER', 'GRADUATED_TIER', 'PRORATION', 'MAXIMUM']);
    const low = ratePrice(ruleOf(graduated('rest 0 +4'), { minimum: '12' }), usage('1'), days(15));
    expect(low.steps().map(({ kind }) => kind)).toEqual(['GRADUATED_TIER', 'PRORATION', 'MINIMUM']);
  });

  test('the quantity flows from one step to the next', () => {
    const json = (text: string) => fractionToJson(fractionFromDecimal(text));
    expect(ratePrice(ruleOf(perUnit('3'), all), usage('4500'), days(15)).steps().slice(0, 3)).toMatchObject([
      { quantity: json('4500'), converted: json('4.5'), rounded: json('5') },
      { quantity: json('5'), includedQuantity: '2', prorated: { value: json('1') }, remaining: json('4') },
      { quantity: json('4'), amount: json('12') },
    ]);
  });
});

describe('in full and by days, 15 of 30', () => {
  test.each<[string, PriceModel, RatableQuantity, string, string]>([
    ['a fee', flat('30'), seats('1'), '30', '15'],
    ['seats', perUnit('10'), seats('3'), '30', '15'],
    ['seats in tiers', graduated('2 10 +1', 'rest 5 +3'), seats('3'), '29', '14.5'],
    ['seats in packages', packages('2', '8'), seats('3'), '16', '8'],
    ['usage per unit', perUnit('10'), usage('3'), '30', '30'],
    ['usage in tiers: 2 × 10 + 5 + (1 + 3)', graduated('2 10 +1', 'rest 5 +3'), usage('3'), '29', '27'],
    ['usage in a volume tier: 3 × 5 + 3', volume('2 10 +1', 'rest 5 +3'), usage('3'), '18', '16.5'],
    ['usage in packages', packages('2', '8'), usage('3'), '16', '16'],
    ['usage on a stair', stairstep('2 8', 'rest 20'), usage('3'), '20', '10'],
    ['a percentage', percentage({ percent: '10', fixedAmount: '1' }), usage('30'), '4', '4'],
    ['percent tiers: 30 × 10 ÷ 100 + 2', percentTiers('rest 10 +2'), usage('30'), '5', '4'],
    ['a matrix', matrix('region', '2'), usage('30'), '60', '60'],
    ['a metered FLAT is a fee', flat('30'), seats('1'), '30', '15'],
  ])('%s', (_name, model, rated, whole, half) => {
    expect([amount({ model }, rated), amount({ model }, rated, 15)]).toEqual([whole, half]);
  });
});
