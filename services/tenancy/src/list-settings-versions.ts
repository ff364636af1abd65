/** ListSettingsVersions: every version of the settings, as a billing run reads them. */
import { commonErrors, type CallContext } from '@valora/chassis';
import type { ListSettingsVersionsResponse } from '@valora/contracts/valora/tenancy/v1/organization';
import type { Dependencies } from './dependencies.ts';
import { settingsVersionToProto } from './settings.ts';
import { listSettings } from './settings-store.ts';

export async function listSettingsVersions({ database }: Dependencies, { organizationId }: CallContext): Promise<ListSettingsVersionsResponse> {
  const versions = await database.transaction(organizationId, (tx) => listSettings(tx, organizationId));
  if (versions.length === 0) throw commonErrors.NOT_FOUND({ resource: 'organization', name: organizationId });
  return { settingsVersions: versions.map(settingsVersionToProto) };
}
