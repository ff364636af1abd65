/**
 * Random prices for laws: every rule that comes from here is valid (`validatePriceRule` finds no error in it), of every
 * model, with and without modifiers; and quantities for them, also at the bounds of their tiers and just past them.
 */
import fc from 'fast-check';
import {
  addFractions,
  type DaysProration,
  type Decimal,
  type Fraction,
  fractionFromDecimal,
  groupKey,
  groupOf,
  instant,
  itemQuantity,
  parseDecimal,
  parseInstant,
  prorationOf,
  type PriceModel,
  type PriceModifiers,
  type PriceRule,
  type QuantityRounding,
  type RatableQuantity,
} from '../src/index.ts';
import { unlessNull } from './prices.ts';

/** From 0 on, in a few or in many digits. */
export const amounts: fc.Arbitrary<Decimal> = fc.oneof(
  { weight: 6, arbitrary: digits(6, 2) },
  { weight: 2, arbitrary: digits(12, 6) },
  { weight: 1, arbitrary: digits(30, 18) },
  { weight: 1, arbitrary: fc.constant(parseDecimal('0')) },
);
export const positive: fc.Arbitrary<Decimal> = amounts.filter((amount) => amount !== '0');
/** Below zero too. */
export const quantities: fc.Arbitrary<Decimal> = fc.tuple(amounts, fc.integer({ min: 0, max: 9 })).map(([amount, one]) => (one === 0 ? parseDecimal(`-${amount}`) : amount));
const percents = fc.oneof(digits(3, 1), digits(5, 3), fc.constant(parseDecimal('100'))).filter((percent) => Number(percent) <= 100);
const given = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { freq: 2 });

/** A whole number of at most so many digits, with so many of them after the point. */
function digits(count: number, decimals: number): fc.Arbitrary<Decimal> {
  return fc.bigInt(0n, 10n ** BigInt(count) - 1n).map((number) => {
    const text = number.toString().padStart(decimals + 1, '0');
    return parseDecimal(`${text.slice(0, -decimals)}.${text.slice(-decimals)}`);
  });
}

/** One more open tier than bounds, which rise strictly from above zero. */
function tiered<Tier>(tier: fc.Arbitrary<Tier>): fc.Arbitrary<(Tier & { upTo: Decimal | null })[]> {
  const bounds = fc.uniqueArray(fc.oneof(digits(6, 2), fc.integer({ min: 1, max: 50 }).map((bound) => parseDecimal(`${bound}`))).filter((bound) => bound !== '0'), { maxLength: 5 });
  return fc.tuple(bounds, fc.array(tier, { minLength: 6, maxLength: 6 })).map(([drawn, tiers]) => {
    const rising = drawn.toSorted((one, other) => Number(one) - Number(other)); // six digits, so as numbers they are exact enough
    return tiers.slice(0, rising.length + 1).map((one, position) => ({ upTo: rising[position] ?? null, ...one }));
  });
}

const tiers = tiered(fc.record({ unitAmount: amounts, flatAmount: given(amounts) }));
const values = fc.constantFrom('eu', 'us', 'null', '', null);
export const DIMENSIONS = ['region', 'size'];

const percentage = fc.record({ percent: percents, fixedAmount: given(amounts), freeEvents: given(fc.integer({ min: 0, max: 5 }).map((count) => parseDecimal(`${count}`))), freeAmount: given(amounts), limits: fc.tuple(given(amounts), given(amounts)) })
  .map(({ limits: [one, other], ...terms }) => {
    const [eventMinimum, eventMaximum] = one !== null && other !== null && isAbove(one, other) ? [other, one] : [one, other];
    return { ...terms, eventMinimum, eventMaximum };
  });

const matrix = fc.record({
  dimensions: fc.constantFrom(['region'], ['region', 'size'], ['size', 'region']),
  cells: fc.uniqueArray(fc.record({ values: fc.tuple(values, values), unitAmount: amounts }), { selector: ({ values: of }) => JSON.stringify(of), maxLength: 6 }),
  defaultUnitAmount: fc.option(amounts, { freq: 6 }),
}).map(({ dimensions, cells, defaultUnitAmount }) => {
  const cut = cells.map((cell) => ({ ...cell, values: cell.values.slice(0, dimensions.length) }));
  return { dimensions, cells: cut.filter((cell, position) => cut.findIndex((other) => JSON.stringify(other.values) === JSON.stringify(cell.values)) === position), defaultUnitAmount };
});

export const models = {
  FLAT: fc.record({ kind: fc.constant('FLAT'), amount: amounts }),
  PER_UNIT: fc.record({ kind: fc.constant('PER_UNIT'), unitAmount: amounts }),
  GRADUATED: fc.record({ kind: fc.constant('GRADUATED'), tiers }),
  VOLUME: fc.record({ kind: fc.constant('VOLUME'), tiers }),
  PACKAGE: fc.record({ kind: fc.constant('PACKAGE'), packageSize: positive, packageAmount: amounts }),
  STAIRSTEP: fc.record({ kind: fc.constant('STAIRSTEP'), stairs: tiered(fc.record({ amount: amounts })) }),
  PERCENTAGE: percentage.map((terms) => ({ kind: 'PERCENTAGE', ...terms }) as const),
  GRADUATED_PERCENTAGE: fc.record({ kind: fc.constant('GRADUATED_PERCENTAGE'), tiers: tiered(fc.record({ percent: percents, flatAmount: given(amounts) })) }),
  MATRIX: matrix.map((terms) => ({ kind: 'MATRIX', ...terms }) as const),
} as const satisfies { readonly [Kind in PriceModel['kind']]: fc.Arbitrary<Extract<PriceModel, { kind: Kind }>> };

