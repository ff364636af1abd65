// All SQL of billing cycles, save opening them: claiming, completing, reading. Many cycles of one organization at a time.
import { currentTime, fenceExists, queryOne, sealThrough, type NextDue, type Sql } from '@valora/chassis';
import { instant, type Instant } from '@valora/rating';
import type { BillingCycle, BillingCycleState } from './billing-cycle.ts';
import { LEASE_EXPIRED } from './cycle-failure.ts';
import type { SubscriptionDatabase, Transaction } from './database.ts';
import type { BillingCycle as BillingCycleRow } from './generated/prisma/client.ts';

/** Named as Prisma names them, so that a row has one shape whichever client read it. */
const COLUMNS = `cycle.subscription_reference as "subscriptionReference", cycle.cycle_index as "cycleIndex", cycle.start_time as "startTime", cycle.end_time as "endTime",
  cycle.cutoff_time as "cutoffTime", cycle.tzdata_version as "tzdataVersion", cycle.grace_micros as "graceMicros", cycle.state, cycle.run_digest as "runDigest"`;

/** A cycle may be worked on once the run before it is complete. CLOSED is final, so this can't become false again. */
const PREDECESSOR_CLOSED = `(cycle.cycle_index = 1 or exists (
  select from billing_cycle previous where previous.organization_id = cycle.organization_id and previous.subscription_reference = cycle.subscription_reference
    and previous.cycle_index = cycle.cycle_index - 1 and previous.state = 'CLOSED'))`;

/** The columns of a row that a cycle is made of. */
export function cycleFromRow(row: Pick<BillingCycleRow, 'subscriptionReference' | 'cycleIndex' | 'startTime' | 'endTime' | 'cutoffTime' | 'graceMicros' | 'tzdataVersion' | 'state' | 'runDigest'>): BillingCycle {
  return {
    subscriptionReference: row.subscriptionReference,
    index: row.cycleIndex,
    start: instant(row.startTime),
    end: instant(row.endTime),
    cutoff: instant(row.cutoffTime),
    graceMicros: row.graceMicros,
    tzdataVersion: row.tzdataVersion,
    state: row.state as BillingCycleState,
    runDigest: row.runDigest,
  };
}

/** Cycles of the named subscriptions, by index. */
export async function findCycles(tx: Transaction, organizationId: string, subscriptionReferences: readonly string[]): Promise<readonly BillingCycle[]> {
  const rows = await tx.billingCycle.findMany({ where: { organizationId, subscriptionReference: { in: [...subscriptionReferences] } }, orderBy: { cycleIndex: 'asc' } });
  return rows.map(cycleFromRow);
}

/** Up to `limit` cycles of a subscription after an index, by index. */
export async function listCyclesAfter(
  tx: Transaction,
  organizationId: string,
  { subscriptionReference, after, limit }: { subscriptionReference: string; after: number; limit: number },
): Promise<readonly BillingCycle[]> {
  const rows = await tx.billingCycle.findMany({ where: { organizationId, subscriptionReference, cycleIndex: { gt: after } }, orderBy: { cycleIndex: 'asc' }, take: limit });
  return rows.map(cycleFromRow);
}

/**
 * The organization's clock, with this service's facts sealed through it: what is due by then is decided for good, so no cancel
 * that counts can still be on its way. Null where nothing was ever recorded, so that nothing is due either.
 */
export async function findSealedClock(database: SubscriptionDatabase, organizationId: string): Promise<Instant | null> {
  return await database.bulk(organizationId, async (sql) => {
    if (!(await fenceExists(sql))) return null;
    const now = await currentTime(sql);
    await sealThrough(sql, now);
    return now;
  });
}

/** The last cycle of a subscription and the one before it, the last first; fewer where there are fewer. */
export async function findLastTwoCycles(tx: Transaction, organizationId: string, subscriptionReference: string): Promise<readonly BillingCycle[]> {
  const rows = await tx.billingCycle.findMany({ where: { organizationId, subscriptionReference }, orderBy: { cycleIndex: 'desc' }, take: 2 });
  return rows.map(cycleFromRow);
}

