import { describe, expect, test } from 'vitest';
import { fractionFromDecimal, fractionToDecimal, itemQuantity, type PriceModel, rateQuantity } from '../src/index.ts';
import { flat, graduated, packages, percentTiers, perUnit, stairstep, volume } from './prices.ts';

function rated(model: PriceModel, quantity: string) {
  return rateQuantity(model, itemQuantity(fractionFromDecimal(quantity)));
}

function amount(model: PriceModel, quantity: string): string | null {
  return fractionToDecimal(rated(model, quantity).amount);
}

/** A row at 0, at each bound, just past it, below zero and with decimals. */
function table(model: PriceModel, rows: readonly (readonly [equation: string, quantity: string, expected: string])[]): void {
  test.each(rows)('%s', (_equation, quantity, expected) => {
    expect(amount(model, quantity)).toBe(expected);
  });
}

describe('FLAT and PER_UNIT', () => {
  test.each([
    ['1 × 20.00 = 20', flat('20.00'), '1', '20'],
    ['3 copies × 20.00 = 60', flat('20.00'), '3', '60'],
    ['0 copies × 20.00 = 0', flat('20.00'), '0', '0'],
    ['2.5 copies × 20.00 = 50', flat('20.00'), '2.5', '50'],
    ['7 × 1.20 = 8.4', perUnit('1.20'), '7', '8.4'],
    ['0 × 1.20 = 0', perUnit('1.20'), '0', '0'],
    ['123.456 × 0.50 = 61.728', perUnit('0.50'), '123.456', '61.728'],
    ['−2 × 0.50 = −1', perUnit('0.50'), '-2', '-1'],
    ['9 × 0 = 0', perUnit('0'), '9', '0'],
    ['10⁻¹⁸ × 10⁻¹⁸ is exact', perUnit('0.000000000000000001'), '0.000000000000000001', `0.${'0'.repeat(35)}1`],
    ['(10³⁸ − 1) × (10³⁸ − 1) is exact', perUnit('9'.repeat(38)), '9'.repeat(38), `${'9'.repeat(37)}8${'0'.repeat(37)}1`],
  ])('%s', (_equation, model, quantity, expected) => {
    expect(amount(model, quantity)).toBe(expected);
  });

  test('of a FLAT amount all is due for time, of PER_UNIT nothing', () => {
    expect(fractionToDecimal(rated(flat('20'), '2').flatAmount)).toBe('40');
    expect(fractionToDecimal(rated(perUnit('20'), '2').flatAmount)).toBe('0');
  });
});

describe('GRADUATED [≤100 × 0.10, rest × 0.05]', () => {
  const model = graduated('100 0.10', 'rest 0.05');
  table(model, [
    ['0 = 0', '0', '0'],
    ['99.5 × 0.10 = 9.95', '99.5', '9.95'],
    ['100 × 0.10 = 10', '100', '10'],
    ['100 × 0.10 + 0.001 × 0.05 = 10.00005', '100.001', '10.00005'],
    ['100 × 0.10 + 1 × 0.05 = 10.05', '101', '10.05'],
    ['150 = 100 × 0.10 + 50 × 0.05 = 12.5', '150', '12.5'],
    ['−5 × 0.10 = −0.5, in the first tier', '-5', '-0.5'],
  ]);

  test('the steps of 150 are the two tiers it reaches', () => {
    expect(rated(model, '150').steps()).toEqual([
      { kind: 'GRADUATED_TIER', tier: 1, above: '0', upTo: '100', quantity: { numerator: '100', denominator: '1' }, unitAmount: '0.1', flatAmount: null, amount: { numerator: '10', denominator: '1' } },
      { kind: 'GRADUATED_TIER', tier: 2, above: '100', upTo: null, quantity: { numerator: '50', denominator: '1' }, unitAmount: '0.05', flatAmount: null, amount: { numerator: '5', denominator: '2' } },
    ]);
  });

  test('at the bound there is one step, just past it there are two', () => {
    expect([rated(model, '100').steps().length, rated(model, '100.000000000000000001').steps().length]).toEqual([1, 2]);
  });
});

