// The SQL of opening cycles: which subscriptions are due, and storing what was opened.
import { appendAuditRecords, takeRecordedTime, touchDueWork, type AuditedChange, type CallContext, type NextDue, type Sql } from '@valora/chassis';
import { BillingCycleServiceService } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { formatInstant, instant, type Instant, type PeriodInterval } from '@valora/rating';
import type { BillingCycle } from './billing-cycle.ts';
import { CLOSE_CYCLES } from './due-work-kind.ts';
import type { OpeningSubscription } from './opening.ts';

interface OpeningRow {
  readonly reference: string;
  readonly anchor_time: bigint;
  readonly interval: string;
  readonly interval_count: number;
  readonly time_zone: string;
  readonly start_time: bigint;
  readonly recorded_time: bigint;
  readonly next_cycle_index: number;
  readonly previous_end_time: bigint | null;
  readonly previous_cutoff_time: bigint | null;
}

/**
 * Subscriptions whose next cycle's start the clock has reached, the longest waiting first. Under row-level security the last
 * cycle is found by its whole key only inside a lateral query: in a plain join the subtraction may not come before the policy.
 */
export async function findDueSubscriptions(sql: Sql, { now, limit }: { now: Instant; limit: number }): Promise<readonly OpeningSubscription[]> {
  const rows = await sql.query<OpeningRow>(
    `select subscription.reference, subscription.anchor_time, subscription.interval, subscription.interval_count, subscription.time_zone,
       subscription.start_time, subscription.recorded_time, schedule.next_cycle_index,
       previous.end_time as previous_end_time, previous.cutoff_time as previous_cutoff_time
     from subscription_schedule schedule
     join subscription on subscription.organization_id = schedule.organization_id and subscription.reference = schedule.subscription_reference
     left join lateral (
       select end_time, cutoff_time from billing_cycle cycle where cycle.organization_id = schedule.organization_id
         and cycle.subscription_reference = schedule.subscription_reference and cycle.cycle_index = schedule.next_cycle_index - 1
       limit 1) previous on true
     where schedule.organization_id = current_organization() and schedule.next_open_time <= $1::bigint
     order by schedule.next_open_time, schedule.subscription_reference
     limit $2::bigint`,
    [now, BigInt(limit)]);
  return rows.map(openingSubscriptionFromRow);
}

function openingSubscriptionFromRow(row: OpeningRow): OpeningSubscription {
  const { previous_end_time: end, previous_cutoff_time: cutoff } = row;
  return {
    reference: row.reference,
    cadence: { anchor: instant(row.anchor_time), interval: row.interval as PeriodInterval, count: row.interval_count, zone: row.time_zone },
    startTime: instant(row.start_time),
    recordedTime: instant(row.recorded_time),
    nextIndex: row.next_cycle_index,
    previous: end === null || cutoff === null ? null : { end: instant(end), cutoff: instant(cutoff) },
  };
}

/**
 * Stores opened cycles, one run of consecutive ones for each subscription, and moves the schedules on. A subscription that
 * another opener was quicker with is left as that one left it: its schedule no longer names the first cycle given here.
 * Answers how many were stored.
 */
export async function storeOpenedCycles(sql: Sql, context: Pick<CallContext, 'caller'>, opened: readonly (readonly BillingCycle[])[]): Promise<number> {
  const recordedTime = await takeRecordedTime(sql); // no fact is stored here, but due work and audit follow the fence's clock
  const firsts = opened.flatMap((cycles) => cycles[0] ?? []);
  const held = await sql.query<{ reference: string }>(
    `select subscription_reference as reference from subscription_schedule
     where organization_id = current_organization() and (subscription_reference, next_cycle_index) in (select * from unnest($1::text[], $2::int[]))
     order by subscription_reference for update`,
    [firsts.map(({ subscriptionReference }) => subscriptionReference), firsts.map(({ index }) => index)]);
  const ours = new Set(held.map(({ reference }) => reference));
  const stored = opened.filter(([first]) => first !== undefined && ours.has(first.subscriptionReference));
  const cycles = stored.flat();
  const [earliest] = cycles.map(({ cutoff }) => cutoff).toSorted((one, other) => (one < other ? -1 : 1));
  if (earliest === undefined) return 0;
  await insertCycles(sql, cycles);
  await moveSchedules(sql, stored.flatMap((run) => run.at(-1) ?? []));
  await touchDueWork(sql, CLOSE_CYCLES, earliest);
  await appendAuditRecords(sql, { context, action: BillingCycleServiceService.openDueCycles.path, recordedTime }, cycles.map(auditedOpening));
  return cycles.length;
}

function auditedOpening({ subscriptionReference, index, start, end, cutoff }: BillingCycle): AuditedChange {
  const change = { state: 'OPEN', start_time: formatInstant(start), end_time: formatInstant(end), cutoff_time: formatInstant(cutoff) };
  return { subject: `billing cycle ${subscriptionReference}/${index}`, change };
}

async function insertCycles(sql: Sql, cycles: readonly BillingCycle[]): Promise<void> {
  await sql.query(
    `insert into billing_cycle (organization_id, subscription_reference, cycle_index, start_time, end_time, cutoff_time, tzdata_version, state)
     select current_organization(), opened.*, 'OPEN' from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[]) opened`,
    [
      cycles.map(({ subscriptionReference }) => subscriptionReference), cycles.map(({ index }) => index), cycles.map(({ start }) => start),
      cycles.map(({ end }) => end), cycles.map(({ cutoff }) => cutoff), cycles.map(({ tzdataVersion }) => tzdataVersion),
    ]);
}

async function moveSchedules(sql: Sql, lastCycles: readonly BillingCycle[]): Promise<void> {
  await sql.query(
    `update subscription_schedule schedule set next_cycle_index = opened.cycle_index + 1, next_open_time = opened.end_time
     from unnest($1::text[], $2::int[], $3::bigint[]) as opened (subscription_reference, cycle_index, end_time)
     where schedule.organization_id = current_organization() and schedule.subscription_reference = opened.subscription_reference`,
    [lastCycles.map(({ subscriptionReference }) => subscriptionReference), lastCycles.map(({ index }) => index), lastCycles.map(({ end }) => end)]);
}

/** When the next cycle of any subscription starts; null where there is no subscription. */
export async function nextOpening(sql: Sql): Promise<NextDue> {
  const [row] = await sql.query<{ micros: bigint | null }>('select min(next_open_time) as micros from subscription_schedule where organization_id = current_organization()');
  return { dueTime: row === undefined || row.micros === null ? null : instant(row.micros), notBefore: null };
}
