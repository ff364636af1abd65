/**
 * A transaction of the database's owner, for what no service may do: it owns the tables, so it can take them apart. Under the migrations' lock, so that neither migrations nor
 * another such transaction run beside it. No organization is set: a statement sees what the owner sees, which under forced row-level security is nothing of any tenant.
 */
import pg from 'pg';
import { exactTypes } from './database.ts';
import { MIGRATION_LOCK_KEY } from './migrate.ts';
import { sqlOfClient, type Sql } from './sql.ts';

/** All of `work` or nothing. `url` as its owner. Not repeated after a conflict: an operator is there who can. */
export async function ownerTransaction<T>({ url, schema }: { readonly url: string; readonly schema: string }, work: (sql: Sql) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'valora-owner', options: `-c search_path=${schema} -c TimeZone=UTC`, types: exactTypes() });
  client.on('error', () => undefined); // a broken connection fails the statement under way, that is enough
  await client.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK_KEY]);
    const result = await work(sqlOfClient(client));
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    await client.end();
  }
}
