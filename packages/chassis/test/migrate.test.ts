/** The migrator: twice at once, half-way, and against a database that isn't what it should be. */
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabaseProbe } from '../src/database-probe.ts';
import { migrate, migrationNames, type AppliedMigration, type MigrateOptions } from '../src/migrate.ts';
import { rolePassword } from '../src/service-role.ts';
import { labSchema } from './lab/lab.ts';

let databases: TestDatabase[];
let folder: string;
let url: string;

beforeEach(async () => {
  databases = [await createTestDatabase({ empty: true }), await createTestDatabase({ empty: true })];
  url = databases[0]?.url ?? '';
  folder = await mkdtemp(join(tmpdir(), 'valora-migrations-'));
});
afterEach(async () => {
  await Promise.all(databases.map((database) => database.drop()));
  await rm(folder, { recursive: true });
});

const run = (options: Partial<MigrateOptions> = {}): Promise<AppliedMigration[]> =>
  migrate({ url, roleSecret: 'secret', schemas: [{ schema: 'trial', folders: [...labSchema.folders, folder] }], ...options });

async function addMigration(name: string, sql: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'migration.sql'), sql);
}

async function query<Row extends pg.QueryResultRow>(statement: string, connection: pg.ClientConfig = { connectionString: url }): Promise<Row[]> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}

test('applies everything once, in the order of names over all folders', async () => {
  await addMigration('20261121000000_a_between', 'create table between_ground_and_due_work (x bigint)');
  const names = (await run()).map(({ migration }) => migration);
  expect(names).toEqual(['20261121000000_a_between', '20261121000000_ground', '20261121000001_due_work', '20261121000002_audit', '20261121000003_audit_trace', '20270101000000_lab']);
  expect(await run()).toEqual([]);
});

test('runs the function that prepares partitions each time, if the schema has one, with the clock and in one transaction', async () => {
  await run();
  await addMigration('20280101000000_partitions', `create table prepared (micros bigint);
    create function prepare_partitions(now_micros bigint) returns void language sql as 'insert into trial.prepared values (now_micros)'`);
  await run();
  await run();
  const [found] = await query<{ times: number; recent: boolean }>('select count(*)::integer as times, bool_and(trial.now_micros() - micros between 0 and 60000000) as recent from trial.prepared');
  expect(found).toEqual({ times: 2, recent: true });
  await query(`create or replace function trial.prepare_partitions(now_micros bigint) returns void language plpgsql as 'begin insert into trial.prepared values (0); raise exception ''no room''; end'`);
  await expect(run()).rejects.toThrow('no room');
  expect(await query('select count(*)::integer as times from trial.prepared')).toEqual([{ times: 2 }]);
});

test("keeps Prisma's records: name, SHA-256 of the file, finished", async () => {
  await addMigration('20280101000000_x', 'create table x (y bigint)');
  await run();
  const checksum = createHash('sha256').update(await readFile(join(folder, '20280101000000_x', 'migration.sql'))).digest('hex');
  expect(await query(`select checksum, finished_at is not null as finished, applied_steps_count as steps, rolled_back_at, logs from trial._prisma_migrations where migration_name = '20280101000000_x'`))
    .toEqual([{ checksum, finished: true, steps: 1, rolled_back_at: null, logs: null }]);
});

test('started many times at once, on two databases of one cluster, each migration is applied once', async () => {
  const everywhere = databases.flatMap((database) => Array.from({ length: 4 }, () => run({ url: database.url })));
  const applied = (await Promise.all(everywhere)).map((list) => list.length);
  expect(applied.filter((count) => count > 0)).toEqual([5, 5]);
});

test('a migration that fails leaves nothing behind and can be mended', async () => {
  await addMigration('20280101000000_x', 'create table x (y bigint); select 1 / 0');
  await expect(run()).rejects.toThrow('20280101000000_x of schema trial failed and left nothing behind: division by zero');
  expect(await query(`select to_regclass('trial.x') as x, count(*)::int as records from trial._prisma_migrations`)).toEqual([{ x: null, records: 5 }]);
  await addMigration('20280101000000_x', 'create table x (y bigint)');
  expect(await run()).toEqual([{ schema: 'trial', migration: '20280101000000_x' }]);
});

