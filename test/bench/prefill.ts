// Rows that are there before a bench begins, for what changes as tables grow: made by SQL in both sides' tables alike, with keys in time order, ending now. Their digests
// are those of nothing, so they can be stored beside and conflict with nothing, but not be verified.
import type pg from 'pg';
import type { Progress } from './rounds.ts';
import { BARE_ORGANIZATION, BARE_SCHEMA } from './usage-floor.ts';
import { METER } from './usage-load.ts';

const ROWS_PER_STATEMENT = 200_000;
/** Twenty million rows fill two months, and so three partitions. */
const MICROS_PER_ROW = 259_200;

/** From so many rows to so many. */
export async function prefill(
  owner: pg.Client, { organizationId, from, to: rows, progress }: { readonly organizationId: string; readonly from: number; readonly to: number; readonly progress: Progress },
): Promise<void> {
  if (rows <= from) return;
  for (const [schema, organization] of [['metering', organizationId], [BARE_SCHEMA, BARE_ORGANIZATION]] as const) {
    for (let first = from; first < rows; first += ROWS_PER_STATEMENT) {
      await owner.query(
        `with event as materialized (
           select (extract(epoch from now()) * 1000000)::bigint - ($2::bigint - i) * ${MICROS_PER_ROW} as event_time, lpad(to_hex(i), 12, '0') as counter, 'customer-' || i % 1000 as customer
           from generate_series($3::bigint, $4::bigint - 1) as i
         ), keyed as materialized (
           select event_time, customer, substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-0000-0000-' || counter as key from (select *, lpad(to_hex(event_time / 1000), 12, '0') as hex from event) as event
         ), keys as (
           insert into ${schema}.usage_key (organization_id, idempotency_key, content_digest, meter_code, customer_reference, event_time)
           select $1, key, sha256(key::bytea), '${METER}', customer, event_time from keyed
         )
         insert into ${schema}.usage_event (organization_id, meter_code, customer_reference, event_time, idempotency_key, subscription_reference, value, properties, content_digest, recorded_time)
         select $1, '${METER}', customer, event_time, key, null, 1, '{"region": "eu-central-1"}', sha256(key::bytea), event_time from keyed`,
        [organization, rows, first, Math.min(first + ROWS_PER_STATEMENT, rows)]);
      progress(`${Math.min(first + ROWS_PER_STATEMENT, rows)} of ${rows} rows in ${schema}`);
    }
    await owner.query(`vacuum analyze ${schema}.usage_key, ${schema}.usage_event`);
  }
  await owner.query('checkpoint');
}
