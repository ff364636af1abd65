// The database of an installation, ready for its services: the embedded PostgreSQL unless a URL is given, all migrations applied.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate, schemaMigrations, serviceNames, startEmbeddedPostgres, type AppliedMigration } from '@valora/chassis';

export interface PreparedDatabase {
  /** As its owner. */
  readonly url: string;
  stop(): Promise<void>;
}

const EMBEDDED_DATABASE = 'postgres';
const servicesFolder = fileURLToPath(new URL('../../../services', import.meta.url));

/** `databaseUrl` absent starts the embedded PostgreSQL with its files in the data folder. */
export async function prepareDatabase({ dataFolder, databaseUrl, roleSecret }: { dataFolder: string; databaseUrl: string | undefined; roleSecret: string }): Promise<PreparedDatabase> {
  const database = await openDatabaseOf({ dataFolder, databaseUrl });
  try {
    await migrateAll(database.url, roleSecret);
  } catch (error) {
    await database.stop();
    throw error;
  }
  return database;
}

/** The same database as it is. */
export async function openDatabaseOf({ dataFolder, databaseUrl }: { readonly dataFolder: string; readonly databaseUrl: string | undefined }): Promise<PreparedDatabase> {
  if (databaseUrl !== undefined) return { url: databaseUrl, stop: async () => {} };
  const embedded = await startEmbeddedPostgres({ dataFolder: join(dataFolder, 'postgres') });
  return { url: embedded.url(EMBEDDED_DATABASE), stop: () => embedded.stop() };
}

/** Applies what is missing in every service's schema; makes the services' roles and sets their passwords. */
export async function migrateAll(url: string, roleSecret: string): Promise<readonly AppliedMigration[]> {
  return await migrate({ url, roleSecret, schemas: await Promise.all(serviceNames.map((name) => schemaMigrations(join(servicesFolder, name)))) });
}
