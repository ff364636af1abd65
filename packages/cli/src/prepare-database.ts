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
  const embedded = databaseUrl === undefined ? await startEmbeddedPostgres({ dataFolder: join(dataFolder, 'postgres') }) : null;
  const url = embedded?.url(EMBEDDED_DATABASE) ?? databaseUrl ?? '';
  const stop = async (): Promise<void> => await embedded?.stop();
  try {
    await migrateAll(url, roleSecret);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

/** Applies what is missing in every service's schema; makes the services' roles and sets their passwords. */
export async function migrateAll(url: string, roleSecret: string): Promise<readonly AppliedMigration[]> {
  return await migrate({ url, roleSecret, schemas: await Promise.all(serviceNames.map((name) => schemaMigrations(join(servicesFolder, name)))) });
}
