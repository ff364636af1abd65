/**
 * The trace of a line: a derivation tree, as data, whose numbers recompute to the line.
 *
 * It is plain JSON (strings, booleans, whole numbers, arrays, objects): exact values are reduced fractions, decimals
 * canonical text, instants RFC 3339. It says what was counted, which version was chosen and why, what each tier made of
 * it, and how it was rounded; for a difference it says so twice, once for either side.
 * The types are aliases and not interfaces so that a trace is a `JsonValue` to the compiler too.
 * The traps: a trace explains, it never decides, and no amount is ever read back from one; and what a run has no use for
 * (parts, groups, modifiers) is absent from its traces, so that a new feature changes no byte of an old run.
 */
import type { Decimal } from '../number/decimal.ts';
import type { ExactJson, FractionJson } from '../number/fraction.ts';
import type { QuantityRounding, RoundingMode } from '../number/rounding.ts';
import type { PriceModel, PriceModifiers } from '../price/price.ts';
import type { UsageGroup } from '../usage/group.ts';

export type LineTrace = {
  readonly currencyCode: string;
  readonly exponent: number;
  readonly cycle: { readonly index: number; readonly start: string; readonly end: string; readonly cutoff: string };
  /** Where the line is of one group of an item that is rated by dimension. */
  readonly group?: UsageGroup;
  /** What the cycle calls for as known before this run's cutoff; `null` if this line is no longer called for. */
  readonly settled: SideTrace | null;
  /** The same as known before the previous run's cutoff, which is what has been billed; `null` if nothing was. */
  readonly billed: SideTrace | null;
  /** Settled minus billed, with the currency's digits. */
  readonly amount: string;
};

/** Most lines have one part, which then stands here itself. */
export type SideTrace = WholeSideTrace | PartedSideTrace;

export type WholeSideTrace = PartTrace & { readonly knownBefore: string; readonly rounding: RoundingTrace };

export type PartedSideTrace = {
  readonly knownBefore: string;
  /** Two or more, in service order. */
  readonly parts: readonly SettledPartTrace[];
  /** The sum of the parts. */
  readonly exact: FractionJson;
  readonly rounding: RoundingTrace;
};

/** `amount` is the part's share by cumulative rounding: round(this part and those before) − round(those before). */
export type SettledPartTrace = PartTrace & { readonly amount: string };

export type PartTrace = {
  /** Where it is not the whole cycle. */
  readonly servicePeriod?: PeriodTrace;
  readonly quantity: QuantityTrace;
  readonly price: PriceTrace;
  /**
   * Where the part is shorter than the period and its price has a minimum or a maximum: the days by which those are
   * prorated, since a limit that was not reached leaves no step that could name them.
   */
  readonly limitDays?: DaysTrace;
  /** In order; the amounts of those that have one add up to `exact`. */
  readonly steps: readonly RatingStep[];
  readonly exact: FractionJson;
};

/** The parts of a side, also where there is but one. */
export function partsOfSide(side: SideTrace): readonly PartTrace[] {
  return 'parts' in side ? side.parts : [side];
}

export type QuantityTrace = ItemQuantityTrace | UsageQuantityTrace | GroupedLinesTrace;

export type ItemQuantityTrace = { readonly kind: 'ITEM'; readonly quantity: string };

export type UsageQuantityTrace = {
  readonly kind: 'USAGE';
  readonly meterCode: string;
  readonly eventCount: string;
  /** SHA-256 over the sorted keys and contents of exactly the events counted. */
  readonly usageSetDigest: string;
  readonly quantity: ExactJson;
  /** The level at the start of the part, where the meter's level lasts (WEIGHTED_SUM); contained in the quantity. */
  readonly carriedIn?: ExactJson;
  /** Which late usage counts, where the policy of the cycle is not ADJUST. */
  readonly lateness?: LatenessTrace;
  /** Where the price groups its usage. */
  readonly groups?: readonly GroupQuantityTrace[];
};

/**
 * As the question to metering says it; usage is carried for a COUNT or SUM alone. Of a level, `heldCycles` is how many of
 * the cycles that it is made up of hold their late usage, each by its own cutoff.
 */
