/**
 * Which events count, in SQL: the one place that says it, for whatever is made of them.
 *
 * An event counts at an instant of knowledge if it was recorded before it, was not voided before it, names no other subscription, passes the meter's filters, and the policy
 * for late usage lets it in. A part of time lies side by side in the primary key, so the cost follows the events that are read and not the size of the table.
 * The trap: hardly an event is voided, and a look for the void of each would cost as much as the event. So a query first asks whether there is any in its part of time,
 * which is one look in an index, and only then looks at single events.
 */
import type { AggregationKind } from '@valora/rating';
import { ALL_TIME } from './usage-archive.ts';
import type { Lateness, UsageQuery } from './usage-query.ts';

/** What the text of a statement depends on; queries alike in it are answered by one statement. */
export interface QueryShape {
  readonly kind: AggregationKind;
  readonly lateness: Lateness['kind'];
  readonly groupBy: readonly string[];
}

const QUERY_PARAMETERS = 13;

/** The cutoff of a cycle of which nothing is held. */
const NEVER = 2n ** 63n - 1n;

/**
 * The queries as rows, with their meters; for all statements about counted events. `$12` and `$13` are the time in which all of their parts lie. Said as parameters it spares the
 * planner the partitions of other times, which it would have to plan for if it only knew that each query brings a part along.
 */
export const QUERIES = `with query as materialized (
    select (position - 1)::integer as position, meter_code, customer_reference, subscription_reference, start_time, end_time, known_before_time, cutoff_time, carried::bigint[] as carried,
      held_ends::bigint[] as held_ends, held_cutoffs::bigint[] as held_cutoffs
    from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::text[])
      with ordinality as query (meter_code, customer_reference, subscription_reference, start_time, end_time, known_before_time, cutoff_time, carried, held_ends, held_cutoffs, position)
    where start_time >= $12::bigint and end_time <= $13::bigint
  )`;

/** `$1` … `$13` of QUERIES, and after them the names of the shape's groups. */
export function queryValues(organizationId: string, queries: readonly UsageQuery[], { groupBy }: QueryShape): unknown[] {
  return [
    organizationId,
    queries.map(({ meterCode }) => meterCode),
    queries.map(({ customerReference }) => customerReference),
    queries.map(({ subscriptionReference }) => subscriptionReference),
    queries.map(({ interval }) => interval.start),
    queries.map(({ interval }) => interval.end),
    queries.map(({ knownBefore }) => knownBefore),
    queries.map(({ lateness }) => (lateness.kind === 'ADJUST' ? null : (lateness.cutoff ?? NEVER))),
    queries.map(({ lateness }) => (lateness.kind === 'CARRY_FORWARD' ? carriedTimes(lateness.carried) : null)), // as text: unnest can't carry lists of unequal length
    queries.map(({ lateness }) => (lateness.kind === 'HOLD' ? listOf(lateness.earlier.map(({ end }) => end)) : null)),
    queries.map(({ lateness }) => (lateness.kind === 'HOLD' ? listOf(lateness.earlier.map(({ cutoff }) => cutoff ?? NEVER)) : null)),
    queries.reduce((earliest, { interval: { start } }) => (start < earliest ? start : earliest), ALL_TIME.end),
    queries.reduce((latest, { interval: { end } }) => (end > latest ? end : latest), ALL_TIME.start),
    ...groupBy,
  ];
}

function carriedTimes(carried: readonly { readonly eventInterval: { start: bigint; end: bigint }; readonly recordedInterval: { start: bigint; end: bigint } }[]): string {
  return listOf(carried.flatMap(({ eventInterval, recordedInterval }) => [eventInterval.start, eventInterval.end, recordedInterval.start, recordedInterval.end]));
}

function listOf(times: readonly bigint[]): string {
  return `{${times.join(',')}}`;
}

const METER = 'join meter on meter.organization_id = $1 and meter.code = query.meter_code';

const PLACE = 'event.organization_id = $1 and event.meter_code = query.meter_code and event.customer_reference = query.customer_reference';

const PASSES = `(query.subscription_reference is null or event.subscription_reference is null or event.subscription_reference = query.subscription_reference)
  and (meter.filters = '[]' or not exists (
    select from jsonb_array_elements(meter.filters) as filter
    where (filter -> 'values' ? (event.properties ->> (filter ->> 'property'))) is not true))`;

/** The instant of knowledge of a query, and that of the stored level from which one follows. */
const KNOWN = 'query.known_before_time';
const STORED_KNOWN = 'stored.known_before_time';

