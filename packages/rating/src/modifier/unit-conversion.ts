/**
 * Unit conversion: from the unit that is metered to the unit that is priced, and if wanted to whole ones of it.
 *
 * 2,500 MB ÷ 1,000, rounded up to 0 decimals = 3 started GB. It is the only place where a quantity is ever rounded.
 * The trap: groups and single events are converted each for itself, so with a rounding the converted groups need not add
 * up to the converted total; a price that rates them is rated by them.
 */
import { divideFractions, type Fraction, fractionToJson, multiplyFractions } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import { roundQuantity } from '../number/rounding.ts';
import type { RatableQuantity } from '../model/model.ts';
import type { UnitConversion } from '../price/price.ts';
import type { ConversionStep } from '../trace/trace.ts';
import type { PreparedQuantity } from './prepared-quantity.ts';

export function convertUnits(conversion: UnitConversion | undefined, rated: RatableQuantity): PreparedQuantity {
  if (conversion === undefined) return { rated, steps: () => [] };
  const { quantity, groups, eventValues } = rated;
  const priced = (metered: Fraction) => rounded(conversion, converted(conversion, metered));
  return {
    rated: {
      ...rated,
      quantity: priced(quantity),
      groups: groups.map((one) => ({ ...one, quantity: priced(one.quantity) })),
      eventValues: eventValues?.map(priced) ?? null,
    },
    steps: () => [conversionStep(conversion, quantity)],
  };
}

function converted({ operation, factor }: UnitConversion, quantity: Fraction): Fraction {
  return operation === 'MULTIPLY' ? multiplyFractions(quantity, parameterFraction(factor)) : divideFractions(quantity, parameterFraction(factor));
}

function rounded({ rounding }: UnitConversion, quantity: Fraction): Fraction {
  return rounding === undefined ? quantity : roundQuantity(quantity, rounding);
}

function conversionStep(conversion: UnitConversion, quantity: Fraction): ConversionStep {
  const { operation, factor, rounding } = conversion;
  const exact = converted(conversion, quantity);
  return {
    kind: 'UNIT_CONVERSION',
    quantity: fractionToJson(quantity),
    operation,
    factor,
    converted: fractionToJson(exact),
    ...(rounding === undefined ? {} : { rounding, rounded: fractionToJson(roundQuantity(exact, rounding)) }),
  };
}
