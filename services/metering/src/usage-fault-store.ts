/**
 * Finding usage faults in SQL: contents are digested where they lie, so that checking a million events moves none of them.
 *
 * The text that is digested is that of `usageEventContent` in the rating core, written once more in SQL; a test holds the two together. Only a superuser can have made a
 * fault, so nothing here trusts that a column holds what the service would have written: no value may make the statement fail.
 */
import type { Sql } from '@valora/chassis';
import { ALL_TIME } from './usage-archive.ts';
import type { StoredUsage } from './usage-fault.ts';
import type { UsageQuery } from './usage-query.ts';

/**
 * RFC 8785 sorts names by UTF-16 code units, PostgreSQL by code points. They differ from U+E000 on, where UTF-16 puts characters beyond the basic plane first: with a
 * character of their own before them, U+E000 and U+E001, both kinds come to lie as UTF-16 has them.
 */
const NAME_ORDER = String.raw`case when octet_length(name) = length(name) then name else
  regexp_replace(regexp_replace(name, '([\uE000-\uFFFF])', E'\uE001\\1', 'g'), '([\U00010000-\U0010FFFF])', E'\uE000\\1', 'g') end collate "C"`;

const PROPERTIES = `case when event.properties = '{}' then '{}' when jsonb_typeof(event.properties) <> 'object' then event.properties::text else
  (select '{' || string_agg(to_json(name)::text || ':' || member::text, ',' order by ${NAME_ORDER}) || '}' from jsonb_each(event.properties) as property (name, member)) end`;

/** The text of an event's content. */
export const CONTENT = `'{"customer":' || to_json(event.customer_reference)::text || ',"event_time_micros":"' || event.event_time || '","meter":' || to_json(event.meter_code)::text
  || ',"properties":' || ${PROPERTIES} || ',"subscription":' || coalesce(to_json(event.subscription_reference)::text, 'null')
  || ',"value":' || coalesce('"' || trim_scale(event.value) || '"', 'null') || '}'`;

/** Each part of time once, known as late as any query asks. Parameters: `partValues`, of which `$7` and `$8` are the time in which all parts lie: by them the planner leaves out partitions. */
export const PARTS = `with part as materialized (
  select query.meter_code, query.customer_reference, query.start_time, query.end_time, max(query.known_before_time) as known_before_time
  from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) as query (meter_code, customer_reference, start_time, end_time, known_before_time)
  where start_time >= $7::bigint and end_time <= $8::bigint
  group by 1, 2, 3, 4)`;

const FAULTY = `select event.idempotency_key, encode(event.content_digest, 'hex') as event_digest, encode(content.digest, 'hex') as derived_digest,
       event.meter_code as event_meter, event.customer_reference as event_customer, event.event_time,
       encode(key.content_digest, 'hex') as key_digest, key.meter_code as key_meter, key.customer_reference as key_customer, key.event_time as key_event_time
     from`;

/** Where the columns, the digest and the key of an event don't agree. */
const UNLIKE_RECORDED = `cross join lateral (select sha256(convert_to(${CONTENT}, 'UTF8')) as digest offset 0) as content
     left join usage_key as key on key.organization_id = $1 and key.idempotency_key = event.idempotency_key
     where (event.content_digest = content.digest and key.content_digest = event.content_digest
       and key.meter_code = event.meter_code and key.customer_reference = event.customer_reference and key.event_time = event.event_time) is not true
     order by event.idempotency_key limit 1`;

interface FaultRow {
  readonly idempotency_key: string;
  readonly event_digest: string | null;
  readonly derived_digest: string | null;
  readonly event_meter: string | null;
  readonly event_customer: string | null;
  readonly event_time: bigint | null;
  readonly key_digest: string | null;
  readonly key_meter: string | null;
  readonly key_customer: string | null;
  readonly key_event_time: bigint | null;
}

/** What of a query says where it looks. */
interface AskedPart extends Pick<UsageQuery, 'meterCode' | 'customerReference'> {
  readonly interval: typeof ALL_TIME;
  readonly knownBefore: bigint;
}

/** The parameters of PARTS. */
export function partValues(organizationId: string, queries: readonly AskedPart[]): readonly unknown[] {
  return [
    organizationId,
    queries.map(({ meterCode }) => meterCode),
    queries.map(({ customerReference }) => customerReference),
    queries.map(({ interval }) => interval.start),
    queries.map(({ interval }) => interval.end),
    queries.map(({ knownBefore }) => knownBefore),
    queries.reduce((earliest, { interval: { start } }) => (start < earliest ? start : earliest), ALL_TIME.end),
    queries.reduce((latest, { interval: { end } }) => (end > latest ? end : latest), ALL_TIME.start),
  ];
}

/** The first, in byte order of the keys, that is wrong; null if none is. */
export async function findFirstFault(sql: Sql, organizationId: string, queries: readonly UsageQuery[]): Promise<StoredUsage | null> {
  const values = partValues(organizationId, queries);
  const before = await timesBefore(sql, organizationId, queries);
  const found = [
    ...(await faultyEvents(sql, values)),
    ...(before.length === 0 ? [] : await faultyEvents(sql, partValues(organizationId, before))),
    ...(await faultyCarried(sql, organizationId, queries)),
    ...(await keysWithoutEvent(sql, values)),
  ].map(storedFromRow);
  return found.toSorted((one, other) => (one.idempotencyKey < other.idempotencyKey ? -1 : 1))[0] ?? null;
}

