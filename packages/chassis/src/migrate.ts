/**
 * Brings a database's schemas up to date. Each migration is plain SQL in a folder of its own and runs in one transaction together with its row in
 * `_prisma_migrations`, kept as Prisma keeps it (names, SHA-256 checksums), so a crash leaves it done or not begun. One advisory lock, Prisma's own, covers
 * everything: of two starts at once the second waits and finds nothing to do. After a schema's migrations come its partitions. An applied migration is a fact: one
 * that was edited or has vanished is refused.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { ensureServiceRole, type ServiceRole } from './service-role.ts';

export interface SchemaMigrations {
  readonly schema: string;
  /** Folders of migration folders (`<timestamp>_<name>/migration.sql`); all are applied in one order, by name. */
  readonly folders: readonly string[];
}

export interface MigrateOptions {
  /** Connects as the owner of all tables, who may create roles. */
  readonly url: string;
  /** The services' passwords derive from it. */
  readonly roleSecret: string;
  readonly schemas: readonly SchemaMigrations[];
}

export interface AppliedMigration {
  readonly schema: string;
  readonly migration: string;
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** Prisma's own. */
export const MIGRATION_LOCK_KEY = 72_707_369;
const SCHEMA_NAME = /^[a-z][a-z_]{0,40}$/;

/** Applies what is missing and returns it, in order. Throws, with the fix in the message, on the first schema that can't be brought up to date. */
export async function migrate({ url, roleSecret, schemas }: MigrateOptions): Promise<AppliedMigration[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'valora-migrate' });
  client.on('error', () => undefined); // a broken connection fails the statement under way, that is enough
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK_KEY]);
    const applied: AppliedMigration[] = [];
    for (const { schema, folders } of schemas) {
      if (!SCHEMA_NAME.test(schema)) throw new Error(`"${schema}" is no name for a schema.`);
      const role = await ensureServiceRole(client, { schema, roleSecret });
      await ensureSchema(client, { schema, role });
      for (const migration of await missingMigrations(client, { schema, folders })) {
        await apply(client, { schema, migration });
        applied.push({ schema, migration: migration.name });
      }
      await preparePartitions(client, schema);
      // For the service, which may not read the table: it waits until all that it knows are there.
      await client.query(`comment on schema ${schema} is ${client.escapeLiteral((await migrationNames(folders)).join(' '))}`);
    }
    return applied;
  } finally {
    await client.end();
  }
}

async function ensureSchema(client: pg.Client, { schema, role }: { schema: string; role: ServiceRole }): Promise<void> {
  await client.query(`
    create schema if not exists ${schema};
    revoke all on schema ${schema} from public;
    do $$
    begin
      revoke all on schema public from public;
    exception when insufficient_privilege or invalid_schema_name then
      null; -- not ours, or not there: no search path leads to it
    end
    $$;
    grant usage on schema ${schema} to ${role.name};
    create table if not exists ${schema}._prisma_migrations (
      id varchar(36) primary key not null,
      checksum varchar(64) not null,
      finished_at timestamptz,
      migration_name varchar(255) not null,
      logs text,
      rolled_back_at timestamptz,
      started_at timestamptz not null default now(),
      applied_steps_count integer not null default 0
    )`);
}

/**
 * Time goes on without a migration: a schema whose tables are partitioned by time has a function that makes the partitions still missing, as only their owner may. It is
 * told the database's clock and runs each time, in one transaction.
 */
async function preparePartitions(client: pg.Client, schema: string): Promise<void> {
  const { rows: [found] } = await client.query<{ has: boolean }>(`select to_regprocedure($1) is not null as has`, [`${schema}.prepare_partitions(bigint)`]);
  if (found?.has === true) await client.query(`select ${schema}.prepare_partitions(${schema}.now_micros())`);
}

async function missingMigrations(client: pg.Client, { schema, folders }: SchemaMigrations): Promise<Migration[]> {
  const migrations = await readMigrations(folders);
  const { rows } = await client.query<{ migration_name: string; checksum: string; finished: boolean }>(
    `select migration_name, checksum, finished_at is not null as finished from ${schema}._prisma_migrations where rolled_back_at is null`);
  const checksums = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  for (const { migration_name: name, checksum, finished } of rows) {
    const where = `Migration ${name} of schema ${schema}`;
    if (!finished) throw new Error(`${where} was begun by another tool and not finished. Mend the schema, then mark it with \`prisma migrate resolve\`.`);
    const known = checksums.get(name);
    if (known === undefined) throw new Error(`${where} is applied to the database but missing here. Run the version of Valora that has it, or a newer one.`);
    if (known !== checksum) throw new Error(`${where} was edited after it was applied. Restore its text and put the change into a new migration.`);
  }
  const applied = new Set(rows.map((row) => row.migration_name));
  return migrations.filter(({ name }) => !applied.has(name));
}

/** In their order. */
export async function migrationNames(folders: readonly string[]): Promise<readonly string[]> {
  return (await readMigrations(folders)).map(({ name }) => name);
}

async function readMigrations(folders: readonly string[]): Promise<Migration[]> {
  const migrations = new Map<string, Migration>();
  for (const folder of folders) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      if (migrations.has(entry.name)) throw new Error(`Two migrations are named ${entry.name}. Rename the one that was not applied anywhere.`);
      const sql = await readFile(join(folder, entry.name, 'migration.sql'), 'utf8');
      migrations.set(entry.name, { name: entry.name, sql, checksum: createHash('sha256').update(sql).digest('hex') });
    }
  }
  return [...migrations.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function apply(client: pg.Client, { schema, migration }: { schema: string; migration: Migration }): Promise<void> {
  try {
    await client.query(`begin; set local search_path = ${schema}, pg_temp`);
    await client.query(migration.sql);
    // Qualified, whatever the migration did to the search path.
    await client.query(
      `insert into ${schema}._prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       values ($1, $2, $3, now(), clock_timestamp(), 1)`, [randomUUID(), migration.checksum, migration.name]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw new Error(`Migration ${migration.name} of schema ${schema} failed and left nothing behind: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