/** Moves the cutoff of a cycle that nobody has claimed. */
export async function moveCutoff(tx: Transaction, organizationId: string, { subscriptionReference, index }: BillingCycle, cutoffTime: Instant): Promise<void> {
  await tx.billingCycle.update({ where: { organizationId_subscriptionReference_cycleIndex: { organizationId, subscriptionReference, cycleIndex: index } }, data: { cutoffTime } });
}

export interface CycleClaim {
  readonly now: Instant;
  readonly batchSizeMax: number;
  readonly leaseMicros: bigint;
  readonly leaseHolder: string;
  readonly withoutRetryDelay: boolean;
}

/**
 * Takes cycles whose cutoff has come, OPEN → CLOSING, also those that were given back and whose delay is over. The lease goes by
 * the database's clock, as the taker lives by real time, in a sandbox too. Concurrent claimers skip each other's rows. Cycles whose
 * last lease expired are taken one at a time, when there are no others, and those first to which it happened least: one of them may
 * be what ended its taker.
 */
export async function claimCycles(sql: Sql, claim: CycleClaim): Promise<readonly BillingCycle[]> {
  const cycles = await take(sql, claim, { leaseExpired: false });
  return cycles.length > 0 ? cycles : await take(sql, { ...claim, batchSizeMax: 1 }, { leaseExpired: true });
}

async function take(sql: Sql, { now, batchSizeMax, leaseMicros, leaseHolder, withoutRetryDelay }: CycleClaim, { leaseExpired }: { readonly leaseExpired: boolean }): Promise<readonly BillingCycle[]> {
  const rows = await sql.query<BillingCycleRow>(
    `with clock as materialized (select now_micros() as now),
     due as materialized (
       select cycle.subscription_reference, cycle.cycle_index, clock.now from billing_cycle cycle, clock
       where cycle.organization_id = current_organization() and cycle.state <> 'CLOSED' and not cycle.set_aside and cycle.cutoff_time <= $1::bigint
         and (cycle.state = 'OPEN' or (cycle.given_back and (cycle.lease_end_time <= clock.now or $4::boolean))) and ${PREDECESSOR_CLOSED}
         and (cycle.failure_reason is not distinct from '${LEASE_EXPIRED}') = $6::boolean
       order by ${leaseExpired ? 'cycle.failure_count, ' : ''}cycle.cutoff_time, cycle.subscription_reference, cycle.cycle_index
       limit $2::bigint for update of cycle skip locked)
     update billing_cycle cycle set state = 'CLOSING', lease_end_time = due.now + $3::bigint, lease_holder = $5, given_back = false
     from due where cycle.organization_id = current_organization() and cycle.subscription_reference = due.subscription_reference and cycle.cycle_index = due.cycle_index
     returning ${COLUMNS}`,
    [now, BigInt(batchSizeMax), leaseMicros, withoutRetryDelay, leaseHolder, leaseExpired]);
  return rows.map(cycleFromRow).toSorted(byCutoff);
}

/** Cycles by name, locked in one order for all callers, so that none waits in a circle. Those that don't exist are left out. */
export async function lockCycles(sql: Sql, names: readonly { readonly subscriptionReference: string; readonly index: number }[]): Promise<readonly BillingCycle[]> {
  const rows = await sql.query<BillingCycleRow>(
    `select ${COLUMNS} from billing_cycle cycle
     where cycle.organization_id = current_organization()
       and (cycle.subscription_reference, cycle.cycle_index) in (select * from unnest($1::text[], $2::int[]))
     order by cycle.subscription_reference, cycle.cycle_index for update`,
    [names.map(({ subscriptionReference }) => subscriptionReference), names.map(({ index }) => index)]);
  return rows.map(cycleFromRow);
}

