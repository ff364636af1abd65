/**
 * Price models: from one quantity to one exact amount.
 *
 * Each model is a pure function of its parameters and a quantity, and answers with the exact amount and the steps that
 * lead to it; the steps' amounts add up to the amount. Nothing is rounded here. To add a model: a member of
 * `PriceModel`, a file beside this one, a case below; the compiler names the places that are missing.
 */
import { unreachable } from '../errors.ts';
import type { DaysProration } from '../modifier/proration.ts';
import { type Fraction, ZERO_FRACTION } from '../number/fraction.ts';
import type { PriceModel } from '../price/price.ts';
import type { RatingStep } from '../trace/trace.ts';
import type { UsageGroup } from '../usage/group.ts';
import { rateFlat } from './flat.ts';
import { rateGraduatedPercentage } from './graduated-percentage.ts';
import { rateGraduated } from './graduated.ts';
import { rateMatrix } from './matrix.ts';
import { ratePackage } from './package.ts';
import { ratePerUnit } from './per-unit.ts';
import { ratePercentage } from './percentage.ts';
import { rateStairstep } from './stairstep.ts';
import { rateVolume } from './volume.ts';

/** What is rated: the item's own quantity, or its usage in one part of a cycle. */
export interface RatableQuantity {
  readonly basis: 'ITEM' | 'USAGE';
  readonly quantity: Fraction;
  /** 0 for an item. */
  readonly eventCount: bigint;
  /** Of the properties that the price groups by; in the order of their keys. */
  readonly groups: readonly GroupQuantity[];
  /** The value of each event by event time, then key; `null` where it was not asked for (`needsEventValues`). */
  readonly eventValues: readonly Fraction[] | null;
}

export interface GroupQuantity {
  readonly group: UsageGroup;
  readonly quantity: Fraction;
}

export interface RatedQuantity {
  /** In the currency's main unit, exact. */
  readonly amount: Fraction;
  /** What of the amount is due for time and not for units: the flat amounts of the tiers reached. */
  readonly flatAmount: Fraction;
  /** Written only when asked for; every call gives the same. */
  readonly steps: () => readonly RatingStep[];
}

export function itemQuantity(quantity: Fraction): RatableQuantity {
  return { basis: 'ITEM', quantity, eventCount: 0n, groups: [], eventValues: null };
}

/** Nothing was used: what a period without usage is rated with. */
export const NO_USAGE: RatableQuantity = { basis: 'USAGE', quantity: ZERO_FRACTION, eventCount: 0n, groups: [], eventValues: [] };

/**
 * Rates a quantity. The proration bears on nothing but the free allowance of PERCENTAGE here. Errors: TIERS_INVALID
 * where no tier takes it, which a validated price never has; MATRIX_CELL_MISSING.
 */
export function rateQuantity(model: PriceModel, rated: RatableQuantity, proration: DaysProration | null = null): RatedQuantity {
  switch (model.kind) {
    case 'FLAT':
      return rateFlat(model.amount, rated.quantity);
    case 'PER_UNIT':
      return ratePerUnit(model.unitAmount, rated.quantity);
    case 'GRADUATED':
      return rateGraduated(model.tiers, rated.quantity);
    case 'VOLUME':
      return rateVolume(model.tiers, rated.quantity);
    case 'PACKAGE':
      return ratePackage(model, rated.quantity);
    case 'STAIRSTEP':
      return rateStairstep(model.stairs, rated.quantity);
    case 'PERCENTAGE':
      return ratePercentage(model, rated, proration);
    case 'GRADUATED_PERCENTAGE':
      return rateGraduatedPercentage(model.tiers, rated.quantity);
    case 'MATRIX':
      return rateMatrix(model, rated);
    default:
      return unreachable(model);
  }
}
