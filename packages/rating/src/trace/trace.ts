/**
 * The trace of a line: a derivation tree, as data, whose numbers recompute to the line.
 *
 * It is plain JSON (strings, booleans, whole numbers, arrays, objects): exact values are reduced fractions, decimals
 * canonical text, instants RFC 3339. It says what was counted, which version was chosen and why, what each tier made of
 * it, and how it was rounded; for a difference it says so twice, once for either side.
 * The types are aliases and not interfaces so that a trace is a `JsonValue` to the compiler too.
 * The trap: a trace explains, it never decides. No amount is ever read back from one.
 */
import type { Decimal } from '../number/decimal.ts';
import type { FractionJson } from '../number/fraction.ts';
import type { RoundingMode } from '../number/rounding.ts';
import type { PriceModel } from '../price/price.ts';

export type LineTrace = {
  readonly currencyCode: string;
  readonly exponent: number;
  readonly cycle: { readonly index: number; readonly start: string; readonly end: string; readonly cutoff: string };
  /** What the cycle calls for as known before this run's cutoff; `null` if this line is no longer called for. */
  readonly settled: SideTrace | null;
  /** The same as known before the previous run's cutoff, which is what has been billed; `null` if nothing was. */
  readonly billed: SideTrace | null;
  /** Settled minus billed, with the currency's digits. */
  readonly amount: string;
};

export type SideTrace = {
  readonly knownBefore: string;
  /** Where it is not the whole cycle: from its start up to a cancel. */
  readonly servicePeriod?: PeriodTrace;
  readonly quantity: QuantityTrace;
  readonly price: PriceTrace;
  /** In order; their amounts add up to `exact`. */
  readonly steps: readonly RatingStep[];
  readonly exact: FractionJson;
  readonly rounding: RoundingTrace;
};

export type QuantityTrace =
  | { readonly kind: 'ITEM'; readonly quantity: string }
  | {
      readonly kind: 'USAGE';
      readonly meterCode: string;
      readonly eventCount: string;
      /** SHA-256 over the sorted keys and contents of exactly the events counted. */
      readonly usageSetDigest: string;
      readonly quantity: string;
    };

/**
 * The version effective at `resolvedAt` (the start of the cycle) among those recorded before `knownBefore` (the cutoff
 * of the cycle); `null` if there was none and the first one published later was taken.
 */
export type PriceTrace = {
  readonly code: string;
  readonly version: number;
  readonly effectiveFrom: string;
  readonly effectiveTo: string | null;
  readonly resolvedAt: string;
  readonly knownBefore: string | null;
  readonly model: PriceModel;
};

export type RatingStep = UnitStep | TierStep | ProrationStep;

/** quantity × unitAmount = amount. */
export type UnitStep = {
  readonly kind: 'FLAT' | 'PER_UNIT';
  readonly quantity: FractionJson;
  readonly unitAmount: Decimal;
  readonly amount: FractionJson;
};

/** quantity × unitAmount + flatAmount = amount, in the tier above `above` up to and including `upTo`. */
export type TierStep = {
  readonly kind: 'GRADUATED_TIER' | 'VOLUME_TIER';
  /** From 1. */
  readonly tier: number;
  readonly above: Decimal;
  readonly upTo: Decimal | null;
  readonly quantity: FractionJson;
  readonly unitAmount: Decimal;
  readonly flatAmount: Decimal | null;
  readonly amount: FractionJson;
};

/**
 * fees × activeDays ÷ periodDays = prorated, and amount = prorated − fees: what the other steps have to give up. The
 * fees are all of an item's amount, and the flat amounts alone of a usage price. Last of the steps.
 */
export type ProrationStep = {
  readonly kind: 'PRORATION';
  /** The days are civil dates in this zone. */
  readonly zone: string;
  readonly active: PeriodTrace;
  readonly period: PeriodTrace;
  readonly activeDays: number;
  readonly periodDays: number;
  readonly fees: FractionJson;
  readonly prorated: FractionJson;
  readonly amount: FractionJson;
};

export type PeriodTrace = { readonly start: string; readonly end: string };

/** exact = amount + residue. */
export type RoundingTrace = {
  readonly mode: RoundingMode;
  readonly amount: string;
  readonly residue: FractionJson;
};