describe('GRADUATED with flat amounts [≤5 × 5 + 10, ≤10 × 4 + 20, rest × 1 + 50]', () => {
  const model = graduated('5 5 +10', '10 4 +20', 'rest 1 +50');
  table(model, [
    ['0: the first tier’s flat amount alone = 10', '0', '10'],
    ['5 × 5 + 10 = 35', '5', '35'],
    ['5.001: (25 + 10) + (0.004 + 20) = 55.004', '5.001', '55.004'],
    ['10: 35 + (20 + 20) = 75', '10', '75'],
    ['10.5: 75 + (0.5 + 50) = 125.5', '10.5', '125.5'],
    ['11: 75 + (1 + 50) = 126', '11', '126'],
    ['−1 × 5 + 10 = 5', '-1', '5'],
  ]);

  test.each([['0', '10'], ['5', '10'], ['5.1', '30'], ['10', '30'], ['10.1', '80'], ['-1', '10']])('of %s the flat amounts reached, %s, are due for time', (quantity, expected) => {
    expect(fractionToDecimal(rated(model, quantity).flatAmount)).toBe(expected);
  });
});

describe('GRADUATED with one tier [rest × 3 + 1]', () => {
  table(graduated('rest 3 +1'), [['0: 1', '0', '1'], ['2 × 3 + 1 = 7', '2', '7'], ['−2 × 3 + 1 = −5', '-2', '-5']]);
});

describe('VOLUME [≤100 × 2 + 10, ≤200 × 1, rest × 0.5 + 50]', () => {
  const model = volume('100 2 +10', '200 1', 'rest 0.5 +50');
  table(model, [
    ['0: the first tier’s flat amount = 10', '0', '10'],
    ['1 × 2 + 10 = 12', '1', '12'],
    ['100 × 2 + 10 = 210', '100', '210'],
    ['100.5 × 1 = 100.5', '100.5', '100.5'],
    ['200 × 1 = 200', '200', '200'],
    ['200.01 × 0.5 + 50 = 150.005', '200.01', '150.005'],
    ['−3 × 2 + 10 = 4, in the first tier', '-3', '4'],
  ]);

  test('its one step names the tier and its bounds', () => {
    expect(rated(model, '150').steps()).toMatchObject([{ kind: 'VOLUME_TIER', tier: 2, above: '100', upTo: '200', quantity: { numerator: '150', denominator: '1' } }]);
  });

  test.each([['0', '10'], ['100', '10'], ['101', '0'], ['201', '50']])('of %s the flat amount of its one tier, %s, is due for time', (quantity, expected) => {
    expect(fractionToDecimal(rated(model, quantity).flatAmount)).toBe(expected);
  });
});

describe('PACKAGE 5.00 per 10', () => {
  table(packages('10', '5.00'), [
    ['0 begins 0 × 5.00 = 0', '0', '0'],
    ['0.001 begins 1 × 5.00 = 5', '0.001', '5'],
    ['1 begins 1 × 5.00 = 5', '1', '5'],
    ['9.999 begins 1 × 5.00 = 5', '9.999', '5'],
    ['10 begins 1 × 5.00 = 5', '10', '5'],
    ['10.001 begins 2 × 5.00 = 10', '10.001', '10'],
    ['120 begins 12 × 5.00 = 60', '120', '60'],
    ['121 begins 13 × 5.00 = 65', '121', '65'],
    ['−1 begins 0 × 5.00 = 0: no credit', '-1', '0'],
    ['−25 begins 0 × 5.00 = 0', '-25', '0'],
  ]);

  test('121 in 13 packages, nothing of it due for time', () => {
    const { steps, flatAmount } = rated(packages('10', '5.00'), '121');
    expect(steps()).toEqual([{ kind: 'PACKAGE', quantity: { numerator: '121', denominator: '1' }, packageSize: '10', packages: '13', packageAmount: '5', amount: { numerator: '65', denominator: '1' } }]);
    expect(fractionToDecimal(flatAmount)).toBe('0');
  });
});

