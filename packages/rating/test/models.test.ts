import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareFractions,
  type Fraction,
  fractionFromBigInt,
  fractionFromDecimal,
  fractionToDecimal,
  fractionToJson,
  multiplyFractions,
  parseDecimal,
  type PriceModel,
  rateQuantity,
  type Tier,
} from '../src/index.ts';
import { rounds } from './rounds.ts';
import { flat, graduated, perUnit, volume } from './world.ts';

function amount(model: PriceModel, quantity: string): string | null {
  return fractionToDecimal(rateQuantity(model, fractionFromDecimal(quantity)).amount);
}

describe('FLAT and PER_UNIT', () => {
  test.each([
    ['1 × 20.00 = 20', flat('20.00'), '1', '20'],
    ['3 copies × 20.00 = 60', flat('20.00'), '3', '60'],
    ['0 copies × 20.00 = 0', flat('20.00'), '0', '0'],
    ['7 × 1.20 = 8.4', perUnit('1.20'), '7', '8.4'],
    ['0 × 1.20 = 0', perUnit('1.20'), '0', '0'],
    ['123.456 × 0.50 = 61.728', perUnit('0.50'), '123.456', '61.728'],
    ['−2 × 0.50 = −1', perUnit('0.50'), '-2', '-1'],
    ['10⁻¹⁸ × 10⁻¹⁸ is exact', perUnit('0.000000000000000001'), '0.000000000000000001', `0.${'0'.repeat(35)}1`],
  ])('%s', (_equation, model, quantity, expected) => {
    expect(amount(model, quantity)).toBe(expected);
  });
});

describe('GRADUATED [≤100 × 0.10, rest × 0.05]', () => {
  const model = graduated('100 0.10', 'rest 0.05');
  test.each([
    ['0 = 0', '0', '0'],
    ['99.5 × 0.10 = 9.95', '99.5', '9.95'],
    ['100 × 0.10 = 10', '100', '10'],
    ['100 × 0.10 + 0.001 × 0.05 = 10.00005', '100.001', '10.00005'],
    ['100 × 0.10 + 1 × 0.05 = 10.05', '101', '10.05'],
    ['150 = 100 × 0.10 + 50 × 0.05 = 12.5', '150', '12.5'],
    ['−5 × 0.10 = −0.5, in the first tier', '-5', '-0.5'],
  ])('%s', (_equation, quantity, expected) => {
    expect(amount(model, quantity)).toBe(expected);
  });

  test('the steps of 150 are the two tiers it reaches', () => {
    expect(rateQuantity(model, fractionFromDecimal('150')).steps).toEqual([
      { kind: 'GRADUATED_TIER', tier: 1, above: '0', upTo: '100', quantity: { numerator: '100', denominator: '1' }, unitAmount: '0.1', flatAmount: null, amount: { numerator: '10', denominator: '1' } },
      { kind: 'GRADUATED_TIER', tier: 2, above: '100', upTo: null, quantity: { numerator: '50', denominator: '1' }, unitAmount: '0.05', flatAmount: null, amount: { numerator: '5', denominator: '2' } },
    ]);
  });
});

describe('GRADUATED with flat amounts [≤5 × 5 + 10, ≤10 × 4 + 20, rest × 1 + 50]', () => {
  const model = graduated('5 5 +10', '10 4 +20', 'rest 1 +50');
  test.each([
    ['0: the first tier’s flat amount alone = 10', '0', '10'],
    ['5 × 5 + 10 = 35', '5', '35'],
    ['5.001: (25 + 10) + (0.004 + 20) = 55.004', '5.001', '55.004'],
    ['10: 35 + (20 + 20) = 75', '10', '75'],
    ['11: 75 + (1 + 50) = 126', '11', '126'],
    ['−1 × 5 + 10 = 5', '-1', '5'],
  ])('%s', (_equation, quantity, expected) => {
    expect(amount(model, quantity)).toBe(expected);
  });
});

describe('VOLUME [≤100 × 2 + 10, ≤200 × 1, rest × 0.5 + 50]', () => {
  const model = volume('100 2 +10', '200 1', 'rest 0.5 +50');
  test.each([
    ['0: the first tier’s flat amount = 10', '0', '10'],
    ['1 × 2 + 10 = 12', '1', '12'],
    ['100 × 2 + 10 = 210', '100', '210'],
    ['100.5 × 1 = 100.5', '100.5', '100.5'],
    ['200 × 1 = 200', '200', '200'],
    ['200.01 × 0.5 + 50 = 150.005', '200.01', '150.005'],
    ['−3 × 2 + 10 = 4, in the first tier', '-3', '4'],
  ])('%s', (_equation, quantity, expected) => {
    expect(amount(model, quantity)).toBe(expected);
  });
});

