import { ApiKeyServiceService as apiKeys } from '@valora/contracts/valora/tenancy/v1/api_key';
import { FenceServiceService as fence } from '@valora/contracts/valora/tenancy/v1/fence';
import { OrganizationServiceService as organizations } from '@valora/contracts/valora/tenancy/v1/organization';
import { CallError, parseApiKey, secretMatches } from '@valora/chassis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serviceContext, startTenancy, type RunningTenancy } from './running-tenancy.ts';

let tenancy: RunningTenancy;
beforeAll(async () => { tenancy = await startTenancy(); });
afterAll(() => tenancy.stop());

const FAR = { seconds: 32_503_680_000n, nanos: 0 };
const PAST = { seconds: 1_000_000_000n, nanos: 0 };

function keyIdOf(text: string): string {
  return parseApiKey(text)?.keyId ?? '';
}

describe('CreateApiKey', () => {
  test('shows the key once, and it may do what its scopes say', async () => {
    const { apiKey: admin } = await tenancy.createOrganization();
    const request = { requestId: 'k', displayName: 'Reader', scopes: ['usage:write', 'organization:read'], expireTime: FAR };
    const { apiKey, secret } = await tenancy.call(admin, apiKeys.createApiKey, request);
    expect(apiKey).toMatchObject({ keyId: keyIdOf(secret), displayName: 'Reader', scopes: ['organization:read', 'usage:write'], expireTime: FAR });
    expect(await tenancy.call(admin, apiKeys.createApiKey, request)).toEqual({ apiKey, secret: '' });
    expect((await tenancy.call(secret, organizations.getOrganization, {})).organization?.displayName).toBe('Acme');
    expect((await tenancy.refusal(secret, apiKeys.listApiKeys, { pageSize: 0, pageToken: '' })).reason).toBe('SCOPE_MISSING');
  });

  test.each([
    ['no scope', [], ['scopes']],
    ['an unknown scope', ['usage:read', 'usage:all'], ['scopes[1]']],
    ['a service\'s scope', ['internal', 'operator'], ['scopes[0]', 'scopes[1]']],
    ['a scope twice', ['admin', 'admin'], ['scopes[1]']],
  ])('refuses %s', async (_, scopes, fields) => {
    const { apiKey } = await tenancy.createOrganization();
    expect(await tenancy.refusal(apiKey, apiKeys.createApiKey, { requestId: 'k', displayName: 'x', scopes })).toEqual({ reason: 'FIELD_INVALID', fields });
  });

  test('an expired key is refused', async () => {
    const { apiKey } = await tenancy.createOrganization();
    const { secret } = await tenancy.call(apiKey, apiKeys.createApiKey, { requestId: 'k', displayName: 'Old', scopes: ['admin'], expireTime: PAST });
    expect((await tenancy.refusal(secret, organizations.getOrganization, {})).reason).toBe('CREDENTIAL_INVALID');
  });
});

test('the 1,000th live key is made, one more is refused until one is revoked; expired ones do not count', async () => {
  const { organizationId, apiKey } = await tenancy.createOrganization();
  const owner = new pg.Client({ connectionString: tenancy.database.url });
  await owner.connect();
  await owner.query(
    `insert into tenancy.api_key (organization_id, key_id, display_name, scopes, secret_digest, expire_time, recorded_time)
     select $1, lpad(n::text, 16, '0'), 'many', '{usage:read}', decode(repeat('00', 32), 'hex'), case when n > 998 then 0 end, 0 from generate_series(1, 1100) as n`, [organizationId]);
  await owner.end();
  const wanted = { displayName: 'x', scopes: ['usage:read'] };
  await tenancy.call(apiKey, apiKeys.createApiKey, { requestId: 'the 1,000th', ...wanted });
  expect((await tenancy.refusal(apiKey, apiKeys.createApiKey, { requestId: 'one more', ...wanted })).reason).toBe('API_KEY_LIMIT_REACHED');
  await tenancy.call(apiKey, apiKeys.revokeApiKey, { requestId: 'revoke', keyId: '0000000000000001' });
  await tenancy.call(apiKey, apiKeys.createApiKey, { requestId: 'one more', ...wanted });
});