/** CLOSING → CLOSED for locked cycles. */
export async function closeCycles(sql: Sql, closed: readonly { readonly subscriptionReference: string; readonly index: number; readonly runDigest: string }[]): Promise<void> {
  await sql.query(
    `update billing_cycle cycle set state = 'CLOSED', lease_end_time = null, given_back = false, set_aside = false, run_digest = completed.run_digest
     from unnest($1::text[], $2::int[], $3::text[]) as completed (subscription_reference, cycle_index, run_digest)
     where cycle.organization_id = current_organization() and cycle.subscription_reference = completed.subscription_reference and cycle.cycle_index = completed.cycle_index`,
    [closed.map(({ subscriptionReference }) => subscriptionReference), closed.map(({ index }) => index), closed.map(({ runDigest }) => runDigest)]);
}

/** Ends the leases of locked cycles that are being closed after `delayMicros`, by the database's clock. */
export async function releaseLeases(sql: Sql, { released, delayMicros }: { released: readonly { readonly subscriptionReference: string; readonly index: number }[]; delayMicros: bigint }): Promise<void> {
  await sql.query(
    `update billing_cycle cycle set lease_end_time = now_micros() + $3::bigint, given_back = true
     from unnest($1::text[], $2::int[]) as released (subscription_reference, cycle_index)
     where cycle.organization_id = current_organization() and cycle.subscription_reference = released.subscription_reference
       and cycle.cycle_index = released.cycle_index and cycle.state = 'CLOSING' and not cycle.set_aside`,
    [released.map(({ subscriptionReference }) => subscriptionReference), released.map(({ index }) => index), delayMicros]);
}

/**
 * When a cycle can be claimed next. A cycle that waits for its predecessor is not counted, as the predecessor is; one that is
 * set aside is not, nor what waits for it: RetryCycle says when it is due again. One being
 * closed comes back when its lease ends. A sandbox's clock says nothing about that, so there it is due since its cutoff, but
 * nobody needs to look before the lease's end unless another cycle is due.
 */
export async function nextClaim(sql: Sql): Promise<NextDue> {
  const row = await queryOne<{ open_time: bigint | null; closing_time: bigint | null; lease_end_time: bigint | null; sandbox_time: bigint | null }>(sql,
    `select
       (select cycle.cutoff_time from billing_cycle cycle
        where cycle.organization_id = current_organization() and cycle.state = 'OPEN' and ${PREDECESSOR_CLOSED}
        order by cycle.cutoff_time limit 1) as open_time,
       closing.cutoff_time as closing_time, closing.lease_end_time, fence.sandbox_time
     from fence, (select min(cutoff_time) as cutoff_time, min(lease_end_time) as lease_end_time from billing_cycle
       where organization_id = current_organization() and state = 'CLOSING' and not set_aside) closing
     where fence.organization_id = current_organization()`);
  const openTime = row.open_time === null ? null : instant(row.open_time);
  if (row.closing_time === null || row.lease_end_time === null) return { dueTime: openTime, notBefore: null };
  const leaseEndTime = instant(row.lease_end_time);
  if (row.sandbox_time === null) return { dueTime: openTime !== null && openTime < leaseEndTime ? openTime : leaseEndTime, notBefore: null };
  const closingTime = instant(row.closing_time);
  const otherDue = openTime !== null && openTime <= row.sandbox_time;
  return { dueTime: openTime !== null && openTime < closingTime ? openTime : closingTime, notBefore: otherDue ? null : leaseEndTime };
}

function byCutoff(one: BillingCycle, other: BillingCycle): number {
  if (one.cutoff !== other.cutoff) return one.cutoff < other.cutoff ? -1 : 1;
  if (one.subscriptionReference !== other.subscriptionReference) return one.subscriptionReference < other.subscriptionReference ? -1 : 1;
  return one.index - other.index;
}
