/**
 * Static validation of a price's modifiers, by themselves and beside its model.
 *
 * The trap: PERCENTAGE and MATRIX rate single events and single groups, not one quantity. An included quantity would be
 * taken from a total that they never look at, and a rounded conversion would round every event, so that the events no
 * longer add up to the quantity. Both are refused.
 */
import { needsEventValues } from '../model/percentage.ts';
import type { PriceModel, PriceModifiers, PriceRule, UnitConversion } from './price.ts';
import { amountProblems, error, isAbove, isPositive, type PriceProblem, quantityProblems, warning } from './price-problem.ts';

export const CONVERSION_DECIMALS_MAX = 18;

/** In the order of the policy. */
export function validateModifiers({ model, modifiers = {} }: PriceRule): readonly PriceProblem[] {
  const { unitConversion, includedQuantity, minimum, maximum } = modifiers;
  return [
    ...(unitConversion === undefined ? [] : conversionProblems(unitConversion, model)),
    ...(includedQuantity === undefined ? [] : includedProblems(includedQuantity, model)),
    ...amountProblems('modifiers.minimum', minimum),
    ...orderProblems(modifiers),
    ...amountProblems('modifiers.maximum', maximum),
    ...(maximum === '0' ? [warning('modifiers.maximum', 'MAXIMUM_ZERO', 'Nothing is ever charged. Leave the maximum out for none.')] : []),
  ];
}

function conversionProblems({ factor, rounding }: UnitConversion, model: PriceModel): readonly PriceProblem[] {
  const path = 'modifiers.unit_conversion';
  const problems: PriceProblem[] = [];
  if (!isPositive(factor)) {
    const fix = `The factor ${factor} is not above zero. Give a factor above zero.`;
    problems.push(error(`${path}.factor`, 'CONVERSION_FACTOR_NOT_POSITIVE', fix));
  }
  if (rounding === undefined) return problems;
  const { decimals } = rounding;
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > CONVERSION_DECIMALS_MAX) {
    const fix = `A quantity can't be rounded to ${decimals} decimals. Give a whole number from 0 to ${CONVERSION_DECIMALS_MAX}.`;
    problems.push(error(`${path}.rounding.decimals`, 'CONVERSION_DECIMALS_INVALID', fix));
  }
  if (needsEventValues(model)) {
    const fix = 'This price rates event by event, and rounded events do not add up to their quantity. Leave the rounding out.';
    problems.push(error(`${path}.rounding`, 'CONVERSION_ROUNDS_EVENTS', fix));
  }
  return problems;
}

function includedProblems(includedQuantity: NonNullable<PriceModifiers['includedQuantity']>, { kind }: PriceModel): readonly PriceProblem[] {
  const path = 'modifiers.included_quantity';
  const instead = kind === 'PERCENTAGE' ? 'Use its free amount, or GRADUATED_PERCENTAGE with a first tier of 0 %.' : 'Give cells an amount of zero, or use another model.';
  const rates = kind === 'PERCENTAGE' ? 'events' : 'groups';
  return [
    ...quantityProblems(path, includedQuantity),
    ...(includedQuantity === '0' ? [warning(path, 'INCLUDED_QUANTITY_ZERO', 'Nothing is included. Leave it out, or give a quantity above zero.')] : []),
    ...(kind === 'PERCENTAGE' || kind === 'MATRIX' ? [error(path, 'INCLUDED_QUANTITY_UNUSABLE', `${kind} rates ${rates}, not one quantity. ${instead}`)] : []),
  ];
}

function orderProblems({ minimum, maximum }: PriceModifiers): readonly PriceProblem[] {
  if (minimum === undefined || maximum === undefined || !isAbove(minimum, maximum)) return [];
  const fix = `A period can't cost at least ${minimum} and at most ${maximum}. Give a minimum that is not above the maximum.`;
  return [error('modifiers.minimum', 'MINIMUM_ABOVE_MAXIMUM', fix)];
}
