// Invoicing's own schema.
import { openServiceDatabase, type Database, type Platform, type ServiceGround } from '@valora/chassis';
import { PrismaClient, type Prisma } from './generated/prisma/client.ts';

export type Transaction = Prisma.TransactionClient;
export type InvoicingDatabase = Database<Transaction>;

export function openInvoicingDatabase(platform: Platform, ground: Pick<ServiceGround, 'log' | 'metrics'>): InvoicingDatabase {
  return openServiceDatabase<Transaction>({ platform, service: 'invoicing', ground, createClient: (adapter) => new PrismaClient({ adapter }) });
}
