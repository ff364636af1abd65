// What jsonb holds of a price version: the core's own shape with every decimal as its canonical text, as a JSON number would
// be read as binary floating point. It is written as it is and never changed; reading it checks every decimal again.
import { parseDecimal, type Decimal, type PercentTier, type PriceModel, type PriceModifiers, type QuantityRounding, type Stair, type Tier, type UnitConversion } from '@valora/rating';
import { presentModifiers } from './price-modifiers.ts';

/** The core's type before its decimals are checked. */
type Stored<Value> = Value extends Decimal ? string : Value extends object ? { readonly [Key in keyof Value]: Stored<Value[Key]> } : Value;
type StoredModel = Stored<Exclude<PriceModel, { kind: 'MATRIX' }>>;

export function priceModelFromStored(json: unknown): PriceModel {
  const stored = json as StoredModel; // written by PublishPriceVersion
  switch (stored.kind) {
    case 'FLAT':
      return { kind: 'FLAT', amount: parseDecimal(stored.amount) };
    case 'PER_UNIT':
      return { kind: 'PER_UNIT', unitAmount: parseDecimal(stored.unitAmount) };
    case 'GRADUATED':
    case 'VOLUME':
      return { kind: stored.kind, tiers: stored.tiers.map(tierFromStored) };
    case 'PACKAGE':
      return { kind: 'PACKAGE', packageSize: parseDecimal(stored.packageSize), packageAmount: parseDecimal(stored.packageAmount) };
    case 'STAIRSTEP':
      return { kind: 'STAIRSTEP', stairs: stored.stairs.map(stairFromStored) };
    case 'PERCENTAGE':
      return {
        kind: 'PERCENTAGE',
        percent: parseDecimal(stored.percent),
        fixedAmount: decimalOrNull(stored.fixedAmount),
        freeEvents: decimalOrNull(stored.freeEvents),
        freeAmount: decimalOrNull(stored.freeAmount),
        eventMinimum: decimalOrNull(stored.eventMinimum),
        eventMaximum: decimalOrNull(stored.eventMaximum),
      };
    case 'GRADUATED_PERCENTAGE':
      return { kind: 'GRADUATED_PERCENTAGE', tiers: stored.tiers.map(percentTierFromStored) };
  }
}

function tierFromStored({ upTo, unitAmount, flatAmount }: Stored<Tier>): Tier {
  return { upTo: decimalOrNull(upTo), unitAmount: parseDecimal(unitAmount), flatAmount: decimalOrNull(flatAmount) };
}

function stairFromStored({ upTo, amount }: Stored<Stair>): Stair {
  return { upTo: decimalOrNull(upTo), amount: parseDecimal(amount) };
}

function percentTierFromStored({ upTo, percent, flatAmount }: Stored<PercentTier>): PercentTier {
  return { upTo: decimalOrNull(upTo), percent: parseDecimal(percent), flatAmount: decimalOrNull(flatAmount) };
}

/** `null`, as every version has it that was published before there were modifiers, is none. */
export function priceModifiersFromStored(json: unknown): { readonly modifiers?: PriceModifiers } {
  if (json === null) return {};
  const { unitConversion, includedQuantity, minimum, maximum } = json as Stored<PriceModifiers>; // written by PublishPriceVersion
  return {
    modifiers: presentModifiers({
      unitConversion: unitConversion === undefined ? null : conversionFromStored(unitConversion),
      includedQuantity: decimalOrNull(includedQuantity ?? null),
      minimum: decimalOrNull(minimum ?? null),
      maximum: decimalOrNull(maximum ?? null),
    }),
  };
}

function conversionFromStored({ operation, factor, rounding }: Stored<UnitConversion>): UnitConversion {
  return {
    operation: oneOf(['MULTIPLY', 'DIVIDE'], operation),
    factor: parseDecimal(factor),
    ...(rounding === undefined ? {} : { rounding: roundingFromStored(rounding) }),
  };
}

function roundingFromStored({ decimals, mode }: Stored<QuantityRounding>): QuantityRounding {
  if (!Number.isInteger(decimals)) throw new Error('a stored quantity rounding has no whole number of decimals');
  return { decimals, mode: oneOf(['HALF_UP', 'HALF_EVEN', 'CEILING', 'FLOOR'], mode) };
}

function oneOf<Value extends string>(values: readonly Value[], stored: string): Value {
  const found = values.find((value) => value === stored);
  if (found === undefined) throw new Error('a stored modifier holds what nobody wrote');
  return found;
}

function decimalOrNull(text: string | null): Decimal | null {
  return text === null ? null : parseDecimal(text);
}
