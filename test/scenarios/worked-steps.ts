// The steps from a quantity to an amount, worked out from the messages of a price version alone: conversion, included
// quantity, model, proration, minimum, maximum.
import { QuantityRoundingMode, UnitConversionOperation, type PriceModel, type PriceModifiers, type QuantityRounding, type UnitConversion } from '@valora/contracts/valora/pricing/v1/price_model';
import { above, asDecimal, floor, hundredth, minus, NO_BOUND, over, plus, times, ZERO, type Pair } from './pairs.ts';

export interface WorkedStep {
  readonly kind: string;
  /** In an order of its own for each kind. */
  readonly numbers: readonly Pair[];
  /** What it adds; zero where it changes the quantity. */
  readonly amount: Pair;
}

export interface Days {
  readonly active: number;
  readonly full: number;
}

export interface Question {
  readonly model: NonNullable<PriceModel['model']>;
  readonly modifiers: PriceModifiers | undefined;
  readonly quantity: Pair;
  readonly eventCount: bigint;
  /** Of an item everything is a fee, of usage the flat amounts alone. */
  readonly isItem: boolean;
  readonly days: Days | null;
}

export function stepsOf({ model, modifiers, quantity, eventCount, isItem, days }: Question): readonly WorkedStep[] {
  const inDays = (value: Pair): Pair => (days === null ? value : times(value, [BigInt(days.active), BigInt(days.full)]));
  const steps: WorkedStep[] = [];
  let rated = quantity;
  const conversion = modifiers?.unitConversion;
  if (conversion !== undefined) {
    const factor = asDecimal(conversion.factor);
    const converted = conversion.operation === UnitConversionOperation.MULTIPLY ? times(rated, factor) : over(rated, factor);
    const whole = conversion.rounding === undefined ? converted : roundedQuantity(converted, conversion.rounding);
    steps.push({ kind: 'unitConversion', numbers: [rated, ...numbersOfConversion(conversion), converted, whole], amount: ZERO });
    rated = whole;
  }
  if (modifiers !== undefined && modifiers.includedQuantity !== '') {
    const full = asDecimal(modifiers.includedQuantity);
    const included = isItem ? full : inDays(full); // of an item all of the amount is prorated afterwards
    const remaining = above(rated, included) ? minus(rated, included) : above(ZERO, rated) ? rated : ZERO;
    steps.push({ kind: 'includedQuantity', numbers: [rated, full, included, remaining], amount: ZERO });
    rated = remaining;
  }
  const products = productsOf(model, rated, eventCount);
  steps.push(...products);
  const sum = (): Pair => steps.map(({ amount }) => amount).reduce(plus, ZERO);
  const fees = isItem ? sum() : products.map(({ flat }) => flat).reduce(plus, ZERO);
  if (days !== null && fees[0] !== 0n) {
    const change = minus(inDays(fees), fees);
    steps.push({ kind: 'proration', numbers: [fees, inDays(fees), change], amount: change });
  }
  for (const kind of ['minimum', 'maximum'] as const) {
    const text = modifiers?.[kind] ?? '';
    if (text === '') continue;
    const before = sum();
    const full = asDecimal(text);
    const limit = inDays(full);
    const bears = kind === 'minimum' ? above(limit, before) : above(before, limit);
    if (bears) steps.push({ kind, numbers: [before, full, limit, minus(limit, before)], amount: minus(limit, before) });
  }
  return steps;
}

export function numbersOfConversion({ operation, factor, rounding }: UnitConversion): readonly Pair[] {
  const roundedTo: readonly Pair[] = rounding === undefined ? [] : [[BigInt(rounding.decimals), 1n], [BigInt(rounding.mode), 1n]];
  return [[BigInt(operation), 1n], asDecimal(factor), ...roundedTo];
}

interface Product extends WorkedStep {
  /** What of the amount is flat. */
  readonly flat: Pair;
}