export const anyModel: fc.Arbitrary<PriceModel> = fc.oneof(...Object.values(models));

const roundings: fc.Arbitrary<QuantityRounding> = fc.record({ decimals: fc.integer({ min: 0, max: 4 }), mode: fc.constantFrom('CEILING', 'FLOOR', 'HALF_UP', 'HALF_EVEN') });
const drawnModifiers = fc.record({
  conversion: given(fc.record({ operation: fc.constantFrom('MULTIPLY', 'DIVIDE'), factor: positive, rounding: given(roundings) })),
  includedQuantity: given(amounts),
  limits: fc.tuple(given(amounts), given(amounts)),
});

/** Those that may stand beside the model. */
export function modifiersFor(model: PriceModel): fc.Arbitrary<PriceModifiers> {
  return drawnModifiers.map(({ conversion, includedQuantity, limits: [one, other] }) => {
    const [minimum, maximum] = one !== null && other !== null && isAbove(one, other) ? [other, one] : [one, other];
    const rounding = model.kind === 'PERCENTAGE' ? null : (conversion?.rounding ?? null);
    return unlessNull({
      unitConversion: conversion === null ? null : { operation: conversion.operation, factor: conversion.factor, ...unlessNull({ rounding }) },
      includedQuantity: model.kind === 'PERCENTAGE' || model.kind === 'MATRIX' ? null : includedQuantity,
      minimum,
      maximum,
    });
  });
}

function isAbove(one: Decimal, other: Decimal): boolean {
  const scaled = (text: string) => BigInt(`${text.split('.')[0] ?? ''}${(text.split('.')[1] ?? '').padEnd(18, '0')}`);
  return scaled(one) > scaled(other);
}

export function rulesOf(model: fc.Arbitrary<PriceModel>): fc.Arbitrary<PriceRule> {
  return model.chain((drawn) => fc.option(modifiersFor(drawn), { freq: 4 }).map((modifiers) => (modifiers === null ? { model: drawn } : { model: drawn, modifiers })));
}

/** Every model alike often. */
export const rules: fc.Arbitrary<PriceRule> = rulesOf(anyModel);

export interface RandomEvent {
  readonly value: Decimal;
  readonly properties: Readonly<Record<string, string>>;
}

const properties = fc.record({ region: values, size: values }).map((drawn) => unlessNull(drawn));
export const eventLists: fc.Arbitrary<readonly RandomEvent[]> = fc.array(fc.record({ value: quantities, properties }), { maxLength: 6 });

/** What a SUM meter makes of the events, with all that any price asks for. */
export function usageOf(events: readonly RandomEvent[], groupBy: readonly string[] = DIMENSIONS): RatableQuantity {
  const eventValues = events.map(({ value }) => fractionFromDecimal(value));
  const byGroup = new Map<string, { group: ReturnType<typeof groupOf>; quantity: Fraction }>();
  for (const { value, properties: of } of events) {
    const group = groupOf(groupBy, of);
    const quantity = byGroup.get(groupKey(group))?.quantity ?? fractionFromDecimal('0');
    byGroup.set(groupKey(group), { group, quantity: addFractions(quantity, fractionFromDecimal(value)) });
  }
  const groups = [...byGroup].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, group]) => group);
  return { basis: 'USAGE', quantity: eventValues.reduce(addFractions, fractionFromDecimal('0')), eventCount: BigInt(events.length), groups, eventValues };
}

/** One event with the bound of a tier, or just past it, or just below. */
function boundEvents({ model }: PriceRule): fc.Arbitrary<readonly RandomEvent[]> {
  const bounds = 'tiers' in model ? model.tiers.map(({ upTo }) => upTo) : 'stairs' in model ? model.stairs.map(({ upTo }) => upTo) : [];
  const around = bounds.flatMap((bound) => (bound === null ? [] : [[bound], [bound, parseDecimal('0.001')], [bound, parseDecimal('-0.001')]]));
  return fc.constantFrom(...around, [parseDecimal('0')]).map((drawn) => drawn.map((value) => ({ value, properties: {} })));
}

/** A quantity that a rule may have to rate: of usage, or of an item where its model rates items. */
export function ratedBy(rule: PriceRule): fc.Arbitrary<RatableQuantity> {
  const usage = fc.oneof(eventLists, boundEvents(rule)).map((events) => usageOf(events));
  const items = amounts.map((quantity) => itemQuantity(fractionFromDecimal(quantity)));
  return rule.model.kind === 'PERCENTAGE' || rule.model.kind === 'MATRIX' ? usage : fc.oneof({ weight: 2, arbitrary: usage }, { weight: 1, arbitrary: items });
}

const APRIL = { start: parseInstant('2024-04-01T00:00:00Z'), end: parseInstant('2024-05-01T00:00:00Z') };

/** `null`, or by some days of April. */
export const prorations: fc.Arbitrary<DaysProration | null> = fc.option(
  fc.bigInt(0n, 29n).map((days) => prorationOf({ start: APRIL.start, end: instant(APRIL.start + days * 86_400_000_000n) }, APRIL, { zone: 'UTC' })),
);
