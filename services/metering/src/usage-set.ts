/**
 * A set of counted events, aggregated: the whole of a query, or one of its groups.
 *
 * It holds the state in which the rating core aggregates, whoever folded it, SQL or the core itself, and the core makes the quantity of it: there is one arithmetic. The
 * trap: only a WEIGHTED_SUM has a level, and that is no part of the set. Whoever asks for the quantity brings it.
 */
import { aggregationOf, fractionFromBigInt, groupKey, type AggregationKind, type Fraction, type Interval, type UsageGroup } from '@valora/rating';

export interface UsageSet {
  readonly eventCount: bigint;
  /** Empty where it was not asked for. */
  readonly usageSetDigest: string;
  /** Decimal texts by event time, then key; empty unless asked for. */
  readonly eventValues: readonly string[];
  readonly state: UsageState;
}

/**
 * Of COUNT and UNIQUE_COUNT a number of things, of SUM, MAX, MIN, LATEST and AVERAGE one in quintillionths, and of WEIGHTED_SUM the sum of the values and of value × event time.
 * Zero for no events.
 */
export interface UsageState {
  readonly measure: bigint;
  /** Zero for every kind but WEIGHTED_SUM. */
  readonly moment: bigint;
}

export interface QueriedUsage {
  readonly whole: UsageSet;
  /** By key; only where groups were asked for. */
  readonly groups: ReadonlyMap<string, GroupedUsage>;
}

export interface GroupedUsage {
  readonly group: UsageGroup;
  readonly set: UsageSet;
}

/** What a WEIGHTED_SUM needs beside its events. */
export interface LevelTerms {
  readonly interval: Interval;
  readonly period: Interval;
  /** In quintillionths. */
  readonly carriedIn: bigint;
}

export function quantityOf(kind: AggregationKind, { eventCount, state: { measure, moment } }: UsageSet, { interval, period, carriedIn }: LevelTerms): Fraction {
  switch (kind) {
    case 'COUNT': return aggregationOf('COUNT').quantity(eventCount);
    case 'UNIQUE_COUNT': return fractionFromBigInt(measure);
    case 'SUM': return aggregationOf('SUM').quantity(measure);
    case 'MAX': return aggregationOf('MAX').quantity(measure);
    case 'MIN': return aggregationOf('MIN').quantity(measure);
    case 'LATEST': return aggregationOf('LATEST').quantity({ eventTime: interval.start, idempotencyKey: '', value: measure });
    case 'AVERAGE': return aggregationOf('AVERAGE').quantity({ sum: measure, count: eventCount });
    case 'WEIGHTED_SUM': return aggregationOf('WEIGHTED_SUM', { interval, period, carriedIn: decimalOfQuintillionths(carriedIn) }).quantity({ sum: measure, moment });
  }
}

/** Canonical decimal text. */
export function decimalOfQuintillionths(units: bigint): string {
  const digits = String(units < 0n ? -units : units).padStart(19, '0');
  const fraction = digits.slice(-18).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -18)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** The group of these values of the properties, both in the order of the names. */
export function groupOfValues(groupBy: readonly string[], values: readonly (string | null)[]): { readonly key: string; readonly group: UsageGroup } {
  const group = Object.fromEntries(groupBy.map((name, index) => [name, values[index] ?? null]));
  return { key: groupKey(group), group };
}

const WHOLE_NUMBER = /^-?[0-9]+$/;

/** A whole number as SQL writes it. What is none, such as a NaN, no service has written: it counts for nothing here, and CheckUsage names the event. */
export function wholeNumber(text: string | null): bigint {
  return text !== null && WHOLE_NUMBER.test(text) ? BigInt(text) : 0n;
}
