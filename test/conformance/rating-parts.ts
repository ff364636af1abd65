/** What a case says beside its amount: tiers, packages, the amount before a maximum, the amount per unit. Compared with the steps of the trace. */
import {
  compareFractions,
  divideFractions,
  type Fraction,
  fractionFromDecimal,
  fractionFromJson,
  multiplyFractions,
  type PriceRule,
  type RatableQuantity,
  ratePrice,
  type RatingStep,
  subtractFractions,
} from '@valora/rating';
import { number, sameCount, sameNumber, sameToItsDigits, shown, sum, ZERO } from './compare.ts';
import { type Fields, has, MalformedCase, objects, text, textIfAny } from './fields.ts';

type TieredStep = Extract<RatingStep, { tier: number }>;
type Differences = readonly string[];

export function sameParts(price: PriceRule, quantity: RatableQuantity, expected: Fields): Differences {
  const rated = ratePrice(price, quantity);
  const steps = rated.steps();
  const tiers = steps.filter((step): step is TieredStep => 'tier' in step);
  return [
    ...ifAny(expected, 'unit_amount_effective', (given) => sameUnitAmount(given, rated.amount, pricedQuantity(steps, quantity))),
    ...ifAny(expected, 'tier_index', (given) => sameCount('tier_index', given, tiers.at(-1)?.tier ?? 0)),
    ...ifAny(expected, 'packages', (given) => sameNumber('packages', given, packagesOf(steps))),
    ...ifAny(expected, 'gross_amount', (given) => sameNumber('gross_amount', given, ratePrice(withoutMaximum(price), quantity).amount)),
    ...(has(expected, 'per_tier') ? sameTiers(objects(expected, 'per_tier'), tiers) : []),
    ...(has(expected, 'details') ? sameDetails(objects(expected, 'details'), steps) : []),
    ...(has(expected, 'lines') ? sameLines(objects(expected, 'lines'), rated.amount, steps) : []),
  ];
}

function ifAny(expected: Fields, name: string, compare: (given: string) => Differences): Differences {
  const given = textIfAny(expected, name);
  return given === null ? [] : compare(given);
}

/** Without a quantity there is no amount per unit, whatever is written there. */
function sameUnitAmount(given: string, amount: Fraction, quantity: Fraction): Differences {
  return compareFractions(quantity, ZERO) === 0 ? [] : sameToItsDigits('unit_amount_effective', given, divideFractions(amount, quantity));
}

/** What is left of the quantity for the model. */
function pricedQuantity(steps: readonly RatingStep[], { quantity }: RatableQuantity): Fraction {
  const included = steps.find(({ kind }) => kind === 'INCLUDED_QUANTITY');
  return included?.kind === 'INCLUDED_QUANTITY' ? fractionFromJson(included.remaining) : quantity;
}

function packagesOf(steps: readonly RatingStep[]): Fraction {
  const step = steps.find(({ kind }) => kind === 'PACKAGE');
  return step?.kind === 'PACKAGE' ? fractionFromDecimal(step.packages) : ZERO;
}

function withoutMaximum({ model, modifiers = {} }: PriceRule): PriceRule {
  const { maximum: _, ...others } = modifiers;
  return { model, modifiers: others };
}

function sameTiers(expected: readonly Fields[], tiers: readonly TieredStep[]): Differences {
  if (expected.length !== tiers.length) return [`per_tier: expected ${expected.length} tiers, ours ${tiers.length}`];
  return expected.flatMap((tier, position) => sameTier(tier, tiers[position]));
}

function sameTier(expected: Fields, step: TieredStep | undefined): Differences {
  if (step === undefined) return [`per_tier: tier ${text(expected, 'tier')} is missing`];
  const quantity = fractionFromJson(step.quantity);
  const rate = 'percent' in step ? step.percent : 'unitAmount' in step ? step.unitAmount : null;
  const used = compareFractions(quantity, ZERO) !== 0; // where nothing lies in the tier, its rate is shown as 0 elsewhere
  return [
    ...ifAny(expected, 'tier', (given) => sameCount('per_tier tier', given, step.tier)),
    ...ifAny(expected, 'quantity', (given) => sameNumber('per_tier quantity', given, quantity)),
    ...ifAny(expected, 'unit_amount', (given) => (rate === null || !used ? [] : sameNumber('per_tier unit_amount', given, fractionFromDecimal(rate)))),
    ...ifAny(expected, 'percent', (given) => (rate === null ? [] : sameNumber('per_tier percent', given, fractionFromDecimal(rate)))),
    ...ifAny(expected, 'unit_total', (given) => sameNumber('per_tier unit_total', given, unitTotal(step))),
    ...ifAny(expected, 'flat_amount', (given) => sameNumber('per_tier flat_amount', given, flatOf(step))),
    ...ifAny(expected, 'total', (given) => sameNumber('per_tier total', given, fractionFromJson(step.amount))),
  ];
}

