// The SQL of settlements: canceled subscriptions all of whose cycles are open, and when to look at them next.
import type { Sql } from '@valora/chassis';
import { instant, type Instant, type Interval } from '@valora/rating';

/** A subscription whose cancel is final and whose cycles are all opened. */
export interface EndedSubscription {
  readonly reference: string;
  readonly customerReference: string;
  /** In byte order. */
  readonly meterCodes: readonly string[];
  readonly service: Interval;
  readonly cancelDoneTime: Instant;
  readonly nextIndex: number;
  readonly last: { readonly cutoff: Instant; readonly tzdataVersion: string };
}

interface EndedRow {
  readonly reference: string;
  readonly customer_reference: string;
  readonly meter_codes: string;
  readonly start_time: bigint;
  readonly cancel_time: bigint;
  readonly cancel_done_time: bigint;
  readonly next_cycle_index: number;
  readonly cutoff_time: bigint;
  readonly tzdata_version: string;
}

/** Those whose turn it is, the longest waiting first; or with `after`, by reference, all after that one. */
export async function findEndedSubscriptions(sql: Sql, { now, after, limit }: { now: Instant; after: string | null; limit: number }): Promise<readonly EndedSubscription[]> {
  const which = after === null
    ? { condition: `schedule.settlement_check_time <= $1::bigint and $3::text is null`, order: 'schedule.settlement_check_time, schedule.subscription_reference' }
    : { condition: `schedule.settlement_check_time is not null and schedule.subscription_reference > $3::text`, order: 'schedule.subscription_reference' };
  const rows = await sql.query<EndedRow>(
    `select subscription.reference, subscription.customer_reference, meters.codes as meter_codes, subscription.start_time, schedule.cancel_time, schedule.cancel_done_time,
       schedule.next_cycle_index, last.cutoff_time, last.tzdata_version
     from subscription_schedule schedule
     join subscription on subscription.organization_id = schedule.organization_id and subscription.reference = schedule.subscription_reference
     cross join lateral (
       select string_agg(distinct item.meter_code collate "C", ',' order by item.meter_code collate "C") as codes from subscription_item item
       where item.organization_id = schedule.organization_id and item.subscription_reference = schedule.subscription_reference and item.meter_code is not null) meters
     cross join lateral (
       select cutoff_time, tzdata_version from billing_cycle cycle where cycle.organization_id = schedule.organization_id
         and cycle.subscription_reference = schedule.subscription_reference and cycle.cycle_index = schedule.next_cycle_index - 1
       limit 1) last
     where schedule.organization_id = current_organization() and schedule.cancel_done_time <= least($1::bigint, schedule.next_open_time) and ${which.condition}
     order by ${which.order}
     limit $2::bigint`,
    [now, BigInt(limit), after]);
  return rows.map(endedFromRow);
}

function endedFromRow(row: EndedRow): EndedSubscription {
  return {
    reference: row.reference,
    customerReference: row.customer_reference,
    meterCodes: row.meter_codes.split(','), // codes hold no comma
    service: { start: instant(row.start_time), end: instant(row.cancel_time) },
    cancelDoneTime: instant(row.cancel_done_time),
    nextIndex: row.next_cycle_index,
    last: { cutoff: instant(row.cutoff_time), tzdataVersion: row.tzdata_version },
  };
}

/** Says when to look next at subscriptions with which nothing has happened since they were read. */
export async function postponeChecks(sql: Sql, postponed: readonly { readonly reference: string; readonly nextIndex: number; readonly checkTime: Instant }[]): Promise<void> {
  await sql.query(
    `with held as materialized (
       select schedule.subscription_reference, postponed.check_time from subscription_schedule schedule
       join unnest($1::text[], $2::int[], $3::bigint[]) as postponed (reference, next_index, check_time)
         on postponed.reference = schedule.subscription_reference and postponed.next_index = schedule.next_cycle_index
       where schedule.organization_id = current_organization() and schedule.settlement_check_time is not null
       order by schedule.subscription_reference for update of schedule)
     update subscription_schedule schedule set settlement_check_time = held.check_time
     from held where schedule.organization_id = current_organization() and schedule.subscription_reference = held.subscription_reference`,
    [postponed.map(({ reference }) => reference), postponed.map(({ nextIndex }) => nextIndex), postponed.map(({ checkTime }) => checkTime)]);
}
