/**
 * CreateOrganization: an organization with its fence, its first settings and its first key, in one transaction.
 *
 * The operator belongs to no organization, but its requests are answered once like everybody's: they are kept under the name `operator`, which no organization can
 * have. The transaction begins under that name, acts for the new organization while it makes it, and goes back to store the answer. What is stored holds the key's id in
 * the place of the key.
 */
import { appendAuditRecords, commonErrors, ensureFence, Fields, mutate, sqlOf, takeRecordedTime, type CallContext } from '@valora/chassis';
import { OrganizationServiceService, type CreateOrganizationRequest, type CreateOrganizationResponse } from '@valora/contracts/valora/tenancy/v1/organization';
import { derivedId, type Instant } from '@valora/rating';
import { makeFreshKey, textOnce, type FreshKey } from './api-key.ts';
import { insertApiKey } from './api-key-store.ts';
import type { Dependencies, Transaction } from './dependencies.ts';
import { organizationToProto, parseOrganizationId, type Organization } from './organization.ts';
import { actForOrganization, insertOrganization, takeOrganizationId } from './organization-store.ts';
import { parseSettings, type Settings } from './settings.ts';
import { insertSettingsVersion } from './settings-store.ts';

interface NewOrganization {
  readonly organizationId: string;
  readonly displayName: string;
  readonly currencyCode: string;
  readonly sandboxTime: Instant | null;
  readonly settings: Settings;
}

const OPERATOR = 'operator';
const FIRST_KEY_NAME = 'First key';

export async function createOrganization({ database }: Dependencies, context: CallContext, request: CreateOrganizationRequest): Promise<CreateOrganizationResponse> {
  const wanted = parseRequest(request);
  const key = makeFreshKey(wanted.organizationId);
  const method = OrganizationServiceService.createOrganization;
  const operatorContext = { ...context, organizationId: OPERATOR };
  const response = await mutate({ database, findSandboxTime: async () => null }, { context: operatorContext, method, request }, async (tx) => {
    const organization = await makeOrganization(tx, wanted, key);
    await appendAuditRecords(sqlOf(tx), { context, action: method.path, recordedTime: organization.recordedTime }, [{ subject: `organization ${organization.organizationId}`, change: { first_key: key.keyId } }]);
    await actForOrganization(tx, OPERATOR);
    return { organization: organizationToProto(organization, wanted.settings), apiKey: key.keyId };
  });
  return { ...response, apiKey: textOnce(key, response.apiKey) };
}

function parseRequest(request: CreateOrganizationRequest): NewOrganization {
  const fields = new Fields();
  const requestId = fields.requestId(request.requestId);
  const wanted = {
    organizationId: request.organizationId === ''
      ? derivedId('org', OrganizationServiceService.createOrganization.path, requestId)
      : parseOrganizationId(fields, 'organization_id', request.organizationId),
    displayName: fields.text('display_name', request.displayName, { lengthMin: 1, lengthMax: 200 }),
    currencyCode: fields.currency('currency_code', request.currencyCode),
    sandboxTime: request.sandboxTime === undefined ? null : fields.sandboxTime('sandbox_time', request.sandboxTime),
    settings: parseSettings(fields, 'settings', request.settings ?? {}),
  };
  fields.check();
  return wanted;
}

async function makeOrganization(tx: Transaction, { organizationId, displayName, currencyCode, sandboxTime, settings }: NewOrganization, key: FreshKey): Promise<Organization> {
  if (!await takeOrganizationId(tx, organizationId)) throw commonErrors.ALREADY_EXISTS({ resource: 'organization', name: organizationId });
  await actForOrganization(tx, organizationId);
  await ensureFence(sqlOf(tx), sandboxTime);
  const recordedTime = await takeRecordedTime(sqlOf(tx));
  const organization = { organizationId, displayName, currencyCode, sandbox: sandboxTime !== null, recordedTime };
  await insertOrganization(tx, organization);
  await insertSettingsVersion(tx, organizationId, { version: 1, recordedTime, ...settings });
  await insertApiKey(tx, organizationId, {
    keyId: key.keyId, displayName: FIRST_KEY_NAME, scopes: ['admin'], secretDigest: key.secretDigest, expireTime: null, recordedTime, revokedTime: null,
  });
  return organization;
}
