/** ListOrganizations: pages through the directory of ids, then reads each organization under its own row-level security. */
import { paged, parsePage } from '@valora/chassis';
import type { ListOrganizationsRequest, ListOrganizationsResponse, Organization as OrganizationMessage } from '@valora/contracts/valora/tenancy/v1/organization';
import type { Dependencies, Transaction } from './dependencies.ts';
import { organizationToProto } from './organization.ts';
import { actForOrganization, findOrganization, listOrganizationIds } from './organization-store.ts';
import { findSettingsInForce } from './settings-store.ts';

export async function listOrganizations({ database }: Dependencies, request: ListOrganizationsRequest): Promise<ListOrganizationsResponse> {
  const page = parsePage(request, 1);
  return await database.transactionAcrossOrganizations(async (tx) => {
    const { rows, nextPageToken } = paged(await listOrganizationIds(tx, page), page, (organizationId) => [organizationId]);
    const organizations: OrganizationMessage[] = [];
    for (const organizationId of rows) organizations.push(await readOrganization(tx, organizationId));
    return { organizations, nextPageToken };
  });
}

async function readOrganization(tx: Transaction, organizationId: string): Promise<OrganizationMessage> {
  await actForOrganization(tx, organizationId);
  const organization = await findOrganization(tx, organizationId);
  const settings = await findSettingsInForce(tx, organizationId);
  if (organization === null || settings === null) throw new Error(`${organizationId} is in the directory but has no facts`);
  return organizationToProto(organization, settings);
}
