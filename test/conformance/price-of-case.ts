/** A case's price in our own terms. What our prices cannot say is `null`, with the reason. */
import { type Decimal, parseDecimal, type PercentTier, type PriceModel, type PriceModifiers, type Stair, type Tier, type UnitConversion } from '@valora/rating';
import { type Fields, has, MalformedCase, object, objects, text, textIfAny, wholeNumber } from './fields.ts';

export type PriceOfCase = { readonly model: PriceModel; readonly modifiers: PriceModifiers } | { readonly outside: string };

const ROUNDINGS: Readonly<Record<string, 'HALF_UP' | 'HALF_EVEN' | 'CEILING' | 'FLOOR'>> = {
  halfup: 'HALF_UP',
  half_up: 'HALF_UP',
  half_away_from_zero: 'HALF_UP',
  half_even: 'HALF_EVEN',
  ceiling: 'CEILING',
  up: 'CEILING',
  floor: 'FLOOR',
  down: 'FLOOR',
};

export function priceOfCase(fields: Fields): PriceOfCase {
  const kind = text(fields, 'model');
  const price = object(fields, 'price');
  const model = modelOf(kind, price);
  return typeof model === 'string' ? { outside: model } : { model, modifiers: modifiersOf(fields, price) };
}

/** The model, or why there is none. */
function modelOf(kind: string, price: Fields): PriceModel | string {
  switch (kind) {
    case 'flat':
      return { kind: 'FLAT', amount: decimal(price, 'amount') };
    case 'per_unit':
      return { kind: 'PER_UNIT', unitAmount: decimal(price, 'unit_amount') };
    case 'quantity_transform': // the answer is the converted quantity itself
      return { kind: 'PER_UNIT', unitAmount: parseDecimal('1') };
    case 'dynamic': // a multiple of the metered amount
      return { kind: 'PER_UNIT', unitAmount: decimal(price, 'multiplier') };
    case 'graduated':
      return { kind: 'GRADUATED', tiers: objects(price, 'tiers').map(tierOf) };
    case 'volume':
      return { kind: 'VOLUME', tiers: objects(price, 'tiers').map(tierOf) };
    case 'stairstep':
      return { kind: 'STAIRSTEP', stairs: objects(price, 'tiers').map(stairOf) };
    case 'graduated_percentage':
      return { kind: 'GRADUATED_PERCENTAGE', tiers: objects(price, 'tiers').map(percentTierOf) };
    case 'percentage':
      return percentageOf(price);
    case 'package':
      return packageOf(price);
    case 'minimum_true_up':
      return 'the rated amount stands in the place of a model';
    case 'capacity':
      return capacityOf(objects(price, 'tiers'));
    case 'graduated_blocks':
    case 'volume_blocks':
      return 'tiers of blocks, each with a block size of its own';
    default:
      return `no model ${kind}`;
  }
}

function modifiersOf(fields: Fields, price: Fields): PriceModifiers {
  const included = [textIfAny(fields, 'free_units'), textIfAny(fields, 'usage_discount')].find((given) => given !== null);
  return {
    ...(has(fields, 'quantity_transform') ? { unitConversion: conversionOf(object(fields, 'quantity_transform')) } : {}),
    ...(included === undefined || included === null ? {} : { includedQuantity: parseDecimal(included) }),
    ...(has(price, 'minimum') ? { minimum: decimal(price, 'minimum') } : {}),
    ...(has(price, 'maximum') ? { maximum: decimal(price, 'maximum') } : {}),
  };
}

function conversionOf(transform: Fields): UnitConversion {
  const operation = text(transform, 'operation');
  if (operation !== 'divide' && operation !== 'multiply') throw new MalformedCase(`no operation ${operation}`);
  const converted = { operation: operation === 'divide' ? 'DIVIDE' : 'MULTIPLY', factor: decimal(transform, 'factor') } as const;
  const rounding = textIfAny(transform, 'rounding') ?? 'none';
  if (rounding === 'none') return converted;
  const mode = ROUNDINGS[rounding];
  if (mode === undefined) throw new MalformedCase(`no rounding ${rounding}`);
  return { ...converted, rounding: { decimals: has(transform, 'precision') ? wholeNumber(transform, 'precision') : 0, mode } };
}

function tierOf(tier: Fields): Tier {
  return { upTo: decimalIfAny(tier, 'up_to'), unitAmount: decimalIfAny(tier, 'unit_amount') ?? parseDecimal('0'), flatAmount: decimalIfAny(tier, 'flat_amount') };
}

function stairOf(tier: Fields): Stair {
  return { upTo: decimalIfAny(tier, 'up_to'), amount: decimal(tier, has(tier, 'amount') ? 'amount' : 'flat_amount') };
}

/** One unit's tiers are stairs; where several units share them, the dearest decides, which is no model of ours. */
function capacityOf(tiers: readonly Fields[]): PriceModel | string {
  if (tiers.some((tier) => has(tier, 'limits'))) return 'tiers that several units share';
  return { kind: 'STAIRSTEP', stairs: tiers.map((tier) => ({ upTo: decimalIfAny(tier, 'limit'), amount: decimal(tier, 'amount') })) };
}

function percentTierOf(tier: Fields): PercentTier {
  return { upTo: decimalIfAny(tier, 'up_to'), percent: decimal(tier, 'percent'), flatAmount: decimalIfAny(tier, 'flat_amount') };
}

function percentageOf(price: Fields): PriceModel {
  return {
    kind: 'PERCENTAGE',
    percent: decimal(price, 'percent'),
    fixedAmount: decimalIfAny(price, 'fixed_amount_per_event'),
    freeEvents: decimalIfAny(price, 'free_events'),
    freeAmount: decimalIfAny(price, 'free_amount'),
    eventMinimum: decimalIfAny(price, 'per_event_minimum'),
    eventMaximum: decimalIfAny(price, 'per_event_maximum'),
  };
}

function packageOf(price: Fields): PriceModel | string {
  const rounding = textIfAny(price, 'package_rounding') ?? 'up';
  if (rounding !== 'up') return `packages counted ${rounding}: a package begun is a package due`;
  return { kind: 'PACKAGE', packageSize: decimal(price, 'package_size'), packageAmount: decimal(price, 'package_amount') };
}

function decimal(fields: Fields, name: string): Decimal {
  return parseDecimal(text(fields, name));
}

function decimalIfAny(fields: Fields, name: string): Decimal | null {
  return has(fields, name) ? decimal(fields, name) : null;
}
