// Invoicing's own schema.
import { openServiceDatabase, type Database, type Log, type Platform } from '@valora/chassis';
import { PrismaClient, type Prisma } from './generated/prisma/client.ts';

export type Transaction = Prisma.TransactionClient;
export type InvoicingDatabase = Database<Transaction>;

export function openInvoicingDatabase(platform: Platform, log: Log): InvoicingDatabase {
  return openServiceDatabase<Transaction>({ platform, service: 'invoicing', log, createClient: (adapter) => new PrismaClient({ adapter }) });
}
