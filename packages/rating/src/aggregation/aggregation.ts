/**
 * Aggregation: from the events of an interval to one quantity.
 *
 * Each kind is a state that starts empty, takes events one by one, and merges with another state of its kind; merging
 * is associative and commutative, so any number of workers, or a database, may aggregate in parts and in any order. The
 * result is exact, and the empty set is zero.
 * The trap: this fold is the definition. Whatever computes usage elsewhere, in SQL for instance, must equal it to the
 * last digit.
 */
import { invariant, unreachable } from '../errors.ts';
import { type ExactJson, type Fraction, fractionToDecimal } from '../number/fraction.ts';
import type { UsageGroup } from '../usage/group.ts';
import { type UsageEvent, usageSetDigest } from '../usage/usage-event.ts';
import { count } from './count.ts';
import { sum } from './sum.ts';

export type AggregationKind = 'COUNT' | 'SUM';

export interface Aggregation<State> {
  readonly empty: () => State;
  readonly add: (state: State, event: UsageEvent) => State;
  readonly merge: (one: State, other: State) => State;
  readonly quantity: (state: State) => Fraction;
}

export interface AggregatedUsage {
  readonly eventCount: bigint;
  /** Exact; a sum may have more than 38 digits, and an average no finite decimal form. */
  readonly quantity: ExactJson;
  /** See `usageSetDigest`. */
  readonly usageSetDigest: string;
  /** The level at the start of the interval, where the meter's level lasts (WEIGHTED_SUM); contained in the quantity. */
  readonly carriedIn?: ExactJson;
  /** The value of each event by event time, then key; there where they were asked for. */
  readonly eventValues?: readonly ExactJson[];
  /** The same of each group that has events, or a level; there where groups were asked for. */
  readonly groups?: readonly GroupUsage[];
}

export interface GroupUsage extends Omit<AggregatedUsage, 'groups'> {
  readonly group: UsageGroup;
}

export type DigestedUsageEvent = UsageEvent & { readonly contentDigest: Uint8Array };

/**
 * The usage of exactly these events; each key at most once. Errors: USAGE_VALUE_MISSING where the kind needs a value.
 */
export function aggregateUsage(kind: AggregationKind, events: Iterable<DigestedUsageEvent>): AggregatedUsage {
  const counted = [...events];
  const quantity = fractionToDecimal(aggregateQuantity(kind, counted));
  invariant(quantity !== null, 'counts and sums of decimals are decimals');
  return { eventCount: BigInt(counted.length), quantity, usageSetDigest: usageSetDigest(counted) };
}

function aggregateQuantity(kind: AggregationKind, events: readonly UsageEvent[]): Fraction {
  switch (kind) {
    case 'COUNT':
      return fold(count, events);
    case 'SUM':
      return fold(sum, events);
    default:
      return unreachable(kind);
  }
}

function fold<State>(aggregation: Aggregation<State>, events: readonly UsageEvent[]): Fraction {
  return aggregation.quantity(events.reduce(aggregation.add, aggregation.empty()));
}
