/**
 * Price models: from one quantity to one exact amount.
 *
 * Each model is a pure function of its parameters and a quantity, and answers with the exact amount and the steps that
 * lead to it; the steps' amounts add up to the amount. Nothing is rounded here. To add a model: a member of
 * `PriceModel`, a file beside this one, a case below; the compiler names the places that are missing.
 */
import { unreachable } from '../errors.ts';
import type { Fraction } from '../number/fraction.ts';
import type { PriceModel } from '../price/price.ts';
import type { RatingStep } from '../trace/trace.ts';
import { rateFlat } from './flat.ts';
import { rateGraduated } from './graduated.ts';
import { ratePerUnit } from './per-unit.ts';
import { rateVolume } from './volume.ts';

export interface RatedQuantity {
  /** In the currency's main unit, exact. */
  readonly amount: Fraction;
  readonly steps: readonly RatingStep[];
}

/** Rates a quantity. Errors: TIERS_INVALID where no tier takes it, which a validated price never has. */
export function rateQuantity(model: PriceModel, quantity: Fraction): RatedQuantity {
  switch (model.kind) {
    case 'FLAT':
      return rateFlat(model.amount, quantity);
    case 'PER_UNIT':
      return ratePerUnit(model.unitAmount, quantity);
    case 'GRADUATED':
      return rateGraduated(model.tiers, quantity);
    case 'VOLUME':
      return rateVolume(model.tiers, quantity);
    default:
      return unreachable(model);
  }
}