/** Whether there is a void or release of an event, as known at an instant. */
type Corrected = (table: 'usage_void' | 'usage_release', known: string) => string;

/** For the many events of a part of time: the planner may read the corrections once, and look events up in memory. */
const correctedOfMany: Corrected = (table, known) => `exists (
    select from ${table} as correction
    where correction.organization_id = $1 and correction.idempotency_key = event.idempotency_key and correction.recorded_time < ${known})`;

/** For one event: a look in the primary key, where a planner without statistics would rather read all that was recorded before. */
const correctedOfOne: Corrected = (table, known) => `exists (
    select from (select recorded_time from ${table} where organization_id = $1 and idempotency_key = event.idempotency_key offset 0) as correction
    where correction.recorded_time < ${known})`;

function notVoided(known: string, corrected = correctedOfMany): string {
  return `not ${corrected('usage_void', known)}`;
}

/** Beside the queries and meters, whether the part of time `eventTime` of a query holds a void. `offset 0` keeps it from being asked again for each event. */
function withVoids(eventTime: string, alsoJoined = ''): string {
  return `from query ${METER} ${alsoJoined}
    cross join lateral (select exists (
      select from usage_void as void
      where void.organization_id = $1 and void.meter_code = query.meter_code and void.customer_reference = query.customer_reference and ${eventTime.replaceAll('event.', 'void.')}
        and void.recorded_time < ${KNOWN}) as any_void offset 0) as corrected`;
}

const COUNTS = `event.recorded_time < ${KNOWN} and ${PASSES} and (not corrected.any_void or ${notVoided(KNOWN)})`;

/** Not held by a cutoff, as known at an instant. */
function notHeld(cutoff: string, known: string, corrected = correctedOfMany): string {
  return `(event.recorded_time < ${cutoff} or ${corrected('usage_release', known)})`;
}

/** What else is asked of an event that lies where a query asks. */
const ON_TIME: { readonly [Policy in Lateness['kind']]: string } = { ADJUST: 'true', HOLD: notHeld('query.cutoff_time', KNOWN), CARRY_FORWARD: 'event.recorded_time < query.cutoff_time' };

/**
 * The same of an event of the level, which is held by the cutoff of the cycle in which it happened: of the first that ends after it, found by halves, since every event asks
 * and there may be thousands of cycles. A level is never carried forward.
 */
function onTimeBefore({ lateness }: QueryShape, known: string, corrected = correctedOfMany): string {
  return lateness === 'HOLD' ? notHeld('coalesce(query.held_cutoffs[width_bucket(event.event_time, query.held_ends) + 1], query.cutoff_time)', known, corrected) : 'true';
}

const IN_PART = 'event.event_time >= query.start_time and event.event_time < query.end_time';
const IN_ALL_PARTS = 'event.event_time >= $12::bigint and event.event_time < $13::bigint';
const BEFORE_PART = 'event.event_time < query.start_time';

/** `from` for a statement over counted events: the queries, their meters and what of it concerns all events of a query. */
export const FROM_QUERIES = withVoids(IN_PART);
export const FROM_QUERIES_BEFORE = withVoids(BEFORE_PART);

/** The counted events of one query, within `FROM_QUERIES`. */
export function countedEvents(shape: QueryShape): string {
  const columns = `event.event_time, event.idempotency_key, event.value, event.properties, event.content_digest${groupColumn(shape)}`;
  const own = `select ${columns} from usage_event as event where ${PLACE} and ${IN_PART} and ${IN_ALL_PARTS} and ${COUNTS} and ${ON_TIME[shape.lateness]}`;
  return shape.lateness === 'CARRY_FORWARD' ? withCarried(own, columns) : own;
}

/** The values of the events that make up the level when the part of time begins, within `FROM_QUERIES_BEFORE`. */
export function eventsBefore(shape: QueryShape): string {
  return `select event.value${groupColumn(shape)} from usage_event as event where ${PLACE} and ${BEFORE_PART} and event.event_time < $13::bigint and ${COUNTS} and ${onTimeBefore(shape, KNOWN)}`;
}

const SINCE_STORED = 'event.event_time >= stored.at_time and event.event_time < query.start_time';

/**
 * `from` for levels that follow from stored ones: `$14` the times that those are of, `$15` the instants before which they were known, both in the order of the queries, and
 * `$16` the earliest of the times. The trap: joined by position, each query would look through the times of all.
 */
