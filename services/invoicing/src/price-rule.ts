// Model and modifiers of a price version between the contract and the core: as facts of a run, and as part of its derivation.
import {
  QuantityRoundingMode, UnitConversionOperation, type PercentTier as PercentTierMessage, type PriceModel as PriceModelMessage, type PriceModifiers as PriceModifiersMessage,
  type QuantityRounding as QuantityRoundingMessage, type Stair as StairMessage, type Tier as TierMessage, type UnitConversion as UnitConversionMessage,
} from '@valora/contracts/valora/pricing/v1/price_model';
import { parseDecimal, type Decimal, type PercentageTerms, type PercentTier, type PriceModel, type PriceModifiers, type QuantityRounding, type Stair, type Tier, type UnitConversion } from '@valora/rating';

type ModelCase = NonNullable<PriceModelMessage['model']>;

const operations: Readonly<Record<UnitConversionOperation, UnitConversion['operation'] | null>> = {
  [UnitConversionOperation.UNSPECIFIED]: null, [UnitConversionOperation.MULTIPLY]: 'MULTIPLY', [UnitConversionOperation.DIVIDE]: 'DIVIDE',
};
const roundingModes: Readonly<Record<QuantityRoundingMode, QuantityRounding['mode'] | null>> = {
  [QuantityRoundingMode.UNSPECIFIED]: null, [QuantityRoundingMode.HALF_UP]: 'HALF_UP', [QuantityRoundingMode.HALF_EVEN]: 'HALF_EVEN',
  [QuantityRoundingMode.CEILING]: 'CEILING', [QuantityRoundingMode.FLOOR]: 'FLOOR',
};
const operationMessages: Readonly<Record<UnitConversion['operation'], UnitConversionOperation>> = { MULTIPLY: UnitConversionOperation.MULTIPLY, DIVIDE: UnitConversionOperation.DIVIDE };
const roundingModeMessages: Readonly<Record<QuantityRounding['mode'], QuantityRoundingMode>> = {
  HALF_UP: QuantityRoundingMode.HALF_UP, HALF_EVEN: QuantityRoundingMode.HALF_EVEN, CEILING: QuantityRoundingMode.CEILING, FLOOR: QuantityRoundingMode.FLOOR,
};
/** Terms of single events, which no contract has. */
const NO_EVENT_TERMS = { freeEvents: null, freeAmount: null, eventMinimum: null, eventMaximum: null } as const satisfies Partial<PercentageTerms>;

export function priceModelFromProto(model: ModelCase): PriceModel {
  switch (model.$case) {
    case 'flat':
      return { kind: 'FLAT', amount: parseDecimal(model.value.amount) };
    case 'perUnit':
      return { kind: 'PER_UNIT', unitAmount: parseDecimal(model.value.unitAmount) };
    case 'graduated':
      return { kind: 'GRADUATED', tiers: model.value.tiers.map(tierFromProto) };
    case 'volume':
      return { kind: 'VOLUME', tiers: model.value.tiers.map(tierFromProto) };
    case 'package':
      return { kind: 'PACKAGE', packageSize: parseDecimal(model.value.packageSize), packageAmount: parseDecimal(model.value.packageAmount) };
    case 'stairstep':
      return { kind: 'STAIRSTEP', stairs: model.value.stairs.map(stairFromProto) };
    case 'percentage':
      return { kind: 'PERCENTAGE', percent: parseDecimal(model.value.percent), fixedAmount: decimalOrNull(model.value.fixedAmount), ...NO_EVENT_TERMS };
    case 'graduatedPercentage':
      return { kind: 'GRADUATED_PERCENTAGE', tiers: model.value.tiers.map(percentTierFromProto) };
  }
}

function tierFromProto({ upTo, unitAmount, flatAmount }: TierMessage): Tier {
  return { upTo: decimalOrNull(upTo), unitAmount: parseDecimal(unitAmount), flatAmount: decimalOrNull(flatAmount) };
}

