/** ChangeSettings: the next version of the organization's settings. */
import { commonErrors, Fields, mutate, type CallContext } from '@valora/chassis';
import { OrganizationServiceService, type ChangeSettingsRequest, type ChangeSettingsResponse } from '@valora/contracts/valora/tenancy/v1/organization';
import type { Instant } from '@valora/rating';
import type { Dependencies } from './dependencies.ts';
import { errors } from './errors.ts';
import { parseSettings, settingsVersionToProto, type Settings, type SettingsVersion } from './settings.ts';
import { findSettingsInForce, insertSettingsVersion, lockSettings } from './settings-store.ts';

const VERSIONS_MAX = 10_000;

export async function changeSettings(dependencies: Dependencies, context: CallContext, request: ChangeSettingsRequest): Promise<ChangeSettingsResponse> {
  const { organizationId } = context;
  const settings = parseRequest(request);
  return await mutate(dependencies, { context, method: OrganizationServiceService.changeSettings, request }, async (tx, recordedTime) => {
    await lockSettings(tx, organizationId);
    const previous = await findSettingsInForce(tx, organizationId);
    if (previous === null) throw commonErrors.NOT_FOUND({ resource: 'organization', name: organizationId });
    if (previous.version >= VERSIONS_MAX) throw errors.SETTINGS_LIMIT_REACHED({ versions_max: String(VERSIONS_MAX) });
    const next = nextVersion(previous, settings, recordedTime);
    await insertSettingsVersion(tx, organizationId, next);
    return { settingsVersion: settingsVersionToProto(next) };
  });
}

/**
 * The version after `previous`. Recorded times never fall from version to version: this transaction took its own before it waited for the other one, and a later recorded
 * time is always allowed while the fence is held.
 */
function nextVersion(previous: SettingsVersion, settings: Settings, recordedTime: Instant): SettingsVersion {
  return { version: previous.version + 1, recordedTime: recordedTime > previous.recordedTime ? recordedTime : previous.recordedTime, ...settings };
}

function parseRequest({ requestId, settings }: ChangeSettingsRequest): Settings {
  const fields = new Fields();
  fields.requestId(requestId);
  if (settings === undefined) fields.refuse('settings', 'MISSING', 'Must be given: the complete new settings.');
  const parsed = parseSettings(fields, 'settings', settings ?? {});
  fields.check();
  return parsed;
}