function flatOf({ flatAmount }: TieredStep): Fraction {
  return flatAmount === null ? ZERO : fractionFromDecimal(flatAmount);
}

function unitTotal(step: TieredStep): Fraction {
  return subtractFractions(fractionFromJson(step.amount), flatOf(step));
}

function sameDetails(expected: readonly Fields[], steps: readonly RatingStep[]): Differences {
  const [detail, ...more] = expected;
  const [step] = steps;
  if (detail === undefined || more.length > 0 || step === undefined) throw new MalformedCase('details is not one object');
  if ('tier' in step) return sameTier(detail, step);
  if (step.kind !== 'PERCENTAGE') throw new MalformedCase('details of a model that has none');
  const free = step.free === undefined ? ZERO : fractionFromJson(step.free.quantity);
  const fixed = multiplyFractions(fractionFromDecimal(step.fixedAmount ?? '0'), fractionFromDecimal(step.paidEvents));
  return [
    ...ifAny(detail, 'free_amount', (given) => sameNumber('free_amount', given, free)),
    ...ifAny(detail, 'paid_amount', (given) => sameNumber('paid_amount', given, subtractFractions(fractionFromJson(step.quantity), free))),
    ...ifAny(detail, 'free_events', (given) => sameCount('free_events', given, BigInt(step.free?.events ?? '0'))),
    ...ifAny(detail, 'paid_events', (given) => sameCount('paid_events', given, BigInt(step.paidEvents))),
    ...ifAny(detail, 'fixed_total', (given) => sameNumber('fixed_total', given, fixed)),
    ...ifAny(detail, 'percent_total', (given) => sameNumber('percent_total', given, subtractFractions(fractionFromJson(step.amount), fixed))),
  ];
}

/** What a line of another system says of a step of ours. */
interface Part {
  readonly quantity: Fraction;
  readonly unitAmount: Fraction;
  readonly amount: Fraction;
}

/** Where a system makes a line of each part of a price: ours are steps of one line, and what it discounts from its lines is what our maximum lowers. */
function sameLines(lines: readonly Fields[], amount: Fraction, steps: readonly RatingStep[]): Differences {
  const given = (name: string): Fraction => sum(lines.map((line) => number(textIfAny(line, name) ?? '0')));
  const lowered = steps.find(({ kind }) => kind === 'MAXIMUM');
  const loweredBy = lowered?.kind === 'MAXIMUM' ? subtractFractions(ZERO, fractionFromJson(lowered.amount)) : ZERO;
  return [
    ...lines.flatMap((line) => sameLine(line, partOf(text(line, 'ref'), steps))),
    ...sameNumber('lines less their discounts', shown(subtractFractions(given('amount'), given('discount'))), amount),
    ...sameNumber('discounts', shown(given('discount')), loweredBy),
  ];
}

function sameLine(line: Fields, { quantity, unitAmount, amount }: Part): Differences {
  const name = `line ${text(line, 'ref')}`;
  return [
    ...sameNumber(name, text(line, 'amount'), amount),
    ...ifAny(line, 'quantity', (given) => sameNumber(`${name} quantity`, given, quantity)),
    ...ifAny(line, 'unit_amount', (given) => sameNumber(`${name} unit_amount`, given, unitAmount)),
    ...ifAny(line, 'total', (given) => sameNumber(`${name} total`, given, subtractFractions(amount, number(textIfAny(line, 'discount') ?? '0')))),
  ];
}

/** What is due once is one at its amount. */
function dueOnce(amount: Fraction): Part {
  return { quantity: number('1'), unitAmount: amount, amount };
}

const NO_PART: Part = { quantity: ZERO, unitAmount: ZERO, amount: ZERO };

function partOf(reference: string, steps: readonly RatingStep[]): Part {
  const [, tier, part] = /^tier (\d+) (unit|flat)$/.exec(reference) ?? [];
  if (tier !== undefined) {
    const step = steps.find((one): one is TieredStep => 'tier' in one && one.tier === Number(tier));
    if (step === undefined) return NO_PART;
    if (part === 'flat') return dueOnce(flatOf(step));
    const unitAmount = 'unitAmount' in step ? fractionFromDecimal(step.unitAmount) : ZERO;
    return { quantity: fractionFromJson(step.quantity), unitAmount, amount: unitTotal(step) };
  }
  const kinds: Readonly<Record<string, RatingStep['kind']>> = { flat: 'FLAT', usage: 'PER_UNIT', minimum: 'MINIMUM' };
  const kind = kinds[reference];
  if (kind === undefined) throw new MalformedCase(`no line ${reference}`);
  const step = steps.find((one) => one.kind === kind);
  if (step?.kind === 'MINIMUM') return dueOnce(fractionFromJson(step.amount));
  if (step?.kind !== 'FLAT' && step?.kind !== 'PER_UNIT') return NO_PART;
  return { quantity: fractionFromJson(step.quantity), unitAmount: fractionFromDecimal(step.unitAmount), amount: fractionFromJson(step.amount) };
}