export type LatenessTrace =
  | { readonly policy: 'HOLD'; readonly cutoff: string | null; readonly heldCycles?: number }
  | { readonly policy: 'CARRY_FORWARD'; readonly cutoff: string; readonly carried: readonly { readonly events: PeriodTrace; readonly recorded: PeriodTrace }[] };

export type GroupQuantityTrace = {
  readonly group: UsageGroup;
  readonly eventCount: string;
  readonly usageSetDigest: string;
  readonly quantity: ExactJson;
  /** The group's own level, as above: a group may have one and no event. */
  readonly carriedIn?: ExactJson;
};

/** The lines of an item's groups, which a minimum or maximum of the item is held against. */
export type GroupedLinesTrace = {
  readonly kind: 'GROUPED_LINES';
  readonly lines: number;
  /** The sum of their exact amounts. */
  readonly exact: FractionJson;
};

/**
 * The version effective at `resolvedAt` (the start of the service in the cycle, or of the part) among those recorded
 * before `knownBefore` (the cutoff of the cycle, for fees in advance of the one before); `null` if there was none and
 * the first one published later was taken.
 */
export type PriceTrace = {
  readonly code: string;
  readonly version: number;
  /** Where it is the subscription's own. */
  readonly override?: true;
  readonly effectiveFrom: string;
  readonly effectiveTo: string | null;
  readonly resolvedAt: string;
  readonly knownBefore: string | null;
  readonly model: PriceModel;
  readonly modifiers?: PriceModifiers;
};

export type RatingStep =
  | ConversionStep
  | IncludedStep
  | UnitStep
  | TierStep
  | PackageStep
  | StairStep
  | PercentageStep
  | PercentTierStep
  | MatrixStep
  | GroupedLinesStep
  | ProrationStep
  | MinimumStep
  | MaximumStep;

/** quantity × or ÷ factor = converted, rounded to `rounded` where there is a rounding. */
export type ConversionStep = {
  readonly kind: 'UNIT_CONVERSION';
  readonly quantity: FractionJson;
  readonly operation: 'MULTIPLY' | 'DIVIDE';
  readonly factor: Decimal;
  readonly converted: FractionJson;
  readonly rounding?: QuantityRounding;
  readonly rounded?: FractionJson;
};

/** quantity − what of it is included = remaining, never below zero unless the quantity is. */
export type IncludedStep = {
  readonly kind: 'INCLUDED_QUANTITY';
  readonly quantity: FractionJson;
  readonly includedQuantity: Decimal;
  /** Of usage, where the part is shorter than the period: the included quantity × days ÷ days of the period. */
  readonly prorated?: ProratedTrace;
  readonly remaining: FractionJson;
};

/** quantity × unitAmount = amount. */
export type UnitStep = {
  readonly kind: 'FLAT' | 'PER_UNIT';
  readonly quantity: FractionJson;
  readonly unitAmount: Decimal;
  readonly amount: FractionJson;
};

/** quantity × unitAmount + flatAmount = amount, in the tier above `above` up to and including `upTo`. */
export type TierStep = TierRange & {
  readonly kind: 'GRADUATED_TIER' | 'VOLUME_TIER';
  readonly quantity: FractionJson;
  readonly unitAmount: Decimal;
  readonly flatAmount: Decimal | null;
  readonly amount: FractionJson;
};

export type TierRange = {
  /** From 1. */
  readonly tier: number;
  readonly above: Decimal;
  readonly upTo: Decimal | null;
};

/** quantity ÷ packageSize, rounded up to whole packages, × packageAmount = amount. */
export type PackageStep = {
  readonly kind: 'PACKAGE';
  readonly quantity: FractionJson;
  readonly packageSize: Decimal;
  /** Whole; 0 where the quantity is not above zero. */
  readonly packages: string;
  readonly packageAmount: Decimal;
  readonly amount: FractionJson;
};

/** The quantity lies in the tier, and flatAmount = amount. */
export type StairStep = TierRange & {
  readonly kind: 'STAIRSTEP';
  readonly quantity: FractionJson;
  readonly flatAmount: Decimal;
  readonly amount: FractionJson;
};

