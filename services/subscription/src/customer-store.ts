// All SQL of customers.
import { commonErrors, isUniqueViolation, sqlOf } from '@valora/chassis';
import { instant } from '@valora/rating';
import type { Customer } from './customer.ts';
import type { Transaction } from './database.ts';
import type { Customer as CustomerRow } from './generated/prisma/client.ts';

function customerFromRow({ reference, displayName, timeZone, recordedTime }: CustomerRow): Customer {
  return { reference, displayName, timeZone, recordedTime: instant(recordedTime) };
}

/** Errors: ALREADY_EXISTS. */
export async function insertCustomer(tx: Transaction, organizationId: string, customer: Customer): Promise<void> {
  try {
    await tx.customer.create({ data: { organizationId, ...customer } });
  } catch (error) {
    if (isUniqueViolation(error)) throw commonErrors.ALREADY_EXISTS({ resource: 'customer', name: customer.reference });
    throw error;
  }
}

export async function findCustomer(tx: Transaction, organizationId: string, reference: string): Promise<Customer | null> {
  const row = await tx.customer.findUnique({ where: { organizationId_reference: { organizationId, reference } } });
  return row === null ? null : customerFromRow(row);
}

/** Up to `limit` customers after a reference, by reference. */
export async function listCustomersAfter(tx: Transaction, organizationId: string, { after, limit }: { after: string | null; limit: number }): Promise<readonly Customer[]> {
  const rows = await tx.customer.findMany({
    where: { organizationId, ...(after === null ? {} : { reference: { gt: after } }) },
    orderBy: { reference: 'asc' },
    take: limit,
  });
  return rows.map(customerFromRow);
}

/**
 * Lets one change of what a customer has live in at a time, until the transaction ends. A row lock would need the right
 * to update the row, which nobody has. Read in later statements: one begun before the wait would miss what was stored.
 */
export async function lockCustomer(tx: Transaction, reference: string): Promise<void> {
  await sqlOf(tx).query(`select pg_advisory_xact_lock(hashtextextended(jsonb_build_array(current_organization(), 'customer', $1::text)::text, 0))::text`, [reference]);
}
