/** Late usage in SQL. */
import type { Sql } from '@valora/chassis';
import { instant, type Instant } from '@valora/rating';
import type { LateUsageQuery } from './late-usage-query.ts';
import { ALL_TIME } from './usage-archive.ts';

const HOUR = 3_600_000_000n;

/** The earliest times of late facts; they may be of two events. The recorded time is that of the event, its void or its release, whichever was late. */
export interface EarliestLate {
  readonly eventTime: Instant;
  readonly recordedTime: Instant;
}

/**
 * By position of the query, the earliest of its late events; absent where there is none. An event is late that was recorded, voided or released within the recorded interval.
 *
 * Voids and releases have an index by recorded time. For the events themselves there are two small reads instead of one of all the usage of the event interval. An event's lag is its recorded time minus its event time.
 *   Lag above one hour: those events are in the partial index usage_event_late, by recorded time, so the recorded interval is read there.
 *   Lag of at most one hour: event time ≥ recorded time − 1 h ≥ recorded start − 1 h. As the recorded interval starts at or after the end of the event interval, such an
 *   event lies in the event interval's last hour, and that is a range of the primary key (empty where the grace is longer than an hour).
 * The second read doesn't ask for the lag: an event it finds is late, whichever read it belongs to. The first must ask, because the partial index answers no other question.
 * What the queries say of time together stands in parameters of its own, `$10` to `$12`: by them the planner leaves out the partitions of other times.
 * Of a meter whose level lasts (`levelMeters`), what happened before the event interval counts too, since it moves the level in it.
 * Which subscription is meant stands with the event, so a correction of an event that is not there counts for all of the customer's: a look too many, never one too few.
 */
export async function findEarliestLate(
  sql: Sql, organizationId: string, { queries, levelMeters }: { readonly queries: readonly LateUsageQuery[]; readonly levelMeters: readonly string[] },
): Promise<Map<number, EarliestLate>> {
  const lasting = queries.some(({ meterCodes }) => meterCodes.some((code) => levelMeters.includes(code)));
  const eventStart = lasting ? ALL_TIME.start : earliest(queries.map(({ eventInterval }) => eventInterval.start));
  const recentStart = earliest(queries.map(({ recordedInterval }) => recordedInterval.start)) - HOUR;
  const rows = await sql.query<{ position: number; event_time: bigint; recorded_time: bigint }>(
    `select (query.position - 1)::integer as position, least(lagging.event_time, recent.event_time, corrected.event_time) as event_time,
       least(lagging.recorded_time, recent.recorded_time, corrected.recorded_time) as recorded_time
     from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
       with ordinality as query (customer_reference, subscription_reference, meter_codes, event_start, event_end, recorded_start, recorded_end, position)
     cross join lateral (
       select min(event.event_time) as event_time, min(event.recorded_time) as recorded_time
       from usage_event as event
       where event.organization_id = $1 and event.customer_reference = query.customer_reference
         and event.recorded_time >= query.recorded_start and event.recorded_time < query.recorded_end
         and event.recorded_time - event.event_time > 3600000000
         and ${inInterval('event')} and event.event_time < query.event_end and event.event_time >= $10::bigint and event.event_time < $11::bigint
         and event.meter_code = any(string_to_array(query.meter_codes, ','))
         and (event.subscription_reference is null or event.subscription_reference = query.subscription_reference)
     ) as lagging
     cross join lateral (
       select min(event.event_time) as event_time, min(event.recorded_time) as recorded_time
       from unnest(string_to_array(query.meter_codes, ',')) as code
       join usage_event as event on event.organization_id = $1 and event.meter_code = code and event.customer_reference = query.customer_reference
         and event.event_time >= query.recorded_start - 3600000000 and event.event_time < query.event_end and ${inInterval('event')}
         and event.event_time >= $12::bigint and event.event_time < $11::bigint
       where event.recorded_time >= query.recorded_start and event.recorded_time < query.recorded_end
         and (event.subscription_reference is null or event.subscription_reference = query.subscription_reference)
     ) as recent
     cross join lateral (
       select min(correction.event_time) as event_time, min(correction.recorded_time) as recorded_time
       from (${correctionsOf('usage_void')} union all ${correctionsOf('usage_release')}) as correction
       left join usage_event as event on event.organization_id = $1 and event.meter_code = correction.meter_code and event.customer_reference = query.customer_reference
         and event.event_time = correction.event_time and event.idempotency_key = correction.idempotency_key
         and event.event_time >= $10::bigint and event.event_time < $11::bigint
       where event.subscription_reference is null or event.subscription_reference = query.subscription_reference
     ) as corrected
     where least(lagging.event_time, recent.event_time, corrected.event_time) is not null`,
    [
      organizationId,
      queries.map(({ customerReference }) => customerReference),
      queries.map(({ subscriptionReference }) => subscriptionReference),
      queries.map(({ meterCodes }) => meterCodes.join(',')), // codes hold no comma, and unnest can't carry lists of unequal length
      queries.map(({ eventInterval }) => eventInterval.start),
      queries.map(({ eventInterval }) => eventInterval.end),
      queries.map(({ recordedInterval }) => recordedInterval.start),
      queries.map(({ recordedInterval }) => recordedInterval.end),
      levelMeters, eventStart,
      queries.reduce((latest, { eventInterval: { end } }) => (end > latest ? end : latest), ALL_TIME.start),
      recentStart > eventStart ? recentStart : eventStart,
    ]);
  return new Map(rows.map((row) => [row.position, { eventTime: instant(row.event_time), recordedTime: instant(row.recorded_time) }]));
}

function earliest(times: readonly bigint[]): bigint {
  return times.reduce((first, time) => (time < first ? time : first), ALL_TIME.end);
}

/** What happened before the interval makes a difference in it where it lasts. */
function inInterval(table: 'event' | 'correction'): string {
  return `(${table}.event_time >= query.event_start or ${table}.meter_code = any($9::text[]))`;
}

/** Those of a query. */
function correctionsOf(table: 'usage_void' | 'usage_release'): string {
  return `select correction.meter_code, correction.event_time, correction.idempotency_key, correction.recorded_time
         from ${table} as correction
         where correction.organization_id = $1 and correction.customer_reference = query.customer_reference
           and correction.recorded_time >= query.recorded_start and correction.recorded_time < query.recorded_end
           and ${inInterval('correction')} and correction.event_time < query.event_end
           and correction.meter_code = any(string_to_array(query.meter_codes, ','))`;
}
