/**
 * The policy of a price, whole and in order: from the quantity of one part of a cycle to its exact amount.
 *
 *     unit conversion → included quantity → model → proration of flat amounts → minimum → maximum
 *
 * Each is a file of its name and leaves a step in the trace. Nothing is rounded on the way but a converted quantity,
 * where the price says so. In a part shorter than its period, what is due for time (see `modifier/proration.ts`) counts
 * by days; usage and the bounds of tiers don't.
 * The trap: where an item is rated by dimension, minimum and maximum are the item's and not the group's, so they come
 * after all of its groups.
 */
import { type RatableQuantity, type RatedQuantity, rateQuantity } from '../model/model.ts';
import { deductIncluded } from '../modifier/included-quantity.ts';
import { lowerToMaximum } from '../modifier/maximum.ts';
import { raiseToMinimum } from '../modifier/minimum.ts';
import { type DaysProration, prorateFees } from '../modifier/proration.ts';
import { convertUnits } from '../modifier/unit-conversion.ts';
import type { PriceModifiers, PriceRule } from './price.ts';

/**
 * `proration`: `null` for a full period. The amount is in the currency's main unit. Errors: TIERS_INVALID,
 * MATRIX_CELL_MISSING.
 */
export function ratePrice(rule: PriceRule, quantity: RatableQuantity, proration: DaysProration | null = null): RatedQuantity {
  return limitAmount(rule.modifiers, rateUnlimited(rule, quantity, proration), proration);
}

/** Up to the minimum: what a group comes to that is rated for itself. Errors: as `ratePrice`. */
export function rateUnlimited({ model, modifiers = {} }: PriceRule, quantity: RatableQuantity, proration: DaysProration | null): RatedQuantity {
  const converted = convertUnits(modifiers.unitConversion, quantity);
  const chargeable = deductIncluded(modifiers.includedQuantity, converted, proration);
  const modelled = rateQuantity(model, chargeable.rated, proration);
  return prorateFees({ ...modelled, steps: () => [...chargeable.steps(), ...modelled.steps()] }, quantity.basis, proration);
}

/** Minimum, then maximum. */
export function limitAmount({ minimum, maximum }: PriceModifiers = {}, rated: RatedQuantity, proration: DaysProration | null): RatedQuantity {
  return lowerToMaximum(maximum, raiseToMinimum(minimum, rated, proration), proration);
}