/** Of meters whose level lasts, all time up to the last part, since what happened before a part counts in it too. */
async function timesBefore(sql: Sql, organizationId: string, queries: readonly UsageQuery[]): Promise<readonly AskedPart[]> {
  const rows = await sql.query<{ code: string }>(
    "select code from meter where organization_id = $1 and aggregation = 'WEIGHTED_SUM' and code = any($2::text[])", [organizationId, queries.map(({ meterCode }) => meterCode)]);
  const levelMeters = new Set(rows.map(({ code }) => code));
  const parts = new Map<string, AskedPart>();
  for (const { meterCode, customerReference, interval: { end }, knownBefore } of queries) {
    if (!levelMeters.has(meterCode)) continue;
    const key = JSON.stringify([meterCode, customerReference]);
    const known = parts.get(key);
    const interval = { start: ALL_TIME.start, end: known !== undefined && known.interval.end > end ? known.interval.end : end };
    parts.set(key, { meterCode, customerReference, interval, knownBefore: known !== undefined && known.knownBefore > knownBefore ? known.knownBefore : knownBefore });
  }
  return [...parts.values()];
}

/** What is carried forward, read as in counted-events.ts, which says why so. */
async function faultyCarried(sql: Sql, organizationId: string, queries: readonly UsageQuery[]): Promise<readonly FaultRow[]> {
  const carried = queries.flatMap(({ meterCode, customerReference, knownBefore, lateness }) => (lateness.kind !== 'CARRY_FORWARD' ? [] : lateness.carried.map(({ eventInterval, recordedInterval: { start, end } }) => (
    { meterCode, customerReference, eventInterval, recordedStart: start, recordedEnd: end < knownBefore ? end : knownBefore }))));
  if (carried.length === 0) return [];
  const inRange = `event.organization_id = $1 and event.meter_code = carried.meter_code and event.customer_reference = carried.customer_reference
         and event.recorded_time >= carried.recorded_start and event.recorded_time < carried.recorded_end`;
  const inInterval = 'event.event_time >= carried.event_start and event.event_time < carried.event_end';
  return await sql.query<FaultRow>(
    `with carried as materialized (
       select distinct * from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
         as carried (meter_code, customer_reference, event_start, event_end, recorded_start, recorded_end)
     )
     ${FAULTY} (
       select event.* from carried
       cross join lateral (select * from usage_event as event where ${inRange} and event.recorded_time - event.event_time > 3600000000 offset 0) as event
       where ${inInterval}
       union all
       select event.* from carried
       cross join lateral (
         select * from usage_event as event
         where ${inRange} and event.recorded_time - event.event_time <= 3600000000 and event.event_time >= carried.recorded_start - 3600000000 and ${inInterval} offset 0) as event
     ) as event ${UNLIKE_RECORDED}`,
    [
      organizationId,
      carried.map(({ meterCode }) => meterCode),
      carried.map(({ customerReference }) => customerReference),
      carried.map(({ eventInterval }) => eventInterval.start),
      carried.map(({ eventInterval }) => eventInterval.end),
      carried.map(({ recordedStart }) => recordedStart),
      carried.map(({ recordedEnd }) => recordedEnd),
    ]);
}

async function faultyEvents(sql: Sql, values: readonly unknown[]): Promise<readonly FaultRow[]> {
  return await sql.query<FaultRow>(
    `${PARTS}
     ${FAULTY} part
     join usage_event as event on event.organization_id = $1 and event.meter_code = part.meter_code and event.customer_reference = part.customer_reference
       and event.event_time >= part.start_time and event.event_time < part.end_time and event.recorded_time < part.known_before_time
       and event.event_time >= $7::bigint and event.event_time < $8::bigint
     ${UNLIKE_RECORDED}`, values);
}

/** Materialized before the first is taken: a plan that hopes to meet it early in the order of the keys would read every key of the organization. */
async function keysWithoutEvent(sql: Sql, values: readonly unknown[]): Promise<readonly FaultRow[]> {
  return await sql.query<FaultRow>(
    `${PARTS}, lonely as materialized (
       select key.idempotency_key, null::text as event_digest, null::text as derived_digest, null::text as event_meter, null::text as event_customer, null::bigint as event_time,
         encode(key.content_digest, 'hex') as key_digest, key.meter_code as key_meter, key.customer_reference as key_customer, key.event_time as key_event_time
       from part
       join usage_key as key on key.organization_id = $1 and key.meter_code = part.meter_code and key.customer_reference = part.customer_reference
         and key.event_time >= part.start_time and key.event_time < part.end_time
       where not exists (
         select from usage_event as event
         where event.organization_id = $1 and event.meter_code = key.meter_code and event.customer_reference = key.customer_reference
           and event.event_time = key.event_time and event.idempotency_key = key.idempotency_key and event.event_time >= $7::bigint and event.event_time < $8::bigint))
     select * from lonely order by idempotency_key limit 1`, values);
}

function storedFromRow(row: FaultRow): StoredUsage {
  return {
    idempotencyKey: row.idempotency_key,
    event: row.event_digest === null || row.derived_digest === null || row.event_meter === null || row.event_customer === null || row.event_time === null ? null : {
      contentDigest: row.event_digest, derivedDigest: row.derived_digest, meterCode: row.event_meter, customerReference: row.event_customer, eventTime: row.event_time,
    },
    key: row.key_digest === null || row.key_meter === null || row.key_customer === null || row.key_event_time === null ? null : {
      contentDigest: row.key_digest, meterCode: row.key_meter, customerReference: row.key_customer, eventTime: row.key_event_time,
    },
  };
}
