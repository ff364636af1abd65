/**
 * A billing run: what goes in and what comes out, as plain data.
 *
 * Run k happens at the cutoff of cycle k and is a function of the facts below and of the usage they ask for;
 * `compose-run.ts` holds the policy. Preview, close, verify and simulate build the same `RunFacts`, so there is one
 * path. The trap: every list may hold more than the run needs, but never less. Facts beside the point change no byte.
 */
import type { AggregatedUsage } from '../aggregation/aggregation.ts';
import type { Decimal } from '../number/decimal.ts';
import type { Price, VersionedPrice } from '../price/price.ts';
import type { Instant, Interval } from '../time/instant.ts';
import type { BillingCadence } from '../time/period.ts';
import type { LineTrace } from '../trace/trace.ts';
import type { CarriedCredit, CreditOutcome } from './credit.ts';
import type { Lateness } from './lateness.ts';
import type { SettingsVersion } from './settings.ts';
import type { SubscriptionFact } from './subscription.ts';

/** A cycle with its boundaries as persisted when it was opened; they are facts, never computed again. */
export interface CycleFact {
  /** From 1. */
  readonly index: number;
  readonly start: Instant;
  readonly end: Instant;
  readonly cutoff: Instant;
  /** The cutoff of the cycle before, for cycle 1 the subscription's first: what its fees in advance are priced by. */
  readonly previousCutoff: Instant;
  /** The time zone data the boundaries were computed with, for example `2025b`. */
  readonly tzdataVersion: string;
}

export interface SubscriptionFacts {
  readonly reference: string;
  readonly customerReference: string;
  readonly cadence: BillingCadence;
  readonly startTime: Instant;
  readonly facts: readonly SubscriptionFact[];
  /** Versions that the subscription has for itself, by the code of the price they go before. */
  readonly overrides?: readonly VersionedPrice[];
}

export interface RunFacts {
  /** The version of the arithmetic: ENGINE_VERSION for a new run, the stored run's for one that is composed again. */
  readonly engineVersion: number;
  readonly currencyCode: string;
  readonly subscription: SubscriptionFacts;
  /** At least one, ascending by recorded time. */
  readonly settings: readonly SettingsVersion[];
  readonly prices: readonly Price[];
  /** k, from 0; the run bills cycle k, the fees in advance of cycle k + 1, and what changed of what was billed before. */
  readonly runIndex: number;
  /** That of cycle k; for k = 0 the subscription's first cutoff. */
  readonly cutoff: Instant;
  /** The cutoff of run k − 1; `null` for k = 0. */
  readonly previousCutoff: Instant | null;
  /**
   * Cycle k, every earlier cycle touched by a fact recorded in [previousCutoff, cutoff) (a late event on a level that
   * lasts touches every cycle from its own on), and cycle k + 1 where an item is charged in advance and the subscription
   * has that cycle.
   */
  readonly cycles: readonly CycleFact[];
  /** Cycles 1 to k, ascending, and those of `cycles`; needed where a version of the settings has another policy than ADJUST. */
  readonly history?: readonly CycleFact[];
  /** Codes of the meters whose level lasts (WEIGHTED_SUM); needed where a version of the settings has the policy HOLD. */
  readonly levelMeters?: readonly string[];
  /**
   * What is left of the credit notes of earlier runs of this subscription after run k − 1, oldest first. Later runs do
   * not count, so the run comes to the same when it is recomputed.
   */
  readonly credits: readonly CarriedCredit[];
}

/**
 * One question to metering: the usage of one item in one interval, by what was recorded strictly before an instant.
 */
export interface UsageQuery {
  /** Unique within the run; the answer comes back under it. */
  readonly queryKey: string;
  readonly cycleIndex: number;
  readonly item: string;
  readonly meterCode: string;
  readonly customerReference: string;
  /** Events that name no subscription match as well as those that name this one. */
  readonly subscriptionReference: string;
  readonly interval: Interval;
  /** The full period around the interval, over which a level is weighted (WEIGHTED_SUM). */
  readonly period: Interval;
  readonly knownBefore: Instant;
  /** What becomes of late usage; absent where it counts at once. */
  readonly lateness?: Lateness;
  /** Properties by which the answer is to be grouped too; none for an ungrouped answer. */
  readonly groupBy: readonly string[];
  /** Whether the answer is to hold the value of each event. */
  readonly needsEventValues: boolean;
}

/** The answers, by query key. */
export type UsageAnswers = ReadonlyMap<string, AggregatedUsage>;

/** TRUE_UP is what lifts the groups of an item to its minimum, or lowers them to its maximum. */
export type ChargeKind = 'FEE' | 'USAGE' | 'TRUE_UP';

export interface RunLine {
  /**
   * The digest of (subscription, cycle, item, price, charge kind, group): the same line in every run that touches it.
   */
  readonly lineKey: string;
  readonly cycleIndex: number;
  readonly item: string;
  readonly priceCode: string;
  /** Of the last part, where the line has several. */
  readonly priceVersion: number;
  readonly chargeKind: ChargeKind;
  /** True for a line that corrects what was billed before: its amount and quantity are differences. */
  readonly isAdjustment: boolean;
  readonly description: string;
  readonly servicePeriod: Interval;
  /**
   * Exact decimal text; for an adjustment the change in quantity; over the parts of a line the usage adds up. `null`
   * where the quantity has no finite decimal form, where the copies of an item change within the line,
   * where its versions rate usage and copies, and for a true-up.
   */
  readonly quantity: string | null;
  /** Where one unit amount holds for the whole line, in the unit of its quantity: FLAT and PER_UNIT, in one part, unconverted. */
  readonly unitAmount: Decimal | null;
  readonly amountMinorUnits: bigint;
  readonly trace: LineTrace;
}

export interface ComposedRun extends CreditOutcome {
  readonly lines: readonly RunLine[];
  /** What the lines sum to; may be below zero. */
  readonly subtotalMinorUnits: bigint;
  readonly currencyCode: string;
  /** Digits of the currency's minor unit (ISO 4217). */
  readonly exponent: number;
  /** The run's cutoff. */
  readonly issueTime: Instant;
  /** RFC 8785 text; present without lines too, so that every run has a digest. */
  readonly canonicalInvoice: string;
  /** SHA-256 of the canonical invoice's UTF-8 bytes, in hexadecimal. */
  readonly digest: string;
}
