// The scheduler's own schema: job runs and nothing else.
import { openServiceDatabase, type Database, type Platform, type ServiceGround } from '@valora/chassis';
import { PrismaClient, type Prisma } from './generated/prisma/client.ts';

export type Transaction = Prisma.TransactionClient;
export type SchedulerDatabase = Database<Transaction>;

export function openSchedulerDatabase(platform: Platform, ground: Pick<ServiceGround, 'log' | 'metrics'>): SchedulerDatabase {
  return openServiceDatabase<Transaction>({ platform, service: 'scheduler', ground, createClient: (adapter) => new PrismaClient({ adapter }) });
}