function stairFromProto({ upTo, amount }: StairMessage): Stair {
  return { upTo: decimalOrNull(upTo), amount: parseDecimal(amount) };
}

function percentTierFromProto({ upTo, percent, flatAmount }: PercentTierMessage): PercentTier {
  return { upTo: decimalOrNull(upTo), percent: parseDecimal(percent), flatAmount: decimalOrNull(flatAmount) };
}

function decimalOrNull(text: string): Decimal | null {
  return text === '' ? null : parseDecimal(text);
}

export function priceModifiersFromProto({ unitConversion, includedQuantity, minimum, maximum }: PriceModifiersMessage): PriceModifiers {
  return {
    ...(unitConversion === undefined ? {} : { unitConversion: conversionFromProto(unitConversion) }),
    ...(includedQuantity === '' ? {} : { includedQuantity: parseDecimal(includedQuantity) }),
    ...(minimum === '' ? {} : { minimum: parseDecimal(minimum) }),
    ...(maximum === '' ? {} : { maximum: parseDecimal(maximum) }),
  };
}

function conversionFromProto({ operation, factor, rounding }: UnitConversionMessage): UnitConversion {
  return { operation: given(operations[operation]), factor: parseDecimal(factor), ...(rounding === undefined ? {} : { rounding: roundingFromProto(rounding) }) };
}

function roundingFromProto({ decimals, mode }: QuantityRoundingMessage): QuantityRounding {
  return { decimals, mode: given(roundingModes[mode]) };
}

/** A value that a newer service knows is none either: rating without it would bill another amount. */
function given<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined) throw new Error('pricing answered a modifier without a value of the contract');
  return value;
}

export function priceModelToProto(model: PriceModel): ModelCase {
  switch (model.kind) {
    case 'FLAT':
      return { $case: 'flat', value: { amount: model.amount } };
    case 'PER_UNIT':
      return { $case: 'perUnit', value: { unitAmount: model.unitAmount } };
    case 'GRADUATED':
      return { $case: 'graduated', value: { tiers: model.tiers.map(tierToProto) } };
    case 'VOLUME':
      return { $case: 'volume', value: { tiers: model.tiers.map(tierToProto) } };
    case 'PACKAGE':
      return { $case: 'package', value: { packageSize: model.packageSize, packageAmount: model.packageAmount } };
    case 'STAIRSTEP':
      return { $case: 'stairstep', value: { stairs: model.stairs.map(({ upTo, amount }) => ({ upTo: upTo ?? '', amount })) } };
    case 'PERCENTAGE':
      return { $case: 'percentage', value: { percent: model.percent, fixedAmount: model.fixedAmount ?? '' } };
    case 'GRADUATED_PERCENTAGE':
      return { $case: 'graduatedPercentage', value: { tiers: model.tiers.map(({ upTo, percent, flatAmount }) => ({ upTo: upTo ?? '', percent, flatAmount: flatAmount ?? '' })) } };
    case 'MATRIX':
      throw new Error('a run was composed with a model that no contract has');
  }
}

function tierToProto({ upTo, unitAmount, flatAmount }: Tier): TierMessage {
  return { upTo: upTo ?? '', unitAmount, flatAmount: flatAmount ?? '' };
}

export function priceModifiersToProto({ unitConversion, includedQuantity, minimum, maximum }: PriceModifiers): PriceModifiersMessage {
  return {
    unitConversion: unitConversion === undefined ? undefined : conversionToProto(unitConversion),
    includedQuantity: includedQuantity ?? '',
    minimum: minimum ?? '',
    maximum: maximum ?? '',
  };
}

export function conversionToProto({ operation, factor, rounding }: UnitConversion): UnitConversionMessage {
  return {
    operation: operationMessages[operation],
    factor,
    rounding: rounding === undefined ? undefined : { decimals: rounding.decimals, mode: roundingModeMessages[rounding.mode] },
  };
}
