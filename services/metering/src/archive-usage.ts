/**
 * Archiving usage: the events of all time before a month leave the tables that usage is computed from, for good, into tables of their own that the operator may export and
 * drop. Their keys stay taken.
 *
 * Done by the owner of the database in one transaction that nobody else's ingest or reading overlaps, so that each of them sees all of it or nothing. The months' partitions
 * are detached, which moves no row; what lies in the DEFAULT partition moves. Events of WEIGHTED_SUM meters stay countable: levels are made of all events there ever were.
 * The trap is usage that a billing run has yet to look at. So nothing is archived that is younger than AGE by any clock concerned: when it happened, when it, its void
 * or its release was recorded, and how far its organization is sealed.
 */
import { ownerTransaction, queryOne, type Sql } from '@valora/chassis';
import { formatInstant, instant, parseInstant, type Instant } from '@valora/rating';

export interface ArchivedTable {
  readonly table: string;
  readonly rows: bigint;
}

/** It is not time to archive that; the message says for whom and what to do. */
export class ArchiveRefused extends Error {
  override readonly name = 'ArchiveRefused';
}

/** Longer than a year, the longest usual period, and a month to bill it. */
const AGE_DAYS = 400;
const AGE = BigInt(AGE_DAYS) * 86_400_000_000n;
const NAMED_MAX = 10;

interface Tenant {
  readonly organizationId: string;
  readonly recordedThrough: bigint;
  readonly levelMeters: readonly string[];
  /** Why its events can't be archived yet; null if they can. */
  readonly obstacle: string | null;
}

/** `month` as `2024-01`: everything before it. Answers the tables made; none if that much was archived already. Errors: ArchiveRefused. */
export async function archiveUsage(url: string, month: string): Promise<readonly ArchivedTable[]> {
  const before = firstInstant(month);
  return await ownerTransaction({ url, schema: 'metering' }, async (sql) => {
    await sql.query('select open_usage_to_owner(true)::text'); // from here on everybody else waits
    const { archived, now } = await queryOne<{ archived: boolean; now: bigint }>(sql, 'select archived_before() >= $1::bigint as archived, now_micros() as now', [before]);
    const tables = archived ? [] : await archive(sql, { before, now });
    await sql.query('select open_usage_to_owner(false)::text');
    return tables;
  });
}

function firstInstant(month: string): Instant {
  if (!/^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])$/.test(month)) throw new ArchiveRefused(`"${month}" is no month. Write it as 2024-01.`);
  return parseInstant(`${month}-01T00:00:00Z`);
}

async function archive(sql: Sql, { before, now }: { readonly before: Instant; readonly now: bigint }): Promise<readonly ArchivedTable[]> {
  if (now < before + AGE) throw new ArchiveRefused(`${formatInstant(before)} is less than ${AGE_DAYS} days ago. Archive an earlier time.`);
  const tenants = await findTenants(sql, before);
  const obstacles = tenants.flatMap(({ organizationId, obstacle }) => (obstacle === null ? [] : [`${organizationId}: ${obstacle}`]));
  if (obstacles.length > 0) throw new ArchiveRefused(`${obstacles.length} organizations stand in the way. ${obstacles.slice(0, NAMED_MAX).join(' ')}`);
  const levels = tenants.flatMap(({ organizationId, levelMeters }) => levelMeters.map((meter) => ({ organizationId, meter })));
  const levelValues = [levels.map(({ organizationId }) => organizationId), levels.map(({ meter }) => meter)];
  const tables = await detachMonths(sql, before, levelValues);
  tables.push(...(await moveUnplaced(sql, before, levelValues)));
  await sql.query('insert into usage_archive (before_time, archived_time) values ($1, $2)', [before, now]);
  for (const { organizationId, recordedThrough } of tenants) {
    await actFor(sql, organizationId);
    await sql.query('insert into usage_archive_share (organization_id, before_time, recorded_through) values ($1, $2, $3)', [organizationId, before, recordedThrough]);
  }
  return tables;
}

/**
 * Each organization with usage there, looked at one at a time: row-level security shows its other tables no other way. And by its name: an owner who is a superuser, as of
 * an embedded database, sees the facts of all of them.
 */
