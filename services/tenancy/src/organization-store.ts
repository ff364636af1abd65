/** Organizations in the database. */
import { queryOne, sqlOf, type Page } from '@valora/chassis';
import { instant } from '@valora/rating';
import type { Transaction } from './dependencies.ts';
import type { Organization } from './organization.ts';

/**
 * From here on the transaction acts for another organization. Only for the operator's use cases, which make or list organizations: everywhere else the organization of a
 * transaction is the caller's, from beginning to end.
 */
export async function actForOrganization(tx: Transaction, organizationId: string): Promise<void> {
  await queryOne(sqlOf(tx), `select set_config('app.organization', $1, true)`, [organizationId]);
}

/** Takes an id for good; false if it is taken. Waits for a transaction that is taking it at this moment. */
export async function takeOrganizationId(tx: Transaction, organizationId: string): Promise<boolean> {
  const { count } = await tx.organizationDirectory.createMany({ data: [{ organizationId }], skipDuplicates: true });
  return count === 1;
}

/** One id more than the page holds, so that the caller sees whether there is another page. */
export async function listOrganizationIds(tx: Transaction, { size, after }: Page): Promise<string[]> {
  const [start = ''] = after ?? [];
  const rows = await tx.organizationDirectory.findMany({ where: { organizationId: { gt: start } }, orderBy: { organizationId: 'asc' }, take: size + 1 });
  return rows.map(({ organizationId }) => organizationId);
}

export async function insertOrganization(tx: Transaction, organization: Organization): Promise<void> {
  await tx.organization.create({ data: organization });
}

export async function findOrganization(tx: Transaction, organizationId: string): Promise<Organization | null> {
  const row = await tx.organization.findUnique({ where: { organizationId } });
  return row === null ? null : { ...row, recordedTime: instant(row.recordedTime) };
}
