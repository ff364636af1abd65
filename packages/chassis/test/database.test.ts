/** Transactions, tenants and values on real PostgreSQL, through both clients of the pool. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DatabaseUnavailable, isUniqueViolation } from '../src/database-errors.ts';
import { openDatabase, sqlOf, type Sql } from '../src/database.ts';
import { createLog } from '../src/log.ts';
import { PrismaClient } from './lab/generated/prisma/client.ts';
import { barrier } from './lab/barrier.ts';
import { openLab, type Lab, type LabTransaction } from './lab/lab.ts';

let lab: Lab;
beforeAll(async () => { lab = await openLab(); });
afterAll(() => lab.close());

type InTransaction = <T>(organizationId: string, work: (sql: Sql) => Promise<T>) => Promise<T>;
const clients: Readonly<Record<string, InTransaction>> = {
  prisma: (organizationId, work) => lab.database.transaction(organizationId, (tx) => work(sqlOf(tx))),
  pg: (organizationId, work) => lab.database.bulk(organizationId, work),
};

describe.each(Object.entries(clients))('%s: one organization at a time', (client, inTransaction) => {
  const [a, b] = [`a_${client}`, `b_${client}`];
  const names = (sql: Sql): Promise<{ name: string }[]> => sql.query('select name from note order by name');
  beforeAll(async () => {
    await inTransaction(a, (sql) => sql.query(`insert into note values ($1, 'first', 1)`, [a]));
    await inTransaction(b, (sql) => sql.query(`insert into note values ($1, 'second', 1)`, [b]));
  });

  test('each sees its own rows', async () => {
    expect(await inTransaction(a, names)).toEqual([{ name: 'first' }]);
    expect(await inTransaction(b, names)).toEqual([{ name: 'second' }]);
  });

  test('without an organization every tenant table looks empty', async () => {
    expect(await lab.database.transactionAcrossOrganizations((tx) => tx.note.findMany())).toEqual([]);
    await expect(inTransaction('', names)).rejects.toThrow('needs an organization');
  });

  test.each([
    ['insert', `insert into note values ($1, 'foreign', 1)`],
    ['move a row', `update note set organization_id = $1`],
  ])("a transaction can't %s for another organization", async (_title, statement) => {
    await expect(inTransaction(a, (sql) => sql.query(statement, [b]))).rejects.toThrow('row-level security');
  });

  test("another organization's rows can't be changed or removed", async () => {
    expect(await inTransaction(a, (sql) => sql.query(`update note set amount = 2 where organization_id = $1 returning name`, [b]))).toEqual([]);
    expect(await inTransaction(a, (sql) => sql.query(`delete from note where organization_id = $1 returning name`, [b]))).toEqual([]);
  });

  test('an organization with quotes and backslashes in its id is only text', async () => {
    const id = `o'; select '\\`;
    expect(await inTransaction(id, (sql) => sql.query('select current_organization() as id'))).toEqual([{ id }]);
  });

  test('values round-trip exactly', async () => {
    const row = { big: -9_223_372_036_854_775_808n, bytes: new Uint8Array([0, 1, 255]), texts: ['a,"b', 'c\\d', '{}', ''], bigs: [9_007_199_254_740_993n, -1n], yes: true, whole: 7, none: null };
    const [read] = await inTransaction(a, (sql) => sql.query<typeof row>(
      'select $1::bigint big, $2::bytea bytes, $3::text[] texts, $4::bigint[] bigs, $5::boolean yes, $6::int whole, $7::text as none',
      [row.big, row.bytes, row.texts, row.bigs, row.yes, row.whole, row.none]));
    expect({ ...read, bytes: new Uint8Array(read?.bytes ?? []) }).toEqual(row);
  });

  test('a unique violation is recognized, with its constraint', async () => {
    const error: unknown = await inTransaction(a, (sql) => sql.query(`insert into note values ($1, 'first', 1)`, [a])).catch((caught: unknown) => caught);
    expect([isUniqueViolation(error), isUniqueViolation(error, 'note_pkey'), isUniqueViolation(error, 'other')]).toEqual([true, true, false]);
  });

  test('a deadlock is run again and both transactions commit', async () => {
    await inTransaction(a, (sql) => sql.query(`insert into note values ($1, 'x', 0), ($1, 'y', 0)`, [a]));
    const bothHoldOne = barrier(2);
    const add = async (first: string, second: string): Promise<void> => {
      await inTransaction(a, async (sql) => {
        await sql.query('update note set amount = amount + 1 where name = $1 returning name', [first]);
        await bothHoldOne();
        await sql.query('update note set amount = amount + 1 where name = $1 returning name', [second]);
      });
    };
    await Promise.all([add('x', 'y'), add('y', 'x')]);
    expect(await inTransaction(a, (sql) => sql.query(`select amount from note where name in ('x', 'y')`))).toEqual([{ amount: 2n }, { amount: 2n }]);
  });

  test('a connection that is cut is DatabaseUnavailable, and the next transaction works', async () => {
    await expect(inTransaction(a, (sql) => sql.query('select pg_terminate_backend(pg_backend_pid())'))).rejects.toBeInstanceOf(DatabaseUnavailable);
    expect(await inTransaction(a, (sql) => sql.query('select 1 as one'))).toEqual([{ one: 1 }]);
  });

  test('a connection that is cut within its COMMIT is DatabaseUnavailable', async () => {
    await lab.owner.query(`
      create or replace function lab.cut() returns trigger language plpgsql security definer as $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
      create constraint trigger cut after insert on lab.note deferrable initially deferred for each row when (new.name = 'cut') execute function lab.cut()`);
    try {
      await expect(inTransaction(a, (sql) => sql.query(`insert into note values ($1, 'cut', 1)`, [a]))).rejects.toBeInstanceOf(DatabaseUnavailable);
    } finally {
      await lab.owner.query(`drop trigger cut on lab.note`);
    }
    expect((await lab.owner.query(`select from note where name = 'cut'`)).rowCount).toBe(0);
  });

  test('a statement that takes too long is DatabaseUnavailable', async () => {
    await expect(inTransaction(a, async (sql) => {
      await sql.query(`select set_config('statement_timeout', '20', true)`);
      await sql.query('select pg_sleep(5)::text');
    })).rejects.toBeInstanceOf(DatabaseUnavailable);
  });

  test("an error of the work comes out as it is, and nothing of it is stored", async () => {
    const failure = new TypeError('mine');
    await expect(inTransaction(a, async (sql) => {
      await sql.query(`insert into note values ($1, 'undone', 1)`, [a]);
      throw failure;
    })).rejects.toBe(failure);
    expect(await inTransaction(a, (sql) => sql.query(`select name from note where name = 'undone'`))).toEqual([]);
  });
});

test('through a pool of one connection no organization is left behind by either client', async () => {
  const small = await openLab({ poolSizeMax: 1 });
  const organization = (tx: LabTransaction): Promise<unknown> => sqlOf(tx).query('select current_organization() as id');
  await small.database.transaction('a', organization);
  expect(await small.database.transactionAcrossOrganizations(organization)).toEqual([{ id: null }]);
  await small.database.bulk('b', (sql) => sql.query('select 1'));
  expect(await small.database.transactionAcrossOrganizations(organization)).toEqual([{ id: null }]);
  await small.close();
});

test('a statement whose error was swallowed does not look committed', async () => {
  await expect(lab.database.bulk('a', async (sql) => { await sql.query('select 1 / 0').catch(() => undefined); })).rejects.toThrow('rolled back');
});

test('a database that refuses connections is DatabaseUnavailable', async () => {
  const nowhere = openDatabase({
    config: { ...lab.testDatabase.config('lab'), url: 'postgresql://nobody:x@127.0.0.1:1/nowhere' },
    log: createLog('lab', () => undefined),
    createClient: (adapter) => new PrismaClient({ adapter }),
  });
  await expect(nowhere.bulk('a', (sql) => sql.query('select 1'))).rejects.toBeInstanceOf(DatabaseUnavailable);
  await expect(nowhere.transaction('a', (tx) => tx.note.findMany())).rejects.toBeInstanceOf(DatabaseUnavailable);
  await nowhere.close();
});

test('an idle connection that breaks is logged and replaced', async () => {
  const logged = (): number => lab.logged.filter((line) => line.includes('An idle database connection broke.')).length;
  await lab.database.bulk('a', (sql) => sql.query('select 1'));
  const before = logged();
  const { rowCount } = await lab.owner.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'valora-lab' and datname = current_database()`);
  await expect.poll(() => logged() - before).toBe(rowCount);
  expect(await lab.database.bulk('a', (sql) => sql.query('select 1 as one'))).toEqual([{ one: 1 }]);
});