async function findTenants(sql: Sql, before: Instant): Promise<readonly Tenant[]> {
  const found = await sql.query<{ organization_id: string; recorded: bigint }>(
    'select organization_id, max(recorded_time) as recorded from usage_event where event_time < $1 group by organization_id order by organization_id', [before]);
  const tenants: Tenant[] = [];
  for (const { organization_id: organizationId, recorded } of found) {
    await actFor(sql, organizationId);
    const facts = await queryOne<{ sealed: bigint; clock: bigint; recorded: bigint; meters: string[] }>(sql,
      `select coalesce(fence.sealed_through, 0) as sealed, coalesce(fence.sandbox_time, now_micros()) as clock, greatest($1,
         (select max(recorded_time) from usage_void where organization_id = $3 and event_time < $2),
         (select max(recorded_time) from usage_release where organization_id = $3 and event_time < $2)) as recorded,
         array(select code from meter where organization_id = $3 and aggregation = 'WEIGHTED_SUM') as meters
       from (select) as one left join fence on organization_id = $3`, [recorded, before, organizationId]);
    tenants.push({ organizationId, recordedThrough: facts.recorded, levelMeters: facts.meters, obstacle: obstacleOf(facts, before) });
  }
  return tenants;
}

async function actFor(sql: Sql, organizationId: string): Promise<void> {
  await sql.query(`select set_config('app.organization', $1, true)`, [organizationId]);
}

function obstacleOf({ sealed, clock, recorded }: { readonly sealed: bigint; readonly clock: bigint; readonly recorded: bigint }, before: Instant): string | null {
  if (clock < before + AGE) return `its clock stands at ${formatInstant(instant(clock))}, less than ${AGE_DAYS} days later. Advance its clock.`;
  if (sealed < before) return `no billing run has sealed its usage up to ${formatInstant(before)}. Close its cycles.`;
  if (recorded > clock - AGE) return `usage from before was recorded, voided or released at ${formatInstant(instant(recorded))}, less than ${AGE_DAYS} days ago by its clock. Archive an earlier time.`;
  return null;
}

const IS_LEVEL = '(organization_id, meter_code) in (select * from unnest($1::text[], $2::text[]))';

/** The months' own partitions. A month without an event leaves no table behind. */
async function detachMonths(sql: Sql, before: Instant, levelValues: readonly unknown[]): Promise<ArchivedTable[]> {
  const months = await sql.query<{ month: string }>(
    `select substr(relid::regclass::text, length('usage_event_') + 1) as month from pg_partition_tree('usage_event')
     where relid::regclass::text ~ '^usage_event_[0-9]{4}_[0-9]{2}$' and relid::regclass::text < 'usage_event_' || month_name(month_of($1::bigint)) order by 1`, [before]);
  const tables: ArchivedTable[] = [];
  for (const { month } of months) {
    const table = `usage_archived_${month}`;
    await sql.query(`alter table usage_event detach partition usage_event_${month}`);
    await sql.query(`alter table usage_event_${month} rename to ${table}`);
    const { rows } = await queryOne<{ rows: bigint }>(sql, `select count(*) as rows from ${table}`);
    if (rows === 0n) {
      await sql.query(`drop table ${table}`);
      continue;
    }
    await sql.query(`insert into usage_event select * from ${table} where ${IS_LEVEL}`, levelValues);
    await close(sql, table);
    tables.push({ table, rows });
  }
  return tables;
}

/** What lies in the DEFAULT partition; detached, it has no trigger that refuses. Levels stay there. */
async function moveUnplaced(sql: Sql, before: Instant, levelValues: readonly unknown[]): Promise<ArchivedTable[]> {
  const table = `usage_archived_before_${formatInstant(before).slice(0, 7).replace('-', '_')}`;
  const moves = `event_time < $3::bigint and not ${IS_LEVEL}`;
  const some = await sql.query(`select 1 as one from usage_event_default where ${moves} limit 1`, [...levelValues, before]);
  if (some.length === 0) return [];
  await sql.query('alter table usage_event detach partition usage_event_default');
  await sql.query(`create table ${table} (like usage_event including all)`);
  const { rows } = await queryOne<{ rows: bigint }>(sql,
    `with moved as (delete from usage_event_default where ${moves} returning *), stored as (insert into ${table} select * from moved returning 1) select count(*) as rows from stored`,
    [...levelValues, before]);
  await sql.query('alter table usage_event attach partition usage_event_default default');
  await sql.query('select protect_usage_partition($1::regclass)::text', [table]);
  await close(sql, table);
  return [{ table, rows }];
}

/** Nobody's but the owner's to read or drop, and its rows are not to be changed. */
async function close(sql: Sql, table: string): Promise<void> {
  await sql.query(`alter table ${table} force row level security`);
  await sql.query(`create trigger refuse_change before update or delete on ${table} for each row execute function refuse_change()`);
}
