/**
 * Due work: when each organization next has work of a kind (open cycles, close cycles, …), so that a scheduler can find work across organizations without seeing
 * their facts. The row is a hint that may be early and is never late: whoever stores a fact that makes work due touches it in the same transaction. A claim takes a
 * lease, so replicas share the work; a dead one's lease ends by the database's clock.
 */
import { instant, type Instant } from '@valora/rating';
import { queryOne, type Sql } from './sql.ts';

const MICROS_PER_SECOND = 1_000_000;

export interface Claim {
  readonly kind: string;
  readonly batchSizeMax: number;
  readonly leaseMicros: bigint;
}

/** Says that work of this kind falls due at `dueTime` or earlier. Call it last in a transaction that holds the fence (takeRecordedTime): it locks the organization's row of that kind. */
export async function touchDueWork(sql: Sql, kind: string, dueTime: Instant): Promise<void> {
  // The condition spares a write where nothing changes. The row is locked even then, and releaseOrganization counts on it.
  await sql.query(
    `insert into due_work as held (organization_id, kind, next_due_time, sandbox_time)
     select current_organization(), $1, $2::bigint, (select sandbox_time from fence where organization_id = current_organization())
     on conflict (organization_id, kind) do update
     set next_due_time = least(held.next_due_time, excluded.next_due_time), sandbox_time = greatest(held.sandbox_time, excluded.sandbox_time)
     where held.next_due_time is distinct from least(held.next_due_time, excluded.next_due_time)
        or held.sandbox_time is distinct from greatest(held.sandbox_time, excluded.sandbox_time)`,
    [kind, dueTime]);
}

/**
 * Claims organizations that have work due and no lease, those that waited longest first: one with much work can't keep out one with little. Needs no organization.
 * Claimers don't wait for each other.
 */
export async function claimOrganizations(sql: Sql, { kind, batchSizeMax, leaseMicros }: Claim): Promise<string[]> {
  const rows = await sql.query<{ organization_id: string }>(
    `with clock as materialized (select now_micros() as now),
     claimed as materialized (
       select due_work.organization_id, clock.now from due_work, clock
       where kind = $1 and claimable_time <= clock.now and (lease_end_time is null or lease_end_time <= clock.now)
       order by last_claimed_time nulls first, due_work.organization_id
       limit $2::bigint for update of due_work skip locked)
     update due_work set lease_end_time = claimed.now + $3::bigint, last_claimed_time = claimed.now
     from claimed where due_work.organization_id = claimed.organization_id and kind = $1
     returning due_work.organization_id`,
    [kind, BigInt(batchSizeMax), leaseMicros]);
  return rows.map((row) => row.organization_id).sort();
}

/** When work is next due, by the organization's clock (null: never), and, by the database's, before when nobody needs to look. */
export interface NextDue {
  readonly dueTime: Instant | null;
  readonly notBefore: Instant | null;
}

/**
 * Ends a claim: asks `recompute` when work is next due, stores it and gives the lease back, or leaves it until `notBefore`. The row is locked before anything is read, and that order
 * is the point: a fact touched in before the lock is committed and thus seen by recompute's statements, one touched in later waits for this transaction and lowers
 * what it stored. Read first and lock later, and a touch in between would be overwritten and its work forgotten.
 */
export async function releaseOrganization(sql: Sql, kind: string, recompute: () => Promise<NextDue>): Promise<void> {
  const held = await sql.query('select kind from due_work where organization_id = current_organization() and kind = $1 for update', [kind]);
  if (held.length === 0) return;
  const { dueTime, notBefore } = await recompute();
  await queryOne(sql,
    `update due_work set next_due_time = $2::bigint, lease_end_time = $3::bigint
     where organization_id = current_organization() and kind = $1 returning kind`, [kind, dueTime, notBefore]);
}

/** When the organization's next work of any kind falls due; null when there is none. */
export async function nextDueTime(sql: Sql): Promise<Instant | null> {
  const { micros } = await queryOne<{ micros: bigint | null }>(sql,
    'select min(next_due_time) as micros from due_work where organization_id = current_organization()');
  return micros === null ? null : instant(micros);
}

/**
 * For each kind, seconds for which the organization that waits longest could have been claimed; 0 where none waits. Sandboxes are left out: their work is due by
 * clocks of their own. Needs no organization.
 */
export async function dueWorkLag(sql: Sql, kinds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.query<{ kind: string; lag: bigint }>(
    `select wanted.kind, greatest(clock.now - coalesce(min(greatest(due_work.claimable_time, due_work.lease_end_time)), clock.now), 0) as lag
     from unnest($1::text[]) as wanted (kind)
     cross join (select now_micros() as now) clock
     left join due_work on due_work.kind = wanted.kind and due_work.sandbox_time is null and claimable_time <= clock.now and (lease_end_time is null or lease_end_time <= clock.now)
     group by wanted.kind, clock.now`, [[...kinds]]);
  return new Map(rows.map((row) => [row.kind, Number(row.lag) / MICROS_PER_SECOND]));
}

/** Tells due work where the sandbox's clock stands, in the transaction that sets the fence's. */
export async function setDueWorkSandboxTime(sql: Sql, time: Instant): Promise<void> {
  await sql.query(
    `update due_work set sandbox_time = greatest(sandbox_time, $1::bigint)
     where organization_id = current_organization() and sandbox_time is not null returning kind`, [time]);
}
