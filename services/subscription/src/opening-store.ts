// The SQL of opening cycles: which subscriptions are due, and storing what was opened.
import { appendAuditRecords, takeRecordedTime, touchDueWork, type AuditedChange, type CallContext, type NextDue, type Sql } from '@valora/chassis';
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
  readonly cancel_done_time: bigint | null;
}

/** Before every instant: stands for the time of no cancel where two are compared. */
const NEVER = '(-9223372036854775808)::bigint';

/** No cycle starts once a cancel is in effect and known. The index of due schedules holds these alone. */
const STILL_OPENING = '(schedule.cancel_done_time is null or schedule.next_open_time < schedule.cancel_done_time)';

/**
 * Subscriptions whose next cycle's start the clock has reached, the longest waiting first. Under row-level security the last
 * cycle is found by its whole key only inside a lateral query: in a plain join the subtraction may not come before the policy.
 */
export async function findDueSubscriptions(sql: Sql, { now, limit }: { now: Instant; limit: number }): Promise<readonly OpeningSubscription[]> {
  const rows = await sql.query<OpeningRow>(
    `select subscription.reference, subscription.anchor_time, subscription.interval, subscription.interval_count, subscription.time_zone,
       subscription.start_time, subscription.recorded_time, schedule.next_cycle_index, schedule.cancel_done_time,
       previous.end_time as previous_end_time, previous.cutoff_time as previous_cutoff_time
     from subscription_schedule schedule
     join subscription on subscription.organization_id = schedule.organization_id and subscription.reference = schedule.subscription_reference
     left join lateral (
       select end_time, cutoff_time from billing_cycle cycle where cycle.organization_id = schedule.organization_id
         and cycle.subscription_reference = schedule.subscription_reference and cycle.cycle_index = schedule.next_cycle_index - 1
       limit 1) previous on true
     where schedule.organization_id = current_organization() and schedule.next_open_time <= $1::bigint and ${STILL_OPENING}
     order by schedule.next_open_time, schedule.subscription_reference
     limit $2::bigint`,
    [now, BigInt(limit)]);
  return rows.map(openingSubscriptionFromRow);
}

function openingSubscriptionFromRow(row: OpeningRow): OpeningSubscription {
  const { previous_end_time: end, previous_cutoff_time: cutoff, cancel_done_time: cancelDoneTime } = row;
  return {
    reference: row.reference,
    cadence: { anchor: instant(row.anchor_time), interval: row.interval as PeriodInterval, count: row.interval_count, zone: row.time_zone },
    startTime: instant(row.start_time),
    recordedTime: instant(row.recorded_time),
    nextIndex: row.next_cycle_index,
    previous: end === null || cutoff === null ? null : { end: instant(end), cutoff: instant(cutoff) },
    cancelDoneTime: cancelDoneTime === null ? null : instant(cancelDoneTime),
  };
}

/** Consecutive cycles of one subscription, and what they were computed with. */
export interface OpenedCycles {
  readonly cancelDoneTime: Instant | null;
  readonly cycles: readonly BillingCycle[];
}

/**
 * Stores opened cycles and moves the schedules on. A subscription that another opener was quicker with, or that was canceled or
 * uncanceled meanwhile, is left as that one left it: its schedule no longer says what these cycles were computed with. Answers
 * how many were stored.
 */
