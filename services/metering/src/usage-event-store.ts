/** Usage events and their keys in the database. */
import type { Page, Sql } from '@valora/chassis';
import { instant, parseDecimal, type Instant, type Interval } from '@valora/rating';
import { ALL_TIME } from './usage-archive.ts';
import type { Correction } from './usage-correction.ts';
import type { Candidate, RecordedEvent } from './usage-event.ts';

interface UsageEventRow {
  readonly idempotency_key: string;
  readonly meter_code: string;
  readonly customer_reference: string;
  readonly subscription_reference: string | null;
  readonly event_time: bigint;
  readonly value: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly recorded_time: bigint;
  readonly void_reason: string | null;
  readonly void_recorded_time: bigint | null;
  readonly release_reason: string | null;
  readonly release_recorded_time: bigint | null;
}

const COLUMNS = `event.idempotency_key, event.meter_code, event.customer_reference, event.subscription_reference, event.event_time,
  event.value::text as value, event.properties, event.recorded_time,
  void.reason as void_reason, void.recorded_time as void_recorded_time, release.reason as release_reason, release.recorded_time as release_recorded_time`;

const CORRECTIONS = `left join usage_void as void on void.organization_id = event.organization_id and void.idempotency_key = event.idempotency_key
     left join usage_release as release on release.organization_id = event.organization_id and release.idempotency_key = event.idempotency_key`;

/**
 * Takes the keys that are free and stores their events, in one statement; returns the keys taken. Keys are taken in byte order, so that two writers that want the same
 * ones wait for each other and never deadlock. A key that another transaction is taking is waited for, and missing from the answer if that one commits.
 */
export async function insertUsageEvents(
  sql: Sql, organizationId: string, { candidates, recordedTime }: { candidates: Iterable<Candidate>; recordedTime: Instant },
): Promise<Set<string>> {
  // All keys are ASCII, so the order of UTF-16 code units is the order of bytes; unnest and the insert keep it.
  const sorted = [...candidates].sort((one, other) => (one.event.idempotencyKey < other.event.idempotencyKey ? -1 : 1));
  const rows = await sql.query<{ idempotency_key: string }>(
    `with candidate as materialized (
       select * from unnest($3::text[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::numeric[], $10::jsonb[])
         as candidate (idempotency_key, content_digest, meter_code, customer_reference, subscription_reference, event_time, value, properties)
     ), taken as (
       insert into usage_key (organization_id, idempotency_key, content_digest, meter_code, customer_reference, event_time)
       select $1, idempotency_key, content_digest, meter_code, customer_reference, event_time from candidate
       on conflict do nothing
       returning idempotency_key
     ), stored as (
       insert into usage_event
         (organization_id, meter_code, customer_reference, event_time, idempotency_key, subscription_reference, value, properties, content_digest, recorded_time)
       select $1, meter_code, customer_reference, event_time, idempotency_key, subscription_reference, value, properties, content_digest, $2::bigint
       from candidate join taken using (idempotency_key)
     )
     select idempotency_key from taken`,
    [
      organizationId, recordedTime,
      sorted.map(({ event }) => event.idempotencyKey),
      sorted.map(({ contentDigest }) => contentDigest),
      sorted.map(({ event }) => event.meterCode),
      sorted.map(({ event }) => event.customerReference),
      sorted.map(({ event }) => event.subscriptionReference),
      sorted.map(({ event }) => event.eventTime),
      sorted.map(({ event }) => event.value),
      sorted.map(({ event }) => JSON.stringify(event.properties)),
    ]);
  return new Set(rows.map(({ idempotency_key: key }) => key));
}

/** The content digests of those keys that are taken. A statement of its own after the insert: that one can't see a row it had to wait for. */
export async function findContentDigests(sql: Sql, organizationId: string, keys: readonly string[]): Promise<Map<string, Uint8Array>> {
  const rows = await sql.query<{ idempotency_key: string; content_digest: Uint8Array }>(
    'select idempotency_key, content_digest from usage_key where organization_id = $1 and idempotency_key = any($2::text[])', [organizationId, keys]);
  return new Map(rows.map((row) => [row.idempotency_key, row.content_digest]));
}

export async function findUsageEvent(sql: Sql, organizationId: string, idempotencyKey: string): Promise<RecordedEvent | null> {
  const [row] = await sql.query<UsageEventRow>(
    `select ${COLUMNS} from usage_key join usage_event as event using (organization_id, meter_code, customer_reference, event_time, idempotency_key)
     ${CORRECTIONS} where usage_key.organization_id = $1 and usage_key.idempotency_key = $2`, [organizationId, idempotencyKey]);
  return row === undefined ? null : recordedEventFromRow(row);
}

export interface UsageEventRange {
  /** Null for every meter, and then for every customer too. */
  readonly meterCode: string | null;
  /** Null for every customer. */
  readonly customerReference: string | null;
  /** By event time; null for all time. */
  readonly interval: Interval | null;
  readonly page: Page;
}

/** Events by (meter, customer, event time, idempotency key); one more than the page holds, so that the caller sees whether there is another page. */
export async function listRange(sql: Sql, organizationId: string, { meterCode, customerReference, interval, page }: UsageEventRange): Promise<RecordedEvent[]> {
  const { start, end } = interval ?? ALL_TIME;
  const rows = await sql.query<UsageEventRow>(
    `select ${COLUMNS} from usage_event as event ${CORRECTIONS}
     where event.organization_id = $1 and (event.meter_code, event.customer_reference, event.event_time, event.idempotency_key) > ($4, $5, $6::bigint, $7)
       ${meterCode === null ? 'and $2::text is null' : 'and event.meter_code = $2'} ${customerReference === null ? 'and $3::text is null' : 'and event.customer_reference = $3'}
       and event.event_time >= $8::bigint and event.event_time < $9::bigint
     order by event.meter_code, event.customer_reference, event.event_time, event.idempotency_key limit $10::integer`,
    [organizationId, meterCode, customerReference, ...(page.after ?? [meterCode ?? '', customerReference ?? '', start, '']), start, end, page.size + 1]);
  return rows.map(recordedEventFromRow);
}

function recordedEventFromRow(row: UsageEventRow): RecordedEvent {
  const { idempotency_key: idempotencyKey } = row;
  return {
    event: {
      idempotencyKey,
      meterCode: row.meter_code,
      customerReference: row.customer_reference,
      subscriptionReference: row.subscription_reference,
      eventTime: instant(row.event_time),
      value: row.value === null ? null : parseDecimal(row.value),
      properties: row.properties,
    },
    recordedTime: instant(row.recorded_time),
    void: correctionFromColumns(idempotencyKey, row.void_reason, row.void_recorded_time),
    release: correctionFromColumns(idempotencyKey, row.release_reason, row.release_recorded_time),
  };
}

function correctionFromColumns(idempotencyKey: string, reason: string | null, recordedTime: bigint | null): Correction | null {
  return reason === null || recordedTime === null ? null : { idempotencyKey, reason, recordedTime: instant(recordedTime) };
}
