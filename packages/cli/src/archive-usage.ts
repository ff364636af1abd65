// `valora usage archive`: done on the database itself, by its owner, because no service may take a table apart.
import { readNamedFile, type Environment } from '@valora/chassis';
import { archiveUsage, ArchiveRefused } from '@valora/metering';
import { existsSync } from 'node:fs';
import { CommandError } from './command.ts';
import { openDatabaseOf } from './prepare-database.ts';
import { requireDatabaseUrl } from './secrets.ts';
import { DATA_FOLDER_DEFAULT } from './up.ts';

/** `month` is the first that stays. */
export async function archiveCommand(month: string, environment: Environment, print: (line: string) => void): Promise<void> {
  const given = environment['DATABASE_URL'] || readNamedFile('DATABASE_URL', environment);
  const dataFolder = environment['VALORA_DATA_FOLDER'] || DATA_FOLDER_DEFAULT;
  if (!given && !existsSync(dataFolder)) throw new CommandError(`There is neither DATABASE_URL nor a data folder ${dataFolder}. Name the database whose usage is to be archived.`);
  const database = await openDatabaseOf({ dataFolder, databaseUrl: given ? requireDatabaseUrl(given) : undefined });
  try {
    const tables = await archiveUsage(database.url, month);
    for (const { table, rows } of tables) print(`metering.${table}: ${rows} events`);
    print(tables.length === 0 ? `No usage from before ${month} is left to archive.` : 'Usage is no longer computed from these tables. Export them, then drop them.');
  } catch (error) {
    if (error instanceof ArchiveRefused) throw new CommandError(error.message);
    throw error;
  } finally {
    await database.stop();
  }
}
