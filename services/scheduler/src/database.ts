// The scheduler's own schema: job runs and nothing else.
import { openServiceDatabase, type Database, type Log, type Platform } from '@valora/chassis';
import { PrismaClient, type Prisma } from './generated/prisma/client.ts';

export type Transaction = Prisma.TransactionClient;
export type SchedulerDatabase = Database<Transaction>;

export function openSchedulerDatabase(platform: Platform, log: Log): SchedulerDatabase {
  return openServiceDatabase<Transaction>({ platform, service: 'scheduler', log, createClient: (adapter) => new PrismaClient({ adapter }) });
}
