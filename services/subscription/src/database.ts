// Subscription's own schema.
import { openServiceDatabase, type Database, type Log, type Platform } from '@valora/chassis';
import { PrismaClient, type Prisma } from './generated/prisma/client.ts';

export type Transaction = Prisma.TransactionClient;
export type SubscriptionDatabase = Database<Transaction>;

export function openSubscriptionDatabase(platform: Platform, log: Log): SubscriptionDatabase {
  return openServiceDatabase<Transaction>({ platform, service: 'subscription', log, createClient: (adapter) => new PrismaClient({ adapter }) });
}