describe('RevokeApiKey', () => {
  test('ends a key for good, also when it is revoked twice', async () => {
    const { apiKey: admin } = await tenancy.createOrganization();
    const { secret } = await tenancy.call(admin, apiKeys.createApiKey, { requestId: 'k', displayName: 'x', scopes: ['admin'] });
    const first = await tenancy.call(admin, apiKeys.revokeApiKey, { requestId: 'r1', keyId: keyIdOf(secret) });
    const second = await tenancy.call(admin, apiKeys.revokeApiKey, { requestId: 'r2', keyId: keyIdOf(secret) });
    expect(first.apiKey?.revokedTime).toBeDefined();
    expect(second).toEqual(first);
    expect((await tenancy.refusal(secret, organizations.getOrganization, {})).reason).toBe('CREDENTIAL_INVALID');
  });

  test("answers another organization's key exactly as one that does not exist", async () => {
    const { apiKey: mine } = await tenancy.createOrganization();
    const { apiKey: theirs } = await tenancy.createOrganization();
    for (const keyId of [keyIdOf(theirs), '0123456789abcdef']) {
      expect((await tenancy.refusal(mine, apiKeys.revokeApiKey, { requestId: keyId, keyId })).reason).toBe('NOT_FOUND');
    }
    expect((await tenancy.call(theirs, organizations.getOrganization, {})).organization).toBeDefined();
    expect(await tenancy.refusal(mine, apiKeys.revokeApiKey, { requestId: 'x', keyId: 'key' })).toEqual({ reason: 'FIELD_INVALID', fields: ['key_id'] });
  });
});

test('ListApiKeys pages by id and shows no secret', async () => {
  const { apiKey } = await tenancy.createOrganization();
  for (let index = 0; index < 4; index += 1) await tenancy.call(apiKey, apiKeys.createApiKey, { requestId: `k${index}`, displayName: `${index}`, scopes: ['usage:read'] });
  const first = await tenancy.call(apiKey, apiKeys.listApiKeys, { pageSize: 3, pageToken: '' });
  const second = await tenancy.call(apiKey, apiKeys.listApiKeys, { pageSize: 3, pageToken: first.nextPageToken });
  expect([first.apiKeys.length, second.apiKeys.length, second.nextPageToken]).toEqual([3, 2, '']);
  const ids = [...first.apiKeys, ...second.apiKeys].map(({ keyId }) => keyId);
  expect(ids).toEqual(ids.toSorted());
});

describe('for services', () => {
  test('GetApiKeyVerifier answers the digest of the secret', async () => {
    const { organizationId, apiKey: text } = await tenancy.createOrganization();
    const { apiKey, secretDigest } = await tenancy.peer.stub(apiKeys).getApiKeyVerifier(serviceContext(organizationId), { keyId: keyIdOf(text) });
    expect(apiKey?.scopes).toEqual(['admin']);
    expect(secretMatches(parseApiKey(text)?.secret ?? '', secretDigest)).toBe(true);
    const absent = tenancy.peer.stub(apiKeys).getApiKeyVerifier(serviceContext('org_absent'), { keyId: keyIdOf(text) });
    await expect(absent).rejects.toMatchObject({ reason: 'NOT_FOUND' });
  });

  test('the fence seals up to the clock of a sandbox and no further; the clock moves forward only', async () => {
    const { organizationId } = await tenancy.createOrganization({ sandboxTime: { seconds: 1000n, nanos: 0 } });
    const { sealThrough, setClock } = tenancy.peer.stub(fence);
    const context = serviceContext(organizationId);
    expect(await sealThrough(context, { throughTime: { seconds: 1000n, nanos: 0 } })).toEqual({ sealedThroughTime: { seconds: 1000n, nanos: 0 } });
    await expect(sealThrough(context, { throughTime: { seconds: 1001n, nanos: 0 } })).rejects.toMatchObject({ reason: 'SEAL_IN_FUTURE' });
    expect(await setClock(context, { currentTime: { seconds: 2000n, nanos: 0 } })).toEqual({ currentTime: { seconds: 2000n, nanos: 0 } });
    expect(await setClock(context, { currentTime: { seconds: 1500n, nanos: 0 } })).toEqual({ currentTime: { seconds: 2000n, nanos: 0 } });
    expect(await sealThrough(context, { throughTime: { seconds: 1001n, nanos: 0 } })).toEqual({ sealedThroughTime: { seconds: 1001n, nanos: 0 } });
  });

  test('an organization that does not exist has no fence, and an organization on the real clock no clock to set', async () => {
    const { sealThrough, setClock } = tenancy.peer.stub(fence);
    await expect(sealThrough(serviceContext('org_absent'), { throughTime: PAST })).rejects.toMatchObject({ reason: 'NOT_FOUND' });
    const { organizationId } = await tenancy.createOrganization();
    const refused = await setClock(serviceContext(organizationId), { currentTime: FAR }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CallError);
    expect(refused).toMatchObject({ reason: 'NOT_A_SANDBOX' });
  });
});
