/** What usage is, without SQL: the facts as a list, the events of it that a query counts, and the rating core's fold over those. */
import type { AggregatedUsage as AggregatedUsageMessage, UsageEvent as UsageEventMessage, UsageQuery } from '@valora/contracts/valora/metering/v1/usage';
import {
  aggregateUsage as fold, instant, levelsAfter, matchesFilters, parseDecimal, type AggregatedUsage, type AggregationKind, type DigestedUsageEvent, type PropertyFilter,
} from '@valora/rating';
import { candidateOf } from '../src/usage-event.ts';
import { micros } from './metering.ts';

export interface Facts {
  readonly events: readonly { readonly event: DigestedUsageEvent; readonly recorded: bigint }[];
  /** Recorded times by key. */
  readonly voids: ReadonlyMap<string, bigint>;
  readonly releases: ReadonlyMap<string, bigint>;
}

export interface OracleMeter {
  readonly kind: AggregationKind;
  readonly filters: readonly PropertyFilter[];
  readonly uniqueProperty?: string;
}

type Fact = Facts['events'][number];
type PeriodMessage = UsageQuery['period'];

export function digested(message: UsageEventMessage): DigestedUsageEvent {
  const { event, contentDigest } = candidateOf({
    idempotencyKey: message.idempotencyKey, meterCode: message.meter, customerReference: message.customer, subscriptionReference: message.subscription === '' ? null : message.subscription,
    eventTime: instant(micros(message.eventTime)), value: message.value === '' ? null : parseDecimal(message.value), properties: Object.fromEntries(message.properties),
  });
  return { ...event, contentDigest };
}

export function foldedUsage(facts: Facts, query: UsageQuery, { kind, filters, uniqueProperty }: OracleMeter): AggregatedUsage {
  const known = micros(query.knownBeforeTime);
  const recordedBefore = (time: bigint | undefined): boolean => time !== undefined && time < known;
  const countable = facts.events.filter(({ event, recorded }) => event.meterCode === query.meter && event.customerReference === query.customer && recordedBefore(recorded)
    && !recordedBefore(facts.voids.get(event.idempotencyKey)) && (event.subscriptionReference === null || event.subscriptionReference === query.subscription)
    && matchesFilters(filters, event.properties));
  const isForward = query.lateness?.policy?.$case === 'carryForward';
  const asked = isForward && kind !== 'COUNT' && kind !== 'SUM' ? { ...query, lateness: undefined } : query;
  const onTime = countable.filter((fact) => isOnTime(fact, asked, facts));
  const counted = new Set([...onTime.filter(({ event }) => within(event.eventTime, query.period)), ...countable.filter((fact) => isCarried(fact, asked))]);
  const { groupBy } = query;
  const interval = { start: instant(micros(query.period?.startTime)), end: instant(micros(query.period?.endTime)) };
  const full = query.fullPeriod;
  const levels = kind === 'WEIGHTED_SUM' ? levelsAfter(onTime.filter(({ event }) => event.eventTime < interval.start).map(({ event }) => event), { groupBy }) : [];
  return fold(kind, [...counted].map(({ event }) => event), {
    interval, period: full === undefined ? interval : { start: instant(micros(full.startTime)), end: instant(micros(full.endTime)) },
    levels, groupBy, needsEventValues: query.needsEventValues, ...(uniqueProperty === undefined ? {} : { uniqueProperty }),
  });
}

/** Late usage that happened before the part is held by the cycle in which it happened. */
function isOnTime({ event, recorded }: Fact, { period, lateness, knownBeforeTime }: UsageQuery, { releases }: Facts): boolean {
  const policy = lateness?.policy;
  if (policy === undefined || policy.$case === 'adjust') return true;
  const ofEarlier = policy.$case === 'hold' && event.eventTime < micros(period?.startTime) ? policy.value.earlier.find(({ endTime }) => event.eventTime < micros(endTime)) : undefined;
  const { cutoffTime } = ofEarlier ?? policy.value;
  if (cutoffTime === undefined || recorded < micros(cutoffTime)) return true;
  const released = releases.get(event.idempotencyKey);
  return policy.$case === 'hold' && released !== undefined && released < micros(knownBeforeTime);
}

function isCarried({ event, recorded }: Fact, { lateness }: UsageQuery): boolean {
  const policy = lateness?.policy;
  return policy?.$case === 'carryForward'
    && policy.value.carried.some(({ eventPeriod, recordedPeriod }) => within(event.eventTime, eventPeriod) && within(recorded, recordedPeriod));
}

function within(time: bigint, period: PeriodMessage): boolean {
  return time >= micros(period?.startTime) && time < micros(period?.endTime);
}

/** An answer in the words of the core, to be compared with the fold. */
export function answeredUsage(answer: AggregatedUsageMessage, { groupBy, needsEventValues }: UsageQuery): AggregatedUsage {
  const usage = (part: Omit<AggregatedUsageMessage, 'queryKey' | 'groups'>): Omit<AggregatedUsage, 'groups'> => ({
    eventCount: part.eventCount, usageSetDigest: part.usageSetDigest,
    quantity: part.quantityFraction === undefined ? part.quantity : { ...part.quantityFraction },
    ...(part.carriedIn === '' ? {} : { carriedIn: part.carriedIn }),
    ...(needsEventValues ? { eventValues: part.eventValues } : {}),
  });
  if (groupBy.length === 0) return usage(answer);
  const groups = answer.groups.map((part) => ({ ...usage(part), group: Object.fromEntries(part.group.map(({ name, value }) => [name, value ?? null])) }));
  return { ...usage(answer), groups };
}