test('an edited migration is refused', async () => {
  await addMigration('20280101000000_x', 'create table x (y bigint)');
  await run();
  await addMigration('20280101000000_x', 'create table x (y bigint, z bigint)');
  await expect(run()).rejects.toThrow('20280101000000_x of schema trial was edited after it was applied');
});

test('an applied migration that is missing here is refused', async () => {
  await addMigration('20280101000000_x', 'create table x (y bigint)');
  await run();
  await rm(join(folder, '20280101000000_x'), { recursive: true });
  await expect(run()).rejects.toThrow('20280101000000_x of schema trial is applied to the database but missing here');
});

test('two folders with one name are refused', async () => {
  await cp(join(labSchema.folders[2] ?? '', '20270101000000_lab'), join(folder, '20270101000000_lab'), { recursive: true });
  await expect(run()).rejects.toThrow('Two migrations are named 20270101000000_lab');
});

test("another tool's unfinished migration is refused", async () => {
  await run();
  await query(`insert into trial._prisma_migrations (id, checksum, migration_name) values ('x', 'x', '20280101000000_x')`);
  await expect(run()).rejects.toThrow('not finished');
});

describe('the role of a service', () => {
  const asRole = (): pg.ClientConfig => ({ connectionString: url.replace(/\/\/[^@]*@/, `//valora_trial:${rolePassword('secret', 'valora_trial')}@`) });

  test('can not bypass anything, owns nothing, and sees its own schema only', async () => {
    await run({ schemas: [labSchema, { schema: 'trial', folders: labSchema.folders }] });
    expect(await query(`select rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolinherit from pg_roles where rolname = 'valora_trial'`))
      .toEqual([{ rolcanlogin: true, rolsuper: false, rolbypassrls: false, rolcreatedb: false, rolcreaterole: false, rolinherit: false }]);
    expect(await query(`select relname from pg_class where relowner = 'valora_trial'::regrole`)).toEqual([]);
    expect(await query('select count(*)::int as notes from trial.note', asRole())).toEqual([{ notes: 0 }]);
    await expect(query('select * from lab.note', asRole())).rejects.toThrow('permission denied for schema lab');
  });

  test.each([
    'create table trial.mine (x bigint)',
    'create table public.mine (x bigint)',
    'alter table trial.note disable row level security',
    'select * from trial._prisma_migrations',
    `select trial.protect_tenant_table('trial.note', 'select')`,
    `select trial.protect_append_only('trial.note')`,
    'truncate trial.note',
  ])('may not: %s', async (statement) => {
    await run();
    await expect(query(statement, asRole())).rejects.toThrow(/permission denied|must be owner/);
  });

  test('learns by itself whether every migration that it knows is there, and minds none of a newer version', async () => {
    const probe = async (): Promise<string | undefined> => {
      const migrations = await migrationNames([...labSchema.folders, folder]);
      return (await openDatabaseProbe({ url: String(asRole().connectionString), schema: 'trial', migrations })())?.message;
    };
    await run();
    expect(await probe()).toBeUndefined();
    await addMigration('20280101000000_x', 'create table trial.x (x bigint)');
    expect(await probe()).toBe('1 migrations of schema trial are missing, 20280101000000_x first.');
    await run();
    expect(await probe()).toBeUndefined();
    await rm(join(folder, '20280101000000_x'), { recursive: true });
    expect(await probe()).toBeUndefined();
  });

  test('has the password that its secret gives, also after the secret changed', async () => {
    await run({ roleSecret: 'an older secret' });
    await expect(query('select 1', asRole())).rejects.toThrow('password');
    await run();
    expect(await query('select 1 as one', asRole())).toEqual([{ one: 1 }]);
  });

  test('is refused when it was given more', async () => {
    await run();
    await query('alter role valora_trial createdb');
    await expect(run()).rejects.toThrow('valora_trial has rights a service must not have');
    await query('alter role valora_trial nocreatedb');
  });
});