describe('PACKAGE 0.30 per 0.25', () => {
  table(packages('0.25', '0.30'), [
    ['0.25 ÷ 0.25 = 1: 0.3', '0.25', '0.3'],
    ['0.26 ÷ 0.25 begins 2: 0.6', '0.26', '0.6'],
    ['1 ÷ 0.25 = 4: 1.2', '1', '1.2'],
  ]);
});

describe('STAIRSTEP [≤100 is 10.00, ≤200 is 25.00, rest is 40.00]', () => {
  const model = stairstep('100 10.00', '200 25.00', 'rest 40.00');
  table(model, [
    ['0 is 10', '0', '10'],
    ['0.5 is 10', '0.5', '10'],
    ['100 is 10', '100', '10'],
    ['100.001 is 25', '100.001', '25'],
    ['200 is 25', '200', '25'],
    ['201 is 40', '201', '40'],
    ['10⁹ is 40', '1000000000', '40'],
    ['−1 is 10, in the first tier', '-1', '10'],
  ]);

  test('all of it is due for time, in one step that names the tier', () => {
    const { steps, flatAmount } = rated(model, '150');
    expect(fractionToDecimal(flatAmount)).toBe('25');
    expect(steps()).toEqual([{ kind: 'STAIRSTEP', tier: 2, above: '100', upTo: '200', quantity: { numerator: '150', denominator: '1' }, flatAmount: '25', amount: { numerator: '25', denominator: '1' } }]);
  });
});

describe('GRADUATED_PERCENTAGE [≤100 3 % + 1.00, rest 2 % + 0.50]', () => {
  const model = percentTiers('100 3 +1.00', 'rest 2 +0.50');
  table(model, [
    ['0: the first tier’s flat amount = 1', '0', '1'],
    ['100 × 3 ÷ 100 + 1.00 = 4', '100', '4'],
    ['100.01: 4 + 0.01 × 2 ÷ 100 + 0.50 = 4.5002', '100.01', '4.5002'],
    ['150: 4 + 50 × 2 ÷ 100 + 0.50 = 5.5', '150', '5.5'],
    ['−50 × 3 ÷ 100 + 1.00 = −0.5', '-50', '-0.5'],
  ]);

  test('its steps say the percent, and the flat amounts are due for time', () => {
    const { steps, flatAmount } = rated(model, '150');
    expect(steps()).toMatchObject([{ kind: 'GRADUATED_PERCENTAGE_TIER', tier: 1, percent: '3', flatAmount: '1' }, { tier: 2, above: '100', percent: '2', flatAmount: '0.5', quantity: { numerator: '50', denominator: '1' } }]);
    expect(fractionToDecimal(flatAmount)).toBe('1.5');
  });
});

test.each<[string, PriceModel, string]>([
  ['no tier takes 101', graduated('100 1'), '101'],
  ['no tier takes 101 of VOLUME', volume('100 1'), '101'],
  ['no stair takes 101', stairstep('100 1'), '101'],
  ['no percent tier takes 101', percentTiers('100 1'), '101'],
  ['there are no tiers', { kind: 'VOLUME', tiers: [] }, '0'],
  ['there are no tiers to spread over', { kind: 'GRADUATED', tiers: [] }, '0'],
])('tiers that take not every quantity are refused by name: %s', (_name, model, quantity) => {
  expect(() => amount(model, quantity)).toThrow(expect.objectContaining({ reason: 'TIERS_INVALID' }));
});

test('every call for the steps gives the same', () => {
  for (const model of [flat('1'), perUnit('1'), graduated('1 1', 'rest 2'), volume('rest 1'), packages('2', '1'), stairstep('rest 1'), percentTiers('rest 1')]) {
    const { steps } = rated(model, '3');
    expect(steps()).toEqual(steps());
  }
});
