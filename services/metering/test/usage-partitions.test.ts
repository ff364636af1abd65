/** Partitions of usage events: brought about for rows that were there before, made as time goes on, protected like the table they belong to. */
import { migrate, schemaMigrations, type SchemaMigrations, type Sql } from '@valora/chassis';
import { parseDecimal, parseInstant, type UsageEvent } from '@valora/rating';
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findEarliestLate } from '../src/late-usage-store.ts';
import { candidateOf } from '../src/usage-event.ts';
import { findUsageEvent, listRange } from '../src/usage-event-store.ts';
import { findFirstFault } from '../src/usage-fault-store.ts';
import type { UsageQuery } from '../src/usage-query.ts';
import { readUsage } from '../src/usage-reading.ts';
import { insertUsageEvents } from '../src/usage-record-store.ts';

const PARTITIONED = '20261121000230_usage_by_month';
const OWNER = 'usage_owner_without_superuser';
const own = join(import.meta.dirname, '..', 'prisma', 'migrations');

let database: TestDatabase;
let owner: pg.Client;
let current: SchemaMigrations;
beforeEach(async () => {
  database = await createTestDatabase({ empty: true });
  owner = new pg.Client({ connectionString: database.url, options: '-c search_path=metering' });
  await owner.connect();
  current = await schemaMigrations(join(import.meta.dirname, '..'));
});
afterEach(async () => {
  await owner.end();
  await database.drop();
});

const migrated = (folders = current.folders): Promise<unknown> => migrate({ url: database.url, roleSecret: database.roleSecret, schemas: [{ ...current, folders }] });

/** What was before events were partitioned. */
async function migratedBefore(): Promise<void> {
  const earlier = await mkdtemp(join(tmpdir(), 'valora-migrations-'));
  try {
    for (const name of (await readdir(own)).filter((each) => each < PARTITIONED)) await cp(join(own, name), join(earlier, name), { recursive: true });
    await migrated(current.folders.map((folder) => (folder === own ? earlier : folder)));
  } finally {
    await rm(earlier, { recursive: true });
  }
}

/** Rows as the services write them, one for each time; half of them of another organization. */
async function store(...times: readonly string[]): Promise<void> {
  for (const [index, time] of times.entries()) {
    await owner.query(`insert into usage_event (organization_id, meter_code, customer_reference, event_time, idempotency_key, value, properties, content_digest, recorded_time)
      values ($1, 'm', 'c', $2, $3, $4, '{}', '\\x00', $2)`, [`org_${index % 2}`, parseInstant(time), `${time} ${index}`, index]);
  }
}

async function prepare(now: string): Promise<void> {
  await owner.query('select prepare_partitions($1)', [parseInstant(now)]);
}

