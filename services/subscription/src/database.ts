// Subscription's own schema.
import { openServiceDatabase, type Database, type Platform, type ServiceGround } from '@valora/chassis';
import { PrismaClient, type Prisma } from './generated/prisma/client.ts';

export type Transaction = Prisma.TransactionClient;
export type SubscriptionDatabase = Database<Transaction>;

export function openSubscriptionDatabase(platform: Platform, ground: Pick<ServiceGround, 'log' | 'metrics'>): SubscriptionDatabase {
  return openServiceDatabase<Transaction>({ platform, service: 'subscription', ground, createClient: (adapter) => new PrismaClient({ adapter }) });
}