test('tiers that take not every quantity are refused by name', () => {
  expect(() => amount(graduated('100 1'), '101')).toThrow(expect.objectContaining({ reason: 'TIERS_INVALID' }));
  expect(() => amount(volume('100 1'), '101')).toThrow(expect.objectContaining({ reason: 'TIERS_INVALID' }));
  expect(() => amount({ kind: 'VOLUME', tiers: [] }, '0')).toThrow(expect.objectContaining({ reason: 'TIERS_INVALID' }));
});

describe('laws of the models', () => {
  const units = fc.bigInt(0n, 10n ** 9n).map((millis) => parseDecimal(`${millis / 1000n}.${(millis % 1000n).toString().padStart(3, '0')}`));
  const quantity = units.map(fractionFromDecimal);
  const tiers = fc
    .tuple(fc.uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { maxLength: 5 }), fc.array(fc.tuple(units, fc.option(units)), { minLength: 6, maxLength: 6 }))
    .map(([bounds, prices]): Tier[] =>
      [...bounds.sort((a, b) => a - b).map(String), null].map((upTo, position) => {
        const [unitAmount, flatAmount] = prices[position] ?? [parseDecimal('1'), null];
        return { upTo: upTo === null ? null : parseDecimal(upTo), unitAmount, flatAmount };
      }),
    );
  const exact = (model: PriceModel, of: Fraction) => rateQuantity(model, of).amount;

  test('graduated is monotone in the quantity', () => {
    fc.assert(
      fc.property(tiers, quantity, quantity, (of, a, b) => {
        const order = compareFractions(a, b) * compareFractions(exact({ kind: 'GRADUATED', tiers: of }, a), exact({ kind: 'GRADUATED', tiers: of }, b));
        expect(order).toBeGreaterThanOrEqual(0);
      }),
      rounds(),
    );
  });

  test('with one tier and no flat amount, graduated = volume = per unit', () => {
    fc.assert(
      fc.property(units, quantity, (unitAmount, of) => {
        const one = [{ upTo: null, unitAmount, flatAmount: null }];
        const expected = fractionToJson(exact({ kind: 'PER_UNIT', unitAmount }, of));
        expect(fractionToJson(exact({ kind: 'GRADUATED', tiers: one }, of))).toEqual(expected);
        expect(fractionToJson(exact({ kind: 'VOLUME', tiers: one }, of))).toEqual(expected);
      }),
      rounds(),
    );
  });

  test('where all tiers cost the same, graduated = volume', () => {
    fc.assert(
      fc.property(tiers, quantity, (of, q) => {
        const alike = of.map((tier) => ({ ...tier, unitAmount: parseDecimal('3'), flatAmount: null }));
        expect(fractionToJson(exact({ kind: 'GRADUATED', tiers: alike }, q))).toEqual(fractionToJson(exact({ kind: 'VOLUME', tiers: alike }, q)));
      }),
      rounds(),
    );
  });

  test('scaling quantity and bounds by k and unit amounts by 1/k changes nothing (k = 2, 8, 1000)', () => {
    fc.assert(
      fc.property(tiers, quantity, fc.constantFrom(2n, 8n, 1000n), fc.constantFrom('GRADUATED', 'VOLUME'), (of, q, k, kind) => {
        const times = (text: string, factor: Fraction) => parseDecimal(fractionToDecimal(multiplyFractions(fractionFromDecimal(text), factor)) ?? 'never');
        const scaled = of.map(({ upTo, unitAmount, flatAmount }) => ({
          upTo: upTo === null ? null : times(upTo, fractionFromBigInt(k)),
          unitAmount: times(unitAmount, fractionFromBigInt(1n, k)),
          flatAmount,
        }));
        const same = exact({ kind, tiers: scaled }, multiplyFractions(q, fractionFromBigInt(k)));
        expect(fractionToJson(same)).toEqual(fractionToJson(exact({ kind, tiers: of }, q)));
      }),
      rounds(),
    );
  });
});
