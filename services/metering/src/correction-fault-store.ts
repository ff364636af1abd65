/**
 * Finding misplaced voids and releases in SQL. Both carry the place of their event, by which they are found when usage is computed; a row that was moved would no longer be.
 *
 * One that was moved into a part of time lies there without a key of that place, and one that was moved out of it belongs to an event that lies there.
 */
import type { Sql } from '@valora/chassis';
import type { CorrectionTable, StoredCorrection } from './usage-fault.ts';
import { PARTS, partValues } from './usage-fault-store.ts';
import type { UsageQuery } from './usage-query.ts';

interface MisplacedRow {
  readonly idempotency_key: string;
  readonly meter_code: string;
  readonly customer_reference: string;
  readonly event_time: bigint;
  readonly key_meter: string | null;
  readonly key_customer: string | null;
  readonly key_event_time: bigint | null;
}

/** The first in byte order of the keys; null if all lie where they should. */
export async function findMisplacedCorrection(sql: Sql, organizationId: string, queries: readonly UsageQuery[]): Promise<StoredCorrection | null> {
  const values = partValues(organizationId, queries);
  const found = [...(await misplaced(sql, 'usage_void', values)), ...(await misplaced(sql, 'usage_release', values))];
  return found.toSorted((one, other) => (one.idempotencyKey < other.idempotencyKey ? -1 : 1))[0] ?? null;
}

async function misplaced(sql: Sql, table: CorrectionTable, values: readonly unknown[]): Promise<readonly StoredCorrection[]> {
  const rows = await sql.query<MisplacedRow>(
    `${PARTS}, suspect as materialized (
       select correction.idempotency_key
       from part
       join ${table} as correction on correction.organization_id = $1 and correction.meter_code = part.meter_code and correction.customer_reference = part.customer_reference
         and correction.event_time >= part.start_time and correction.event_time < part.end_time and correction.recorded_time < part.known_before_time
       union
       select correction.idempotency_key
       from part
       join usage_event as event on event.organization_id = $1 and event.meter_code = part.meter_code and event.customer_reference = part.customer_reference
         and event.event_time >= part.start_time and event.event_time < part.end_time and event.event_time >= $7::bigint and event.event_time < $8::bigint
       join ${table} as correction on correction.organization_id = $1 and correction.idempotency_key = event.idempotency_key and correction.recorded_time < part.known_before_time
     )
     select correction.idempotency_key, correction.meter_code, correction.customer_reference, correction.event_time,
       key.meter_code as key_meter, key.customer_reference as key_customer, key.event_time as key_event_time
     from suspect
     join ${table} as correction on correction.organization_id = $1 and correction.idempotency_key = suspect.idempotency_key
     left join usage_key as key on key.organization_id = $1 and key.idempotency_key = suspect.idempotency_key
     where (key.meter_code = correction.meter_code and key.customer_reference = correction.customer_reference and key.event_time = correction.event_time) is not true
     order by suspect.idempotency_key limit 1`, values);
  return rows.map((row) => ({
    table, idempotencyKey: row.idempotency_key, meterCode: row.meter_code, customerReference: row.customer_reference, eventTime: row.event_time,
    key: row.key_meter === null || row.key_customer === null || row.key_event_time === null ? null : {
      meterCode: row.key_meter, customerReference: row.key_customer, eventTime: row.key_event_time,
    },
  }));
}
