/** Laws of models and modifiers over random prices (`random-price.ts`); docs/concepts/rating-laws.md lists them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addFractions,
  compareFractions,
  type Fraction,
  fractionFromBigInt,
  fractionFromDecimal,
  fractionToDecimal,
  fractionToJson,
  multiplyFractions,
  parseDecimal,
  type PriceModel,
  type PriceRule,
  ratePrice,
  rateQuantity,
  type RatableQuantity,
  RatingError,
} from '../src/index.ts';
import { amounts, models, prorations, quantities, ratedBy, rules, rulesOf, usageOf } from './random-price.ts';
import { rounds } from './rounds.ts';

function usage(...values: readonly string[]): RatableQuantity {
  return usageOf(values.map((value) => ({ value: parseDecimal(value), properties: {} })));
}

function exact(model: PriceModel, quantity: string): Fraction {
  return rateQuantity(model, usage(quantity)).amount;
}

function expectSame(one: Fraction, other: Fraction): void {
  expect(fractionToJson(one)).toEqual(fractionToJson(other));
}

/** The text of a value that has a finite decimal form. */
function text(value: Fraction): ReturnType<typeof parseDecimal> {
  return parseDecimal(fractionToDecimal(value) ?? 'none');
}

const withRated = (of: fc.Arbitrary<PriceRule>) => of.chain((rule) => fc.tuple(fc.constant(rule), ratedBy(rule)));