export const FROM_QUERIES_SINCE = withVoids(
  SINCE_STORED, 'cross join lateral (select ($14::bigint[])[query.position + 1] as at_time, ($15::bigint[])[query.position + 1] as known_before_time) as stored');

/** What happened since the stored level's time: `change`, the values of what counts, and null for what does not, since it is read all the same; within `FROM_QUERIES_SINCE`. */
export function eventsSince(shape: QueryShape): string {
  return `select case when ${COUNTS} and ${onTimeBefore(shape, KNOWN)} then event.value end as change
    from usage_event as event where ${PLACE} and ${SINCE_STORED} and event.event_time >= $16::bigint and event.event_time < $13::bigint`;
}

/**
 * What was recorded since of what happened before the stored level's time: `change`, the value of what counts now and did not then, less that of what counted and does not now,
 * and null for what is read and makes no difference; within `FROM_QUERIES_SINCE`. The two reads of events are those of `withCarried`, with its trap: what is found by its recorded
 * time, voids and releases too, is looked for without a word of where it happened, which would have a planner without statistics read all that ever happened there. Only what was
 * asked for is then looked up where it lies: of other meters there may be a month of late usage.
 */
export function eventsChangedSince(shape: QueryShape): string {
  const since = `event.recorded_time >= ${STORED_KNOWN} and event.recorded_time < ${KNOWN}`;
  const ofCustomer = (table: string, where = 'true'): string => `
      select event.event_time, event.idempotency_key, event.meter_code = query.meter_code and event.event_time < stored.at_time as asked_for from ${table} as event
      where event.organization_id = $1 and event.customer_reference = query.customer_reference and ${since} and ${where}`;
  const counts = (known: string): string => `(event.recorded_time < ${known} and ${notVoided(known, correctedOfOne)} and ${onTimeBefore(shape, known, correctedOfOne)})::integer`;
  return `
    select case when changed.asked_for then (
        select event.value * (${counts(KNOWN)} - ${counts(STORED_KNOWN)})
        from usage_event as event where ${PLACE} and event.event_time = changed.event_time and event.idempotency_key = changed.idempotency_key and ${PASSES}) end as change
    from (${ofCustomer('usage_event', 'event.recorded_time - event.event_time > 3600000000')}
      union select event.event_time, event.idempotency_key, true from usage_event as event
      where ${PLACE} and ${since} and event.event_time >= ${STORED_KNOWN} - 3600000000 and event.event_time < stored.at_time
      union ${ofCustomer('usage_void')}${shape.lateness === 'HOLD' ? `
      union ${ofCustomer('usage_release')}` : ''}
      offset 0) as changed`;
}

/** The values of the properties by which is grouped, in the order of their names; null where an event has none. */
function groupColumn({ groupBy }: QueryShape): string {
  if (groupBy.length === 0) return '';
  return `, array[${groupBy.map((_, index) => `event.properties ->> $${QUERY_PARAMETERS + 1 + index}::text`).join(', ')}] as group_values`;
}

/**
 * With the events that are carried forward, each once. Each pair of an event interval and a recorded interval is two small reads, as in late-usage-store.ts: what was recorded
 * more than an hour after it happened has an index by recorded time, and what was not happened at most an hour before the recorded interval starts.
 * The trap: a planner that doesn't know how many pairs there are would rather read the whole table once. `offset 0` has each read planned alone; and the first doesn't see the
 * event interval, which is mostly all time before the cycle, so that no other index is worth a thought.
 */
function withCarried(own: string, columns: string): string {
  const inInterval = 'event.event_time >= query.carried[first] and event.event_time < query.carried[first + 1]';
  const carried = (where: string): string => `
    select event.*
    from generate_series(1, cardinality(query.carried), 4) as first
    cross join lateral (
      select ${columns}
      from usage_event as event
      where ${PLACE} and event.recorded_time >= query.carried[first + 2] and event.recorded_time < query.carried[first + 3] and ${where}
        and event.recorded_time < ${KNOWN} and ${PASSES} and ${notVoided(KNOWN)} offset 0) as event
    where ${inInterval}`;
  return `select distinct on (event_time, idempotency_key) * from (${own}
    union all ${carried('event.recorded_time - event.event_time > 3600000000')}
    union all ${carried(`event.recorded_time - event.event_time <= 3600000000 and event.event_time >= query.carried[first + 2] - 3600000000 and ${inInterval}`)}) as event`;
}
