/** A database of its own for a test file: a clone of the migrated template, dropped afterwards. */
import { serviceRole, type DatabaseConfig } from '@valora/chassis';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import type { PostgresFacts } from './postgres.ts';

export interface TestDatabase {
  readonly name: string;
  readonly roleSecret: string;
  /** As the owner of everything, who is a superuser: row-level security doesn't apply to it. */
  readonly url: string;
  /** As a service sees it. */
  config(schema: string): DatabaseConfig;
  /** Ends remaining connections and removes the database. */
  drop(): Promise<void>;
}

const POOL_SIZE_MAX = 8;
const CLONE_ATTEMPTS_MAX = 50;
const CLOSED_ATTEMPTS_MAX = 100;
const RETRY_DELAY_MS = 20;
const OBJECT_IN_USE = '55006';

/** Clones the template, or makes an empty database with `empty`. Needs testkit's globalSetup. */
export async function createTestDatabase({ empty = false }: { empty?: boolean } = {}): Promise<TestDatabase> {
  const facts = inject('postgres');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asOwner(facts, (client) => create(client, `create database ${name} template ${empty ? 'template0' : facts.templateDatabase}`));
  const { host, port, user, password, roleSecret } = facts;
  return {
    name, roleSecret,
    url: `postgresql://${user}:${password}@${host}:${port}/${name}`,
    config(schema) {
      const role = serviceRole(schema, roleSecret);
      return { url: `postgresql://${role.name}:${role.password}@${host}:${port}/${name}`, schema, poolSizeMax: POOL_SIZE_MAX };
    },
    drop: () => asOwner(facts, async (client) => {
      await connectionsClosed(client, name);
      await client.query(`drop database if exists ${name} with (force)`);
    }),
  };
}

/** A template that is just being cloned by another test file refuses a moment long. */
async function create(client: pg.Client, statement: string): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      await client.query(statement);
      return;
    } catch (error) {
      const busy = error instanceof pg.DatabaseError && error.code === OBJECT_IN_USE;
      if (!busy || attempts === CLONE_ATTEMPTS_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
    }
  }
}

/**
 * A pool says that it has ended before its sockets are closed; a database dropped in between would cut them with an error.
 * Waits a moment; whoever is still connected then has forgotten to leave, and is cut.
 */
async function connectionsClosed(client: pg.Client, name: string): Promise<void> {
  for (let attempts = 1; attempts <= CLOSED_ATTEMPTS_MAX; attempts += 1) {
    const { rows } = await client.query('select from pg_stat_activity where datname = $1 limit 1', [name]);
    if (rows.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
  }
}

async function asOwner(facts: PostgresFacts, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const { host, port, user, password } = facts;
  const client = new pg.Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
