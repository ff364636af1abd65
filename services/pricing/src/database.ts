// Pricing's own schema.
import { openServiceDatabase, type Database, type Log, type Platform } from '@valora/chassis';
import { PrismaClient, type Prisma } from './generated/prisma/client.ts';

export type Transaction = Prisma.TransactionClient;

export function openPricingDatabase(platform: Platform, log: Log): Database<Transaction> {
  return openServiceDatabase<Transaction>({ platform, service: 'pricing', log, createClient: (adapter) => new PrismaClient({ adapter }) });
}