describe('laws of the models', () => {
  test('GRADUATED and GRADUATED_PERCENTAGE are monotone in the quantity, flat amounts included', () => {
    fc.assert(fc.property(fc.oneof(models.GRADUATED, models.GRADUATED_PERCENTAGE), quantities, quantities, (model, a, b) => {
      const order = compareFractions(fractionFromDecimal(a), fractionFromDecimal(b)) * compareFractions(exact(model, a), exact(model, b));
      expect(order).toBeGreaterThanOrEqual(0);
    }), rounds());
  });

  test('with one tier GRADUATED = VOLUME, and without a flat amount both = PER_UNIT', () => {
    fc.assert(fc.property(amounts, fc.option(amounts), quantities, (unitAmount, flatAmount, quantity) => {
      const tiers = [{ upTo: null, unitAmount, flatAmount }];
      expectSame(exact({ kind: 'GRADUATED', tiers }, quantity), exact({ kind: 'VOLUME', tiers }, quantity));
      if (flatAmount === null) expectSame(exact({ kind: 'GRADUATED', tiers }, quantity), exact({ kind: 'PER_UNIT', unitAmount }, quantity));
    }), rounds());
  });

  test('where all tiers cost the same, GRADUATED = VOLUME', () => {
    fc.assert(fc.property(models.GRADUATED, amounts, quantities, ({ tiers }, unitAmount, quantity) => {
      const alike = tiers.map(({ upTo }) => ({ upTo, unitAmount, flatAmount: null }));
      expectSame(exact({ kind: 'GRADUATED', tiers: alike }, quantity), exact({ kind: 'VOLUME', tiers: alike }, quantity));
    }), rounds());
  });

  test('GRADUATED with unit amounts of percent ÷ 100 = GRADUATED_PERCENTAGE', () => {
    fc.assert(fc.property(models.GRADUATED_PERCENTAGE, quantities, ({ tiers }, quantity) => {
      const asUnits = tiers.map(({ percent, ...tier }) => ({ ...tier, unitAmount: text(multiplyFractions(fractionFromDecimal(percent), fractionFromBigInt(1n, 100n))) }));
      expectSame(exact({ kind: 'GRADUATED_PERCENTAGE', tiers }, quantity), exact({ kind: 'GRADUATED', tiers: asUnits }, quantity));
    }), rounds());
  });

  const small = fc.integer({ min: 0, max: 10 ** 6 }).map((thousandths) => text(fractionFromBigInt(BigInt(thousandths), 1000n)));
  test('scaling quantity, bounds and package size by k and unit amounts by 1/k changes nothing (k = 2, 8, 1000)', () => {
    const scalable = fc.oneof(models.GRADUATED, models.VOLUME, models.STAIRSTEP, models.PACKAGE);
    fc.assert(fc.property(scalable, small, fc.constantFrom(2n, 8n, 1000n), (model, quantity, k) => {
      const fits = (value: string) => (value.split('.')[1] ?? '').length <= 15 && value.length <= 30;
      fc.pre(unitAmountsOf(model).every(fits));
      const up = (value: string) => text(multiplyFractions(fractionFromDecimal(value), fractionFromBigInt(k)));
      const down = (value: string) => text(multiplyFractions(fractionFromDecimal(value), fractionFromBigInt(1n, k)));
      expectSame(exact(scaled(model, up, down), up(quantity)), exact(model, quantity));
    }), rounds());
  });

  test('PACKAGE = the package amount × the least whole number of packages that hold the quantity', () => {
    fc.assert(fc.property(models.PACKAGE, quantities, (model, quantity) => {
      const [step] = rateQuantity(model, usage(quantity)).steps();
      const packages = step?.kind === 'PACKAGE' ? BigInt(step.packages) : -1n;
      const holds = (count: bigint) => compareFractions(multiplyFractions(fractionFromBigInt(count), fractionFromDecimal(model.packageSize)), fractionFromDecimal(quantity)) >= 0;
      expect([holds(packages), packages === 0n || !holds(packages - 1n)]).toEqual([true, true]);
      expectSame(exact(model, quantity), multiplyFractions(fractionFromBigInt(packages), fractionFromDecimal(model.packageAmount)));
    }), rounds());
  });

  test('STAIRSTEP is constant within a stair, up to and including its bound', () => {
    fc.assert(fc.property(models.STAIRSTEP, fc.nat(), fc.bigInt(1n, 1000n), (model, drawn, share) => {
      const position = drawn % model.stairs.length;
      const lower = fractionFromDecimal(model.stairs[position - 1]?.upTo ?? '0');
      const upper = fractionFromDecimal(model.stairs[position]?.upTo ?? '99999999');
      const width = addFractions(upper, multiplyFractions(lower, fractionFromBigInt(-1n)));
      const within = addFractions(lower, multiplyFractions(width, fractionFromBigInt(share, 1000n)));
      expectSame(exact(model, text(within)), fractionFromDecimal(model.stairs[position]?.amount ?? 'none'));
    }), rounds());
  });

  test('PERCENTAGE without allowances and limits is linear: two sets of events together cost what they cost apart', () => {
    const plain = models.PERCENTAGE.map((terms) => ({ ...terms, freeEvents: null, freeAmount: null, eventMinimum: null, eventMaximum: null }));
    fc.assert(fc.property(plain, fc.array(quantities), fc.array(quantities), (model, some, others) => {
      const cost = (values: typeof some) => rateQuantity(model, usage(...values)).amount;
      expectSame(cost([...some, ...others]), addFractions(cost(some), cost(others)));
    }), rounds());
  });

  test('a free allowance never makes events dearer, nor does a larger one', () => {
    fc.assert(fc.property(models.PERCENTAGE, fc.array(amounts, { maxLength: 8 }), amounts, (model, values, more) => {
      const cost = (changes: Partial<typeof model>) => rateQuantity({ ...model, ...changes }, usage(...values)).amount;
      const free = cost({});
      expect(compareFractions(free, cost({ freeEvents: null, freeAmount: null }))).toBeLessThanOrEqual(0);
      if (model.freeAmount !== null) expect(compareFractions(cost({ freeAmount: text(addFractions(fractionFromDecimal(model.freeAmount), fractionFromDecimal(more))) }), free)).toBeLessThanOrEqual(0);
      if (model.freeEvents !== null) expect(compareFractions(cost({ freeEvents: parseDecimal(`${Number(model.freeEvents) + 1}`) }), free)).toBeLessThanOrEqual(0);
    }), rounds());
  });

  test('MATRIX = the sum of its groups, each PER_UNIT at its cell', () => {
    fc.assert(fc.property(withRated(rulesOf(models.MATRIX)), ([{ model }, rated]) => {
      if (model.kind !== 'MATRIX' || model.defaultUnitAmount === null) return;
      const steps = rateQuantity(model, rated).steps().flatMap((step) => (step.kind === 'MATRIX_CELL' ? [step] : []));
      const apart = steps.map(({ unitAmount }, position) => multiplyFractions(fractionFromDecimal(unitAmount), rated.groups[position]?.quantity ?? fractionFromBigInt(0n)));
      expect(steps.map(({ group }) => group)).toEqual(rated.groups.map(({ group }) => group));
      expectSame(rateQuantity(model, rated).amount, apart.reduce(addFractions, fractionFromBigInt(0n)));
    }), rounds());
  });
});

