/**
 * Aggregation: from the events of an interval to one quantity.
 *
 * Each kind is a state that starts empty, takes events one by one, and merges with another state of its kind; merging
 * is associative and commutative, so any number of workers, or a database, may aggregate in parts and in any order. The
 * result is exact, and the empty set is zero.
 * The trap: this fold is the definition. Whatever computes usage elsewhere, in SQL for instance, must equal it to the
 * last digit.
 */
import { invariant, RatingError } from '../errors.ts';
import { type ExactJson, exactToJson, type Fraction } from '../number/fraction.ts';
import { groupKey, groupOf, type UsageGroup } from '../usage/group.ts';
import { type UsageEvent, usageSetDigest } from '../usage/usage-event.ts';
import { aggregationOf, type AggregationTerms } from './aggregation-of.ts';
import { type GroupLevel, levelsAfter, totalLevel } from './level.ts';

/** Each explained in the file of its name. */
export type AggregationKind = 'COUNT' | 'SUM' | 'MAX' | 'MIN' | 'AVERAGE' | 'LATEST' | 'UNIQUE_COUNT' | 'WEIGHTED_SUM';

export interface Aggregation<State> {
  readonly empty: () => State;
  /** With one event more. May change the state it is given: go on with the one it answers. */
  readonly add: (state: State, event: UsageEvent) => State;
  /** Leaves both as they are. */
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

/** What is asked of a set of events beside its quantity, and what some kinds need for it. */
export interface UsageTerms extends Omit<AggregationTerms, 'carriedIn'> {
  /** WEIGHTED_SUM: the levels at the start of the interval, by group where the usage is grouped; see `levelsAfter`. */
  readonly levels?: readonly GroupLevel[];
  /** Properties by which the usage is to be grouped too. */
  readonly groupBy?: readonly string[];
  /** Whether the value of each event is wanted; a COUNT's events are worth 1 each. */
  readonly needsEventValues?: boolean;
}

/** Events with the level they add to; the level is of no account where none lasts. */
interface UsageSet {
  readonly events: readonly DigestedUsageEvent[];
  readonly carriedIn: string;
}

/**
 * The usage of exactly these events; each key at most once. Groups are listed in the order of their keys. Errors:
 * USAGE_VALUE_MISSING where the kind needs a value, AGGREGATION_PROPERTY_MISSING, AGGREGATION_INTERVAL_MISSING,
 * AGGREGATION_NOT_ADDITIVE where values are wanted of events that have no share of the quantity.
 */
export function aggregateUsage(kind: AggregationKind, events: Iterable<DigestedUsageEvent>, terms: UsageTerms = {}): AggregatedUsage {
  const { groupBy = [] } = terms;
  const levels = kind === 'WEIGHTED_SUM' ? (terms.levels ?? []) : [];
  const counted = [...events];
  const usage = usageOf(kind, { events: counted, carriedIn: totalLevel(levels) }, terms);
  if (groupBy.length === 0) return usage;
  const groups = groupsOf(counted, groupBy, levels);
  return { ...usage, groups: groups.map(({ group, set }) => ({ group, ...usageOf(kind, set, terms) })) };
}

function usageOf(kind: AggregationKind, { events, carriedIn }: UsageSet, terms: UsageTerms): Omit<AggregatedUsage, 'groups'> {
  const aggregation = aggregationOf(kind, { ...terms, carriedIn });
  return {
    eventCount: BigInt(events.length),
    quantity: exactToJson(aggregation.quantity(events.reduce(aggregation.add, aggregation.empty()))),
    usageSetDigest: usageSetDigest(events),
    ...(kind === 'WEIGHTED_SUM' ? { carriedIn } : {}),
    ...(terms.needsEventValues === true ? { eventValues: eventValues(kind, events) } : {}),
  };
}

function groupsOf(events: readonly DigestedUsageEvent[], groupBy: readonly string[], levels: readonly GroupLevel[]): readonly { readonly group: UsageGroup; readonly set: UsageSet }[] {
  const byKey = new Map<string, { readonly group: UsageGroup; readonly events: DigestedUsageEvent[]; readonly carriedIn: string }>();
  for (const { group, level } of levelsAfter([], { groupBy, levels })) byKey.set(groupKey(group), { group, events: [], carriedIn: level });
  for (const event of events) {
    const group = groupOf(groupBy, event.properties);
    const key = groupKey(group);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { group, events: [event], carriedIn: '0' });
    else known.events.push(event);
  }
  return [...byKey].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, { group, ...set }]) => ({ group, set }));
}

/** What each event adds to the quantity. */
function eventValues(kind: AggregationKind, events: readonly UsageEvent[]): readonly ExactJson[] {
  if (kind === 'COUNT') return events.map(() => '1');
  if (kind !== 'SUM') {
    throw new RatingError('AGGREGATION_NOT_ADDITIVE', `The quantity of a ${kind} is not made up of its events' values.`, { aggregation: kind });
  }
  return events.toSorted(byTimeThenKey).map(({ value }) => {
    invariant(value !== null, 'an event that was added up has a value');
    return value;
  });
}

function byTimeThenKey(one: UsageEvent, other: UsageEvent): number {
  if (one.eventTime !== other.eventTime) return one.eventTime < other.eventTime ? -1 : 1;
  if (one.idempotencyKey === other.idempotencyKey) return 0;
  return one.idempotencyKey < other.idempotencyKey ? -1 : 1;
}