/** How many rows are where. */
async function rowsByPartition(): Promise<Record<string, number>> {
  const { rows } = await owner.query<{ name: string; count: number }>('select tableoid::regclass::text as name, count(*)::integer as count from usage_event group by 1 order by 1');
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

async function partitions(): Promise<string[]> {
  const { rows } = await owner.query<{ name: string }>(`select relid::regclass::text as name from pg_partition_tree('usage_event') where isleaf order by 1`);
  return rows.map(({ name }) => name);
}

describe('an unpartitioned table', () => {
  test('keeps every row: the months around the clock get theirs, the DEFAULT partition the others', async () => {
    await migratedBefore();
    const { rows: [clock] } = await owner.query<{ month: string; next: string; name: string }>(
      `select to_char(now(), 'YYYY-MM') as month, to_char(now(), 'YYYY_MM') as name, to_char(now() + interval '1 month', 'YYYY-MM') as next`);
    await store('0001-01-01T00:00:00Z', '1969-12-31T23:59:59.999999Z', `${clock?.month}-01T00:00:00Z`, `${clock?.month}-15T12:00:00Z`, '9999-12-31T23:59:59.999999Z');
    const before = await owner.query('select * from usage_event order by idempotency_key');
    await migrated();
    expect((await owner.query('select * from usage_event order by idempotency_key')).rows).toEqual(before.rows);
    expect(await rowsByPartition()).toEqual({ [`usage_event_${clock?.name}`]: 2, usage_event_default: 3 });
    await migrated();
    expect(await rowsByPartition()).toEqual({ [`usage_event_${clock?.name}`]: 2, usage_event_default: 3 });
  });
});

describe('as time goes on', () => {
  beforeEach(async () => {
    await migrated();
  });

  test('2 months back to 6 months ahead, once, and those that were stay', async () => {
    await prepare('2031-01-31T23:59:59.999999Z');
    const made = ['2030_11', '2030_12', '2031_01', '2031_02', '2031_03', '2031_04', '2031_05', '2031_06', '2031_07'].map((month) => `usage_event_${month}`);
    const all = await partitions();
    expect(all).toEqual(expect.arrayContaining([...made, 'usage_event_default']));
    await prepare('2031-01-31T23:59:59.999999Z');
    expect(await partitions()).toEqual(all);
    await prepare('2031-02-01T00:00:00Z');
    expect(await partitions()).toEqual([...all.filter((name) => name !== 'usage_event_default'), 'usage_event_2031_08', 'usage_event_default']);
  });

  test('a row lies in the month of its event time to the microsecond, and what came before its partition moves into it', async () => {
    await store('2030-11-30T23:59:59.999999Z', '2030-12-01T00:00:00Z', '2031-07-31T23:59:59.999999Z', '2031-08-01T00:00:00Z', '2030-10-31T23:59:59.999999Z');
    expect(await rowsByPartition()).toEqual({ usage_event_default: 5 });
    await prepare('2031-01-15T00:00:00Z');
    expect(await rowsByPartition()).toEqual({ usage_event_2030_11: 1, usage_event_2030_12: 1, usage_event_2031_07: 1, usage_event_default: 2 });
  });

  test('an owner who is no superuser, and so can see one organization only, moves the rows of all', async () => {
    await store('2031-01-01T00:00:00Z', '2031-01-02T00:00:00Z');
    await owner.query(`do $$ begin if not exists (select from pg_roles where rolname = '${OWNER}') then create role ${OWNER}; end if; end $$`);
    const { rows: tables } = await owner.query<{ name: string }>(`select c.oid::regclass::text as name from pg_class c where relnamespace = 'metering'::regnamespace and relkind in ('r', 'p')`);
    for (const { name } of tables) await owner.query(`alter table ${name} owner to ${OWNER}`);
    await owner.query(`grant all on schema metering to ${OWNER}; alter function prepare_partitions(bigint) owner to ${OWNER}; alter function open_usage_to_owner(boolean) owner to ${OWNER};
      grant execute on all functions in schema metering to ${OWNER}; set role ${OWNER}`);
    expect(await rowsByPartition()).toEqual({});
    await prepare('2031-01-15T00:00:00Z');
    await owner.query('reset role');
    expect(await rowsByPartition()).toEqual({ usage_event_2031_01: 2 });
    await owner.query(`drop owned by ${OWNER} cascade`);
  });

  test('every partition refuses to change, remove or cut off rows, is closed to the service and shows its owner one organization at a time', async () => {
    await store('2031-01-01T00:00:00Z', '1999-01-01T00:00:00Z');
    await prepare('2031-01-15T00:00:00Z');
    for (const name of ['usage_event', 'usage_event_2031_01', 'usage_event_default']) {
      for (const change of [`update ${name} set value = 2`, `delete from ${name}`, `truncate ${name}`]) await expect(owner.query(change), change).rejects.toThrow('never changed');
    }
    const { rows } = await owner.query<{ name: string; forced: boolean; enabled: boolean; policies: number; reached: boolean }>(
      `select c.relname as name, c.relforcerowsecurity as forced, c.relrowsecurity as enabled, (select count(*)::integer from pg_policy where polrelid = c.oid) as policies,
         has_table_privilege('valora_metering', c.oid, 'select, insert, update, delete, truncate, references, trigger') as reached
       from pg_partition_tree('usage_event') as part join pg_class c on c.oid = part.relid where part.isleaf`);
    expect(rows.length).toBeGreaterThan(9);
    expect(rows.filter(({ forced, enabled, policies, reached }) => !forced || !enabled || policies !== 1 || reached)).toEqual([]);
  });
});

/** The statements of a use case, each with its values; they are run, too. */
async function statementsOf(use: (sql: Sql) => Promise<unknown>): Promise<[text: string, values: unknown[]][]> {
  const statements: [string, unknown[]][] = [];
  await use({
    query: async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
      statements.push([text, [...values]]);
      return (await owner.query(text, [...values])).rows as Row[];
    },
  });
  return statements;
}

test('with 70 partitions, what is asked of one month reads that month alone, and its plan knows of no other', async () => {
  await migrated();
  for (let year = 2041; year <= 2048; year += 1) await prepare(`${year}-03-15T00:00:00Z`);
  expect((await partitions()).length).toBeGreaterThan(70);
  await owner.query(`insert into meter values ('o', 'm', '', 'SUM', '[]', 0, null, true)`);
  const marchTime = parseInstant('2045-03-10T00:00:00Z');
  const event: UsageEvent = { idempotencyKey: 'k', meterCode: 'm', customerReference: 'c', subscriptionReference: null, eventTime: marchTime, value: parseDecimal('1'), properties: {} };
  await statementsOf((sql) => insertUsageEvents(sql, 'o', { claimants: new Map([['k', candidateOf(event)]]), recordedTime: marchTime }));
  const march = { start: parseInstant('2045-03-01T00:00:00Z'), end: parseInstant('2045-04-01T00:00:00Z') }, april = { start: march.end, end: parseInstant('2045-05-01T00:00:00Z') };
  const query: UsageQuery = {
    queryKey: 'q', meterCode: 'm', customerReference: 'c', subscriptionReference: null, interval: march, period: march, knownBefore: april.end, groupBy: [], needsEventValues: false, lateness: { kind: 'ADJUST' },
  };
  const uses: Readonly<Record<string, (sql: Sql) => Promise<unknown>>> = {
    aggregate: (sql) => readUsage(sql, 'o', [query], { needsDigest: true, storedLevels: 'KEEP' }),
    late: (sql) => findEarliestLate(sql, 'o', { queries: [{ customerReference: 'c', subscriptionReference: '', meterCodes: ['m'], eventInterval: march, recordedInterval: april }], levelMeters: ['other'] }),
    check: (sql) => findFirstFault(sql, 'o', [query]),
    get: (sql) => findUsageEvent(sql, 'o', 'k'),
    list: (sql) => listRange(sql, 'o', { meterCode: 'm', customerReference: 'c', interval: march, page: { size: 10, after: null } }),
  };
  for (const [name, use] of Object.entries(uses)) {
    const planned = new Set<string>();
    for (const [text, values] of await statementsOf(use)) {
      const { rows } = await owner.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values);
      for (const [table] of rows.map((row) => row['QUERY PLAN']).join('\n').matchAll(/usage_event_(\d{4}_\d{2}|default)/g)) planned.add(table);
    }
    expect([...planned], name).toEqual(['usage_event_2045_03']);
  }
});