/**
 * (quantity − free) × percent ÷ 100 + fixedAmount × paidEvents + limited = amount.
 *
 * `limited` is what the minimum and the maximum of single events change; where neither is set it is absent.
 */
export type PercentageStep = {
  readonly kind: 'PERCENTAGE';
  readonly quantity: FractionJson;
  readonly percent: Decimal;
  /** Where there is an allowance of free events or of a free amount. */
  readonly free?: FreeTrace;
  readonly paidEvents: string;
  readonly fixedAmount: Decimal | null;
  readonly limited?: EventLimitsTrace;
  readonly amount: FractionJson;
};

export type FreeTrace = {
  readonly freeEvents: Decimal | null;
  readonly freeAmount: Decimal | null;
  /** Where the part is shorter than the period: both were multiplied by days ÷ days of the period. */
  readonly prorated?: DaysTrace;
  /** Events that were free altogether. */
  readonly events: string;
  /** How much of the quantity was free. */
  readonly quantity: FractionJson;
};

/** raised.events × minimum − raised.amount, and lowered.events × maximum − lowered.amount, make the change. */
export type EventLimitsTrace = {
  readonly minimum: Decimal | null;
  readonly maximum: Decimal | null;
  /** The events that cost less than the minimum, and what they came to. */
  readonly raised: EventSumTrace;
  /** The events that cost more than the maximum, and what they came to. */
  readonly lowered: EventSumTrace;
  readonly change: FractionJson;
};

export type EventSumTrace = { readonly events: string; readonly amount: FractionJson };

/** quantity × percent ÷ 100 + flatAmount = amount, in the tier. */
export type PercentTierStep = TierRange & {
  readonly kind: 'GRADUATED_PERCENTAGE_TIER';
  readonly quantity: FractionJson;
  readonly percent: Decimal;
  readonly flatAmount: Decimal | null;
  readonly amount: FractionJson;
};

/** quantity × unitAmount = amount, of one group. */
export type MatrixStep = {
  readonly kind: 'MATRIX_CELL';
  readonly group: UsageGroup;
  readonly quantity: FractionJson;
  readonly unitAmount: Decimal;
  /** Where the values have no cell and the default was taken. */
  readonly isDefault?: true;
  readonly amount: FractionJson;
};

/** What the group lines of the item come to, before its minimum and maximum. */
export type GroupedLinesStep = { readonly kind: 'GROUPED_LINES'; readonly amount: FractionJson };

/**
 * fees × activeDays ÷ periodDays = prorated, and amount = prorated − fees: what the steps before have to give up. The
 * fees are all of an item's amount, and the flat amounts alone of a usage price.
 */
export type ProrationStep = DaysTrace & {
  readonly kind: 'PRORATION';
  readonly fees: FractionJson;
  readonly prorated: FractionJson;
  readonly amount: FractionJson;
};

/** The days are civil dates in the zone. */
export type DaysTrace = {
  readonly zone: string;
  readonly active: PeriodTrace;
  readonly period: PeriodTrace;
  readonly activeDays: number;
  readonly periodDays: number;
};

export type ProratedTrace = DaysTrace & { readonly value: FractionJson };

/** `before` is below the minimum, and amount = minimum − before. Absent where nothing had to be raised. */
export type MinimumStep = {
  readonly kind: 'MINIMUM';
  readonly before: FractionJson;
  readonly minimum: Decimal;
  readonly prorated?: ProratedTrace;
  readonly amount: FractionJson;
};

/** `before` is above the maximum, and amount = maximum − before. Absent where nothing had to be lowered. */
export type MaximumStep = {
  readonly kind: 'MAXIMUM';
  readonly before: FractionJson;
  readonly maximum: Decimal;
  readonly prorated?: ProratedTrace;
  readonly amount: FractionJson;
};

export type PeriodTrace = { readonly start: string; readonly end: string };

/** exact = amount + residue. */
export type RoundingTrace = {
  readonly mode: RoundingMode;
  readonly amount: string;
  readonly residue: FractionJson;
  /** Of a true-up alone: what the group lines settled to. The side comes to amount − lessSettled. */
  readonly lessSettled?: string;
};
