/** Usage events as they are read. How they are written: usage-record-store.ts. */
import type { Page, Sql } from '@valora/chassis';
import { instant, parseDecimal, type Interval } from '@valora/rating';
import { ALL_TIME } from './usage-archive.ts';
import type { Correction } from './usage-correction.ts';
import type { RecordedEvent } from './usage-event.ts';

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

/** Where it lies first: told the time, the planner looks at one partition alone. */
export async function findUsageEvent(sql: Sql, organizationId: string, idempotencyKey: string): Promise<RecordedEvent | null> {
  const [key] = await sql.query<{ meter_code: string; customer_reference: string; event_time: bigint }>(
    'select meter_code, customer_reference, event_time from usage_key where organization_id = $1 and idempotency_key = $2', [organizationId, idempotencyKey]);
  if (key === undefined) return null;
  const [row] = await sql.query<UsageEventRow>(
    `select ${COLUMNS} from usage_event as event ${CORRECTIONS}
     where event.organization_id = $1 and event.meter_code = $2 and event.customer_reference = $3 and event.event_time = $4::bigint and event.idempotency_key = $5`,
    [organizationId, key.meter_code, key.customer_reference, key.event_time, idempotencyKey]);
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
