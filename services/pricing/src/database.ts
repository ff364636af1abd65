// Pricing's own schema.
import { openServiceDatabase, type Database, type Platform, type ServiceGround } from '@valora/chassis';
import { PrismaClient, type Prisma } from './generated/prisma/client.ts';

export type Transaction = Prisma.TransactionClient;

export function openPricingDatabase(platform: Platform, ground: Pick<ServiceGround, 'log' | 'metrics'>): Database<Transaction> {
  return openServiceDatabase<Transaction>({ platform, service: 'pricing', ground, createClient: (adapter) => new PrismaClient({ adapter }) });
}