function productsOf(model: Question['model'], quantity: Pair, eventCount: bigint): readonly Product[] {
  switch (model.$case) {
    case 'flat': return [unitProduct('flat', quantity, model.value.amount)];
    case 'perUnit': return [unitProduct('perUnit', quantity, model.value.unitAmount)];
    case 'graduated': return reachedTiers(model.value.tiers, quantity).map((taken) => tierProduct('graduatedTier', taken));
    case 'volume': return oneTier(model.value.tiers, quantity).map((taken) => tierProduct('volumeTier', taken));
    case 'stairstep': return oneTier(model.value.stairs.map(({ upTo, amount }) => ({ upTo, flatAmount: amount })), quantity).map((taken) => tierProduct('stairstep', taken));
    case 'graduatedPercentage': return reachedTiers(model.value.tiers, quantity).map((taken) => tierProduct('graduatedPercentageTier', taken));
    case 'package': {
      const size = asDecimal(model.value.packageSize);
      const packages: Pair = above(quantity, ZERO) ? [-floor(minus(ZERO, over(quantity, size))), 1n] : ZERO;
      const amount = times(packages, asDecimal(model.value.packageAmount));
      return [{ kind: 'package', numbers: [quantity, size, packages, asDecimal(model.value.packageAmount), amount], amount, flat: ZERO }];
    }
    case 'percentage': {
      const percent = asDecimal(model.value.percent);
      const fixed = asDecimal(model.value.fixedAmount);
      const amount = plus(hundredth(times(quantity, percent)), times(fixed, [eventCount, 1n]));
      return [{ kind: 'percentage', numbers: [quantity, percent, [eventCount, 1n], fixed, amount], amount, flat: ZERO }];
    }
  }
}

function unitProduct(kind: string, quantity: Pair, unitAmount: string): Product {
  const amount = times(quantity, asDecimal(unitAmount));
  return { kind, numbers: [quantity, asDecimal(unitAmount), amount], amount, flat: ZERO };
}

interface AnyTier {
  readonly upTo: string;
  readonly unitAmount?: string;
  readonly percent?: string;
  readonly flatAmount: string;
}

interface Taken {
  readonly tier: AnyTier;
  readonly number: number;
  readonly lower: Pair;
  readonly quantity: Pair;
}

function tierProduct(kind: string, { tier, number, lower, quantity }: Taken): Product {
  const [unit, percent, flat] = [asDecimal(tier.unitAmount), asDecimal(tier.percent), asDecimal(tier.flatAmount)];
  const amount = plus(plus(times(quantity, unit), hundredth(times(quantity, percent))), flat);
  return { kind, numbers: [[BigInt(number), 1n], lower, tier.upTo === '' ? NO_BOUND : asDecimal(tier.upTo), quantity, unit, percent, flat, amount], amount, flat };
}

function reachedTiers(tiers: readonly AnyTier[], quantity: Pair): readonly Taken[] {
  return tiers.flatMap((tier, position): readonly Taken[] => {
    const lower = asDecimal(tiers[position - 1]?.upTo);
    if (position > 0 && !above(quantity, lower)) return [];
    const upper = tier.upTo !== '' && above(quantity, asDecimal(tier.upTo)) ? asDecimal(tier.upTo) : quantity;
    return [{ tier, number: position + 1, lower, quantity: minus(upper, lower) }];
  });
}

function oneTier(tiers: readonly AnyTier[], quantity: Pair): readonly Taken[] {
  const position = tiers.findIndex(({ upTo }) => upTo === '' || !above(quantity, asDecimal(upTo)));
  const tier = tiers[position];
  return tier === undefined ? [] : [{ tier, number: position + 1, lower: asDecimal(tiers[position - 1]?.upTo), quantity }];
}

/** Twice the distance to the number below, in units of the last digit, decides what is nearer. */
function roundedQuantity(quantity: Pair, { decimals, mode }: QuantityRounding): Pair {
  const scale: Pair = [10n ** BigInt(decimals), 1n];
  const scaled = times(quantity, scale);
  const below = floor(scaled);
  const rest = minus(scaled, [below, 1n]);
  const half: Pair = [1n, 2n];
  const isHalf = !above(rest, half) && !above(half, rest);
  const goesUp = new Map<QuantityRoundingMode, boolean>([
    [QuantityRoundingMode.CEILING, rest[0] > 0n],
    [QuantityRoundingMode.FLOOR, false],
    [QuantityRoundingMode.HALF_UP, above(rest, half) || (isHalf && below >= 0n)],
    [QuantityRoundingMode.HALF_EVEN, above(rest, half) || (isHalf && below % 2n !== 0n)],
  ]).get(mode);
  if (goesUp === undefined) throw new Error('a quantity rounding has no mode');
  return over([goesUp ? below + 1n : below, 1n], scale);
}