export async function storeOpenedCycles(
  sql: Sql,
  { context, action }: { context: Pick<CallContext, 'caller'>; action: string },
  opened: readonly OpenedCycles[],
): Promise<number> {
  const recordedTime = await takeRecordedTime(sql); // no fact is stored here, but due work and audit follow the fence's clock
  const firsts = opened.flatMap(({ cancelDoneTime, cycles: [first] }) => (first === undefined ? [] : { ...first, cancelDoneTime }));
  const held = await sql.query<{ reference: string }>(
    `select subscription_reference as reference from subscription_schedule
     where organization_id = current_organization()
       and (subscription_reference, next_cycle_index, coalesce(cancel_done_time, ${NEVER})) in (select reference, index, coalesce(done, ${NEVER}) from unnest($1::text[], $2::int[], $3::bigint[]) as computed (reference, index, done))
     order by subscription_reference for update`,
    [firsts.map(({ subscriptionReference }) => subscriptionReference), firsts.map(({ index }) => index), firsts.map(({ cancelDoneTime }) => cancelDoneTime)]);
  const ours = new Set(held.map(({ reference }) => reference));
  const stored = opened.map(({ cycles }) => cycles).filter(([first]) => first !== undefined && ours.has(first.subscriptionReference));
  const cycles = stored.flat();
  const [earliest] = cycles.map(({ cutoff }) => cutoff).toSorted((one, other) => (one < other ? -1 : 1));
  if (earliest === undefined) return 0;
  await insertCycles(sql, cycles);
  await moveSchedules(sql, stored.flatMap((run) => run.at(-1) ?? []));
  await touchDueWork(sql, CLOSE_CYCLES, earliest);
  await appendAuditRecords(sql, { context, action, recordedTime }, cycles.map(auditedOpening));
  return cycles.length;
}

function auditedOpening({ subscriptionReference, index, start, end, cutoff }: BillingCycle): AuditedChange {
  const change = { state: 'OPEN', start_time: formatInstant(start), end_time: formatInstant(end), cutoff_time: formatInstant(cutoff) };
  return { subject: `billing cycle ${subscriptionReference}/${index}`, change };
}

async function insertCycles(sql: Sql, cycles: readonly BillingCycle[]): Promise<void> {
  await sql.query(
    `insert into billing_cycle (organization_id, subscription_reference, cycle_index, start_time, end_time, cutoff_time, grace_micros, tzdata_version, state)
     select current_organization(), opened.*, 'OPEN' from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[]) opened`,
    [
      cycles.map(({ subscriptionReference }) => subscriptionReference), cycles.map(({ index }) => index), cycles.map(({ start }) => start),
      cycles.map(({ end }) => end), cycles.map(({ cutoff }) => cutoff), cycles.map(({ graceMicros }) => graceMicros), cycles.map(({ tzdataVersion }) => tzdataVersion),
    ]);
}

async function moveSchedules(sql: Sql, lastCycles: readonly BillingCycle[]): Promise<void> {
  await sql.query(
    `update subscription_schedule schedule set next_cycle_index = opened.cycle_index + 1, next_open_time = opened.end_time,
       settlement_check_time = case when schedule.settlement_check_time is not null then opened.cutoff_time end
     from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[]) as opened (subscription_reference, cycle_index, end_time, cutoff_time)
     where schedule.organization_id = current_organization() and schedule.subscription_reference = opened.subscription_reference`,
    [lastCycles.map(({ subscriptionReference }) => subscriptionReference), lastCycles.map(({ index }) => index), lastCycles.map(({ end }) => end),
      lastCycles.map(({ cutoff }) => cutoff)]);
}

/**
 * When the next cycle of any subscription starts, or it is a canceled one's turn to be looked at for its settlement; null where
 * there is neither. A sandbox's turns never come by themselves: whoever moves its clock looks at all of them.
 */
export async function nextOpening(sql: Sql): Promise<NextDue> {
  const [row] = await sql.query<{ micros: bigint | null }>(
    `select least(
       (select min(schedule.next_open_time) from subscription_schedule schedule where schedule.organization_id = current_organization() and ${STILL_OPENING}),
       (select min(schedule.settlement_check_time) from subscription_schedule schedule
        join fence on fence.organization_id = schedule.organization_id and fence.sandbox_time is null
        where schedule.organization_id = current_organization())) as micros`);
  return { dueTime: row === undefined || row.micros === null ? null : instant(row.micros), notBefore: null };
}
