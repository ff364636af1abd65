/** GetOrganization: the caller's organization, its settings in force, and what its clock says. */
import { commonErrors, currentTime, sqlOf, timestampFromInstant, type CallContext } from '@valora/chassis';
import type { GetOrganizationResponse } from '@valora/contracts/valora/tenancy/v1/organization';
import type { Dependencies } from './dependencies.ts';
import { organizationToProto } from './organization.ts';
import { findOrganization } from './organization-store.ts';
import { findSettingsInForce } from './settings-store.ts';

export async function getOrganization({ database }: Dependencies, { organizationId }: CallContext): Promise<GetOrganizationResponse> {
  return await database.transaction(organizationId, async (tx) => {
    const organization = await findOrganization(tx, organizationId);
    const settings = await findSettingsInForce(tx, organizationId);
    if (organization === null || settings === null) throw commonErrors.NOT_FOUND({ resource: 'organization', name: organizationId });
    return { organization: organizationToProto(organization, settings), currentTime: timestampFromInstant(await currentTime(sqlOf(tx))) };
  });
}