function unitAmountsOf(model: PriceModel): readonly string[] {
  if (model.kind === 'PACKAGE') return [model.packageSize];
  return model.kind === 'GRADUATED' || model.kind === 'VOLUME' ? model.tiers.map(({ unitAmount }) => unitAmount) : [];
}

type Scale = (value: string) => ReturnType<typeof parseDecimal>;

function scaled(model: PriceModel, up: Scale, down: Scale): PriceModel {
  const bound = (upTo: string | null) => (upTo === null ? null : up(upTo));
  if (model.kind === 'PACKAGE') return { ...model, packageSize: up(model.packageSize) };
  if (model.kind === 'STAIRSTEP') return { ...model, stairs: model.stairs.map(({ upTo, amount }) => ({ upTo: bound(upTo), amount })) };
  if (model.kind !== 'GRADUATED' && model.kind !== 'VOLUME') return model;
  return { ...model, tiers: model.tiers.map(({ upTo, unitAmount, flatAmount }) => ({ upTo: bound(upTo), unitAmount: down(unitAmount), flatAmount })) };
}

describe('laws of the modifiers', () => {
  /** The same rule with a modifier more, or another one. */
  const changed = (rule: PriceRule, modifiers: PriceRule['modifiers']): PriceRule => ({ ...rule, modifiers: { ...rule.modifiers, ...modifiers } });
  const whole = withRated(rules.map(({ model, modifiers }) => ({ model: model.kind === 'MATRIX' ? { ...model, defaultUnitAmount: model.defaultUnitAmount ?? parseDecimal('1') } : model, ...(modifiers === undefined ? {} : { modifiers }) })));

  test('a price without modifiers = its model', () => {
    fc.assert(fc.property(whole, ([{ model }, rated]) => {
      const [bare, modelled] = [ratePrice({ model }, rated), rateQuantity(model, rated)];
      expectSame(bare.amount, modelled.amount);
      expect(bare.steps()).toEqual(modelled.steps());
      expectSame(ratePrice({ model, modifiers: {} }, rated).amount, modelled.amount);
    }), rounds());
  });

  test('minimum ≤ amount ≤ maximum, prorated where the part is', () => {
    fc.assert(fc.property(whole, prorations, ([rule, rated], proration) => {
      const { minimum, maximum } = rule.modifiers ?? {};
      const { amount } = ratePrice(rule, rated, proration);
      const factor = proration === null ? fractionFromBigInt(1n) : fractionFromBigInt(BigInt(proration.activeDays), BigInt(proration.periodDays));
      if (minimum !== undefined) expect(compareFractions(amount, multiplyFractions(fractionFromDecimal(minimum), factor))).toBeGreaterThanOrEqual(0);
      if (maximum !== undefined) expect(compareFractions(amount, multiplyFractions(fractionFromDecimal(maximum), factor))).toBeLessThanOrEqual(0);
    }), rounds());
  });

  test('a minimum of zero changes no amount that is not below zero, nor does a maximum above it', () => {
    fc.assert(fc.property(whole, ([{ model }, rated]) => {
      const { amount } = rateQuantity(model, rated);
      const most = parseDecimal('9'.repeat(38));
      fc.pre(compareFractions(amount, fractionFromBigInt(0n)) >= 0 && compareFractions(amount, fractionFromDecimal(most)) <= 0);
      expectSame(ratePrice({ model, modifiers: { minimum: parseDecimal('0'), maximum: most } }, rated).amount, amount);
    }), rounds());
  });

  test('an included quantity of 0 is identity', () => {
    fc.assert(fc.property(whole, prorations, ([{ modifiers = {}, ...rule }, rated], proration) => {
      const { includedQuantity: _none, ...others } = modifiers;
      fc.pre(rule.model.kind !== 'PERCENTAGE' && rule.model.kind !== 'MATRIX');
      const without = { ...rule, modifiers: others };
      expectSame(ratePrice(changed(without, { includedQuantity: parseDecimal('0') }), rated, proration).amount, ratePrice(without, rated, proration).amount);
    }), rounds());
  });

  test('a conversion by 1 is identity, × or ÷', () => {
    fc.assert(fc.property(whole, fc.constantFrom('MULTIPLY', 'DIVIDE'), ([{ modifiers = {}, ...rule }, rated], operation) => {
      const { unitConversion: _none, ...others } = modifiers;
      const without = { ...rule, modifiers: others };
      expectSame(ratePrice(changed(without, { unitConversion: { operation, factor: parseDecimal('1') } }), rated).amount, ratePrice(without, rated).amount);
    }), rounds());
  });

  test('× k = ÷ 1/k (k = 2, 8, 1000, 0.0625), rounded or not', () => {
    fc.assert(fc.property(whole, fc.constantFrom(['2', '0.5'], ['8', '0.125'], ['1000', '0.001'], ['0.0625', '16']), ([rule, rated], [k = '', inverse = '']) => {
      const rounding = rule.modifiers?.unitConversion?.rounding;
      const by = (operation: 'MULTIPLY' | 'DIVIDE', factor: string) => changed(rule, { unitConversion: { operation, factor: parseDecimal(factor), ...(rounding === undefined ? {} : { rounding }) } });
      expectSame(ratePrice(by('MULTIPLY', k), rated).amount, ratePrice(by('DIVIDE', inverse), rated).amount);
    }), rounds());
  });

  test('a fee by days = the fee × days ÷ days of the period, whatever modifies it', () => {
    fc.assert(fc.property(rulesOf(fc.oneof(models.FLAT, models.PER_UNIT, models.GRADUATED, models.VOLUME, models.PACKAGE, models.STAIRSTEP)), amounts, prorations, (rule, quantity, proration) => {
      const item: RatableQuantity = { basis: 'ITEM', quantity: fractionFromDecimal(quantity), eventCount: 0n, groups: [], eventValues: null };
      const factor = proration === null ? fractionFromBigInt(1n) : fractionFromBigInt(BigInt(proration.activeDays), BigInt(proration.periodDays));
      expectSame(ratePrice(rule, item, proration).amount, multiplyFractions(ratePrice(rule, item).amount, factor));
    }), rounds());
  });

  test('the amounts of the steps add up to the amount', () => {
    fc.assert(fc.property(whole, prorations, ([rule, rated], proration) => {
      const { amount, steps } = ratePrice(rule, rated, proration);
      const sums = steps().map((step) => ('amount' in step ? fractionFromBigInt(BigInt(step.amount.numerator), BigInt(step.amount.denominator)) : fractionFromBigInt(0n)));
      expectSame(sums.reduce(addFractions, fractionFromBigInt(0n)), amount);
    }), rounds());
  });

  test('every valid rule rates every quantity: nothing is thrown but that a matrix has no cell and no default', () => {
    fc.assert(fc.property(withRated(rules), prorations, ([rule, rated], proration) => {
      try {
        const { amount, steps } = ratePrice(rule, rated, proration);
        expect(`${fractionToJson(amount).numerator}/${fractionToJson(amount).denominator}`).toMatch(/^-?\d+\/\d+$/);
        expect(steps().length).toBeGreaterThanOrEqual(0);
      } catch (refused) {
        expect(refused).toBeInstanceOf(RatingError);
        expect(refused).toMatchObject({ reason: 'MATRIX_CELL_MISSING' });
        expect(rule.model).toMatchObject({ kind: 'MATRIX', defaultUnitAmount: null });
      }
    }), rounds(1000));
  });
});
