/** Aggregation of usage events in SQL. */
import { commonErrors, type Sql } from '@valora/chassis';
import type { AggregatedUsage } from '@valora/rating';
import type { UsageQuery } from './usage-query.ts';

/** A count or a sum has exact decimal text. */
export interface CountedUsage extends Pick<AggregatedUsage, 'eventCount' | 'usageSetDigest'> {
  readonly quantity: string;
}

interface AggregateRow {
  /** From 1. */
  readonly position: number;
  readonly event_count: bigint;
  readonly quantity: string;
  readonly usage_set_digest: string;
}

/** One answer for each query, in their order. Errors: NOT_FOUND for a meter whose row is gone though it was read once, which only a superuser can have done. */
export async function aggregateInSql(sql: Sql, organizationId: string, queries: readonly UsageQuery[]): Promise<CountedUsage[]> {
  const rows = await sql.query<AggregateRow>(
    `select query.position::integer as position, usage.event_count, usage.quantity, usage.usage_set_digest
     from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
       with ordinality as query (meter_code, customer_reference, subscription_reference, start_time, end_time, known_before_time, position)
     join meter on meter.organization_id = $1 and meter.code = query.meter_code
     cross join lateral (
       select count(*) as event_count,
         case meter.aggregation when 'COUNT' then count(*)::text when 'SUM' then coalesce(trim_scale(sum(event.value))::text, '0') end as quantity,
         encode(sha256(coalesce(
           string_agg(convert_to(event.idempotency_key, 'UTF8') || '\\x00'::bytea || event.content_digest, ''::bytea order by event.idempotency_key), ''
         )), 'hex') as usage_set_digest
       from usage_event as event
       where event.organization_id = $1 and event.meter_code = query.meter_code and event.customer_reference = query.customer_reference
         and event.event_time >= query.start_time and event.event_time < query.end_time
         and event.recorded_time < query.known_before_time
         and (event.subscription_reference is null or event.subscription_reference = query.subscription_reference)
         and (meter.filters = '[]' or not exists (
           select from jsonb_array_elements(meter.filters) as filter
           where (filter -> 'values' ? (event.properties ->> (filter ->> 'property'))) is not true))
     ) as usage
     order by query.position`,
    [
      organizationId,
      queries.map(({ meterCode }) => meterCode),
      queries.map(({ customerReference }) => customerReference),
      queries.map(({ subscriptionReference }) => subscriptionReference),
      queries.map(({ interval }) => interval.start),
      queries.map(({ interval }) => interval.end),
      queries.map(({ knownBefore }) => knownBefore),
    ]);
  const answered = new Set(rows.map(({ position }) => position));
  const unanswered = queries.find((_, index) => !answered.has(index + 1));
  if (unanswered !== undefined) throw commonErrors.NOT_FOUND({ resource: 'meter', name: unanswered.meterCode });
  return rows.map((row) => ({ eventCount: row.event_count, quantity: row.quantity, usageSetDigest: row.usage_set_digest }));
}
