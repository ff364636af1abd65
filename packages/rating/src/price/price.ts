/**
 * A price: a code with a sequence of immutable versions, each with one model and its parameters.
 *
 * Nothing in a version ever changes. That a later version ends an earlier one is a fact of its own, a *bound*, with its
 * own recorded time: whoever asks what was known on an earlier day gets the earlier answer. The trap: `effectiveTo` of
 * a version is only its end as first published; ask `resolvePriceVersion` for the end as known.
 */
import type { Decimal } from '../number/decimal.ts';
import type { QuantityRounding } from '../number/rounding.ts';
import type { Instant } from '../time/instant.ts';

/** One of nine, each explained in the file of its name under `model/`. Amounts are in the currency's main unit. */
export type PriceModel =
  | { readonly kind: 'FLAT'; readonly amount: Decimal }
  | { readonly kind: 'PER_UNIT'; readonly unitAmount: Decimal }
  | { readonly kind: 'GRADUATED'; readonly tiers: readonly Tier[] }
  | { readonly kind: 'VOLUME'; readonly tiers: readonly Tier[] }
  | { readonly kind: 'PACKAGE'; readonly packageSize: Decimal; readonly packageAmount: Decimal }
  | { readonly kind: 'STAIRSTEP'; readonly stairs: readonly Stair[] }
  | ({ readonly kind: 'PERCENTAGE' } & PercentageTerms)
  | { readonly kind: 'GRADUATED_PERCENTAGE'; readonly tiers: readonly PercentTier[] }
  | ({ readonly kind: 'MATRIX' } & MatrixTerms);

/** What all tiers have: where they end. */
export type Bounded = {
  /** The last quantity of the tier, inclusive; `null` is open and belongs to the last tier alone. */
  readonly upTo: Decimal | null;
};

export type Tier = Bounded & {
  readonly unitAmount: Decimal;
  /** Due once, when the quantity passes the tier's lower bound; the first tier's even at quantity zero. */
  readonly flatAmount: Decimal | null;
};

/** One amount for every quantity in the tier. */
export type Stair = Bounded & { readonly amount: Decimal };

export type PercentTier = Bounded & {
  /** Of the part of the quantity that lies in the tier: 2.9 is 2.9 %. */
  readonly percent: Decimal;
  /** As of a `Tier`. */
  readonly flatAmount: Decimal | null;
};

export type PercentageTerms = {
  /** Of the quantity, which is an amount of money: 2.9 is 2.9 %. */
  readonly percent: Decimal;
  /** For each event that is not free. */
  readonly fixedAmount: Decimal | null;
  /** So many events are free, in the order in which they happened, for as long as the free amount lasts. */
  readonly freeEvents: Decimal | null;
  /** The quantity is free up to here, for as long as there are free events. */
  readonly freeAmount: Decimal | null;
  /** The least and the most that one event costs, its fixed amount included, unless it is free. */
  readonly eventMinimum: Decimal | null;
  readonly eventMaximum: Decimal | null;
};

export type MatrixTerms = {
  /** Properties of the events, by name. */
  readonly dimensions: readonly string[];
  readonly cells: readonly MatrixCell[];
  /** For values without a cell; `null` stops the run with an error that names them. */
  readonly defaultUnitAmount: Decimal | null;
};

export type MatrixCell = {
  /** One for each dimension, in their order; `null` is an event without the property. */
  readonly values: readonly (string | null)[];
  readonly unitAmount: Decimal;
};

/** What is done to a quantity before the model, and to an amount after it; each is there only where it is wanted. */
export type PriceModifiers = {
  readonly unitConversion?: UnitConversion;
  /** So much of the converted quantity costs nothing. */
  readonly includedQuantity?: Decimal;
  readonly minimum?: Decimal;
  readonly maximum?: Decimal;
};

/** From the unit that is metered to the unit that is priced. */
export type UnitConversion = {
  readonly operation: 'MULTIPLY' | 'DIVIDE';
  /** Above zero. */
  readonly factor: Decimal;
  /** Absent: the converted quantity stays exact. */
  readonly rounding?: QuantityRounding;
};

/** How a quantity becomes an amount. */
export type PriceRule = {
  readonly model: PriceModel;
  readonly modifiers?: PriceModifiers;
};

export interface PriceVersion extends PriceRule {
  readonly version: number;
  readonly effectiveFrom: Instant;
  readonly effectiveTo: Instant | null;
  readonly recordedTime: Instant;
}

/** Appended when a later version ends an earlier one; the earliest bound known is the one that counts. */
export interface PriceVersionBound {
  readonly version: number;
  readonly effectiveTo: Instant;
  readonly recordedTime: Instant;
}

/** The versions of a price, or those that a subscription has for itself. */
export interface VersionedPrice {
  readonly code: string;
  readonly versions: readonly PriceVersion[];
  readonly bounds: readonly PriceVersionBound[];
}

/** How a price is charged; the same for all of its versions. */
export interface ChargingTerms {
  /** Fees alone may be charged in advance. */
  readonly billingTiming: BillingTiming;
  /** Whether the version at the start of a period rates all of it, or each version cuts a part of its own. */
  readonly versionResolution: 'PERIOD_START' | 'SPLIT';
  /** Properties of the events by which usage is itemized. */
  readonly groupBy: readonly string[];
  /** Whether the item's total is rated, or each group for itself, as a line of its own. */
  readonly rateBy: 'ITEM' | 'DIMENSION';
}

export type BillingTiming = 'IN_ADVANCE' | 'IN_ARREARS';

/** In arrears, by the version at the start of the period, ungrouped. */
export const USUAL_TERMS: ChargingTerms = { billingTiming: 'IN_ARREARS', versionResolution: 'PERIOD_START', groupBy: [], rateBy: 'ITEM' };

export interface Price extends VersionedPrice, ChargingTerms {
  readonly displayName: string;
  /** `null` for a fee, which rates the item's quantity; otherwise the meter whose usage is rated. */
  readonly meterCode: string | null;
  readonly currencyCode: string;
}
