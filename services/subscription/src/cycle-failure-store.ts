// All SQL of failed cycles: counting a failure, listing what is set aside, putting it back.
import { queryOne, type Sql } from '@valora/chassis';
import { instant, type Instant } from '@valora/rating';
import { cycleFromRow } from './billing-cycle-store.ts';
import type { BillingCycle } from './billing-cycle.ts';
import { LEASE_EXPIRED, LEASE_EXPIRED_MESSAGE, type AfterFailure } from './cycle-failure.ts';
import { cycleKey, type CycleName } from './cycle-name.ts';
import type { Transaction } from './database.ts';

export interface CycleFailure extends CycleName {
  readonly reason: string;
  readonly message: string;
}

/** A failure, and how often the cycle has failed with it. */
export interface CountedFailure {
  readonly failure: CycleFailure;
  readonly failureCount: number;
}

interface FailureCountRow {
  readonly subscription_reference: string;
  readonly cycle_index: number;
  readonly failure_count: number;
}

export interface SetAsideCycle {
  readonly cycle: BillingCycle;
  readonly failureCount: number;
  readonly reason: string;
  readonly message: string;
  readonly failureTime: Instant;
}

/** Of locked cycles those whose lease this holder has, by their key, with how often their runs have failed. */
export async function heldCycles(sql: Sql, names: readonly CycleName[], leaseHolder: string): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.query<FailureCountRow>(
    `select cycle.subscription_reference, cycle.cycle_index, cycle.failure_count from billing_cycle cycle
     where cycle.organization_id = current_organization() and (cycle.subscription_reference, cycle.cycle_index) in (select * from unnest($1::text[], $2::int[]))
       and cycle.state = 'CLOSING' and not cycle.given_back and cycle.lease_holder = $3`,
    [names.map(({ subscriptionReference }) => subscriptionReference), names.map(({ index }) => index), leaseHolder]);
  return new Map(rows.map((row) => [cycleKey({ subscriptionReference: row.subscription_reference, index: row.cycle_index }), row.failure_count]));
}

/** Locks up to `limit` cycles whose lease ended without a word from its holder. Concurrent claimers skip each other's rows. */
export async function expiredLeases(sql: Sql, limit: number): Promise<readonly CountedFailure[]> {
  const rows = await sql.query<FailureCountRow>(
    `select cycle.subscription_reference, cycle.cycle_index, cycle.failure_count from billing_cycle cycle
     where cycle.organization_id = current_organization() and cycle.state = 'CLOSING' and not cycle.set_aside and not cycle.given_back and cycle.lease_end_time <= now_micros()
     order by cycle.lease_end_time, cycle.subscription_reference, cycle.cycle_index limit $1::bigint for update of cycle skip locked`,
    [BigInt(limit)]);
  return rows.map((row) => ({
    failure: { subscriptionReference: row.subscription_reference, index: row.cycle_index, reason: LEASE_EXPIRED, message: LEASE_EXPIRED_MESSAGE },
    failureCount: row.failure_count + 1,
  }));
}

/** Whether the organization lives by a clock of its own. */
export async function isSandbox(sql: Sql): Promise<boolean> {
  return (await queryOne<{ sandbox: boolean }>(sql, `select exists (select from fence where organization_id = current_organization() and sandbox_time is not null) as sandbox`)).sandbox;
}

/** Notes failures of locked cycles that are being closed, and when they come back. */
export async function storeFailures(sql: Sql, failures: readonly (CountedFailure & { readonly after: AfterFailure })[]): Promise<void> {
  await sql.query(
    `update billing_cycle cycle
     set given_back = true, lease_end_time = now_micros() + failed.delay_micros, set_aside = failed.set_aside,
       failure_count = failed.failure_count, failure_reason = failed.reason, failure_message = failed.message, failure_time = now_micros()
     from unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::boolean[])
       as failed (subscription_reference, cycle_index, failure_count, reason, message, delay_micros, set_aside)
     where cycle.organization_id = current_organization() and cycle.subscription_reference = failed.subscription_reference
       and cycle.cycle_index = failed.cycle_index and cycle.state = 'CLOSING' and not cycle.set_aside`,
    [
      failures.map(({ failure }) => failure.subscriptionReference), failures.map(({ failure }) => failure.index), failures.map(({ failureCount }) => failureCount),
      failures.map(({ failure }) => failure.reason), failures.map(({ failure }) => failure.message),
      failures.map(({ after }) => (after.kind === 'RETRY' ? after.delayMicros : 0n)), failures.map(({ after }) => after.kind === 'SET_ASIDE'),
    ]);
}

/** Up to `limit` cycles that are set aside, by subscription and index, after one of them. */
export async function listSetAsideAfter(tx: Transaction, organizationId: string, { after, limit }: { readonly after: CycleName | null; readonly limit: number }): Promise<readonly SetAsideCycle[]> {
  const later = after === null ? {} : {
    OR: [{ subscriptionReference: { gt: after.subscriptionReference } }, { subscriptionReference: after.subscriptionReference, cycleIndex: { gt: after.index } }],
  };
  const rows = await tx.billingCycle.findMany({
    where: { organizationId, setAside: true, ...later }, orderBy: [{ subscriptionReference: 'asc' }, { cycleIndex: 'asc' }], take: limit,
  });
  return rows.map((row) => {
    const { failureReason, failureMessage, failureTime } = row;
    if (failureReason === null || failureMessage === null || failureTime === null) throw new Error('a cycle was set aside without its error');
    return { cycle: cycleFromRow(row), failureCount: row.failureCount, reason: failureReason, message: failureMessage, failureTime: instant(failureTime) };
  });
}

/** Makes a locked cycle claimable again, its failures counted anew; its last one stays for the record. False: it was not set aside. */
export async function putBack(sql: Sql, { subscriptionReference, index }: CycleName): Promise<boolean> {
  const rows = await sql.query(
    `update billing_cycle set set_aside = false, failure_count = 0, lease_end_time = now_micros()
     where organization_id = current_organization() and subscription_reference = $1 and cycle_index = $2::int and set_aside returning cycle_index`,
    [subscriptionReference, index]);
  return rows.length > 0;
}
