/** A service of the tests' own: schema `lab` in a database of its own, with a table that may change (note) and one of facts (fact). */
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Database, openDatabase } from '../../src/database.ts';
import { createLog } from '../../src/log.ts';
import { migrate, type SchemaMigrations } from '../../src/migrate.ts';
import { type Prisma, PrismaClient } from './generated/prisma/client.ts';

export type LabTransaction = Prisma.TransactionClient;

export interface Lab {
  readonly testDatabase: TestDatabase;
  readonly database: Database<LabTransaction>;
  /** Statements as the owner, whom row-level security doesn't hold back. */
  readonly owner: pg.Pool;
  readonly logged: readonly string[];
  close(): Promise<void>;
}

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const labSchema: SchemaMigrations = {
  schema: 'lab',
  folders: [folder('../../migrations/ground'), folder('../../migrations/due-work'), folder('migrations')],
};

export async function openLab({ poolSizeMax = 8 }: { poolSizeMax?: number } = {}): Promise<Lab> {
  const testDatabase = await createTestDatabase({ empty: true });
  await migrate({ url: testDatabase.url, roleSecret: testDatabase.roleSecret, schemas: [labSchema] });
  const logged: string[] = [];
  const database = openDatabase({
    config: { ...testDatabase.config('lab'), poolSizeMax },
    log: createLog('lab', (line) => void logged.push(line)),
    createClient: (adapter) => new PrismaClient({ adapter }),
  });
  const owner = new pg.Pool({ connectionString: testDatabase.url, max: 2, options: '-c search_path=lab' });
  return {
    testDatabase, database, owner, logged,
    async close() {
      await database.close();
      await owner.end();
      await testDatabase.drop();
    },
  };
}
