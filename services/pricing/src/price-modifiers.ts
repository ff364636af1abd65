// Modifiers between the contract and the core. In the contract an absent one is empty text; in the core it is not there.
import type { Fields } from '@valora/chassis';
import {
  QuantityRoundingMode, UnitConversionOperation, type PriceModifiers as PriceModifiersMessage, type QuantityRounding as QuantityRoundingMessage, type UnitConversion as UnitConversionMessage,
} from '@valora/contracts/valora/pricing/v1/price_model';
import type { Decimal, PriceModifiers, QuantityRounding, UnitConversion } from '@valora/rating';
import { optionalDecimal } from './price-model.ts';

/** Of a rounded quantity. */
export const DECIMALS_MAX = 18;
const operationMessages = { MULTIPLY: UnitConversionOperation.MULTIPLY, DIVIDE: UnitConversionOperation.DIVIDE } as const satisfies Record<UnitConversion['operation'], UnitConversionOperation>;
const modeMessages = {
  HALF_UP: QuantityRoundingMode.HALF_UP, HALF_EVEN: QuantityRoundingMode.HALF_EVEN, CEILING: QuantityRoundingMode.CEILING, FLOOR: QuantityRoundingMode.FLOOR,
} as const satisfies Record<QuantityRounding['mode'], QuantityRoundingMode>;

/** Notes what is malformed; `undefined` where nothing is modified. */
export function readPriceModifiers(fields: Fields, path: string, message: PriceModifiersMessage | undefined): PriceModifiers | undefined {
  if (message === undefined) return undefined;
  const { unitConversion, includedQuantity, minimum, maximum } = message;
  const modifiers = presentModifiers({
    unitConversion: unitConversion === undefined ? null : readConversion(fields, `${path}.unit_conversion`, unitConversion),
    includedQuantity: optionalDecimal(fields, `${path}.included_quantity`, includedQuantity),
    minimum: optionalDecimal(fields, `${path}.minimum`, minimum),
    maximum: optionalDecimal(fields, `${path}.maximum`, maximum),
  });
  return Object.keys(modifiers).length === 0 ? undefined : modifiers;
}

/** Without those that are `null`. */
export function presentModifiers({ unitConversion, includedQuantity, minimum, maximum }: {
  readonly unitConversion: UnitConversion | null;
  readonly includedQuantity: Decimal | null;
  readonly minimum: Decimal | null;
  readonly maximum: Decimal | null;
}): PriceModifiers {
  return {
    ...(unitConversion === null ? {} : { unitConversion }),
    ...(includedQuantity === null ? {} : { includedQuantity }),
    ...(minimum === null ? {} : { minimum }),
    ...(maximum === null ? {} : { maximum }),
  };
}

function readConversion(fields: Fields, path: string, { operation, factor, rounding }: UnitConversionMessage): UnitConversion {
  return {
    operation: fields.choice(`${path}.operation`, operation, { [UnitConversionOperation.MULTIPLY]: 'MULTIPLY', [UnitConversionOperation.DIVIDE]: 'DIVIDE' } as const),
    factor: fields.decimal(`${path}.factor`, factor),
    ...(rounding === undefined ? {} : { rounding: readRounding(fields, `${path}.rounding`, rounding) }),
  };
}

function readRounding(fields: Fields, path: string, { decimals, mode }: QuantityRoundingMessage): QuantityRounding {
  return {
    decimals: fields.integer(`${path}.decimals`, decimals, { min: 0, max: DECIMALS_MAX }),
    mode: fields.choice(`${path}.mode`, mode, {
      [QuantityRoundingMode.HALF_UP]: 'HALF_UP', [QuantityRoundingMode.HALF_EVEN]: 'HALF_EVEN', [QuantityRoundingMode.CEILING]: 'CEILING', [QuantityRoundingMode.FLOOR]: 'FLOOR',
    } as const),
  };
}

export function priceModifiersToProto({ unitConversion, includedQuantity, minimum, maximum }: PriceModifiers): PriceModifiersMessage {
  return {
    unitConversion: unitConversion === undefined ? undefined : conversionToProto(unitConversion),
    includedQuantity: includedQuantity ?? '',
    minimum: minimum ?? '',
    maximum: maximum ?? '',
  };
}

function conversionToProto({ operation, factor, rounding }: UnitConversion): UnitConversionMessage {
  return {
    operation: operationMessages[operation],
    factor,
    rounding: rounding === undefined ? undefined : { decimals: rounding.decimals, mode: modeMessages[rounding.mode] },
  };
}
