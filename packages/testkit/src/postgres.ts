/**
 * Real PostgreSQL for tests: one throw-away server per test run, one template database with every schema migrated, and a clone of it for each test file. Named in a
 * vitest configuration as `globalSetup`; tests call createTestDatabase().
 */
import { startEmbeddedPostgres, migrate, schemaMigrations, type SchemaMigrations } from '@valora/chassis';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { TestProject } from 'vitest/node';

/** What a test process has to know about the server. */
export interface PostgresFacts {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly templateDatabase: string;
  readonly roleSecret: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: PostgresFacts;
  }
}

const TEMPLATE_DATABASE = 'valora_template';
const ROLE_SECRET = 'the role secret of tests';
const servicesFolder = fileURLToPath(new URL('../../../services', import.meta.url));

/** vitest's globalSetup: starts the server, fills the template; the returned function stops it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startEmbeddedPostgres();
  try {
    await runOnce(server.url('postgres'), `create database ${TEMPLATE_DATABASE}`);
    await migrate({ url: server.url(TEMPLATE_DATABASE), roleSecret: ROLE_SECRET, schemas: await allSchemas() });
    const { host, port, user, password } = server;
    project.provide('postgres', { host, port, user, password, templateDatabase: TEMPLATE_DATABASE, roleSecret: ROLE_SECRET });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return () => server.stop();
}

/** Every service that has migrations, in the order of their names. */
export async function allSchemas(): Promise<SchemaMigrations[]> {
  const names = (await readdir(servicesFolder)).filter((name) => existsSync(join(servicesFolder, name, 'prisma', 'migrations'))).sort();
  return await Promise.all(names.map((name) => schemaMigrations(join(servicesFolder, name))));
}

async function runOnce(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
