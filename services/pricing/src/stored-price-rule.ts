// What jsonb holds of a price version: the core's own shape with every decimal as its canonical text, as a JSON number would
// be read as binary floating point. It is written as it is and never changed; reading it checks every decimal again.
import { parseDecimal, type Decimal, type PercentTier, type PriceModel, type PriceModifiers, type QuantityRounding, type Stair, type Tier, type UnitConversion } from '@valora/rating';
import { DECIMALS_MAX, presentModifiers } from './price-modifiers.ts';

/** The core's type before its decimals are checked. */
type Stored<Value> = Value extends Decimal ? string : Value extends object ? { readonly [Key in keyof Value]: Stored<Value[Key]> } : Value;
type StoredModel = Stored<Exclude<PriceModel, { kind: 'MATRIX' }>>;

export function priceModelFromStored(json: unknown): PriceModel {
  const stored = json as StoredModel; // written by PublishPriceVersion
  switch (stored.kind) {
    case 'FLAT':
      return { kind: 'FLAT', amount: storedDecimal(stored.amount) };
    case 'PER_UNIT':
      return { kind: 'PER_UNIT', unitAmount: storedDecimal(stored.unitAmount) };
    case 'GRADUATED':
    case 'VOLUME':
      return { kind: stored.kind, tiers: stored.tiers.map(tierFromStored) };
    case 'PACKAGE':
      return { kind: 'PACKAGE', packageSize: storedDecimal(stored.packageSize), packageAmount: storedDecimal(stored.packageAmount) };
    case 'STAIRSTEP':
      return { kind: 'STAIRSTEP', stairs: stored.stairs.map(stairFromStored) };
    case 'PERCENTAGE':
      return {
        kind: 'PERCENTAGE',
        percent: storedDecimal(stored.percent),
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
  return { upTo: decimalOrNull(upTo), unitAmount: storedDecimal(unitAmount), flatAmount: decimalOrNull(flatAmount) };
}

function stairFromStored({ upTo, amount }: Stored<Stair>): Stair {
  return { upTo: decimalOrNull(upTo), amount: storedDecimal(amount) };
}

function percentTierFromStored({ upTo, percent, flatAmount }: Stored<PercentTier>): PercentTier {
  return { upTo: decimalOrNull(upTo), percent: storedDecimal(percent), flatAmount: decimalOrNull(flatAmount) };
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
    factor: storedDecimal(factor),
    ...(rounding === undefined ? {} : { rounding: roundingFromStored(rounding) }),
  };
}

function roundingFromStored({ decimals, mode }: Stored<QuantityRounding>): QuantityRounding {
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > DECIMALS_MAX) throw new Error('a stored quantity rounding has decimals that nobody wrote');
  return { decimals, mode: oneOf(['HALF_UP', 'HALF_EVEN', 'CEILING', 'FLOOR'], mode) };
}

function oneOf<Value extends string>(values: readonly Value[], stored: string): Value {
  const found = values.find((value) => value === stored);
  if (found === undefined) throw new Error('a stored modifier holds what nobody wrote');
  return found;
}

function decimalOrNull(text: string | null): Decimal | null {
  return text === null ? null : storedDecimal(text);
}

/** The types say what was written, and not what somebody made of it since. */
function storedDecimal(text: string): Decimal {
  if (typeof text !== 'string') throw new Error('a stored decimal is no text');
  return parseDecimal(text);
}
