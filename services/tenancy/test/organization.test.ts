import { parseApiKey } from '@valora/chassis';
import { OrganizationServiceService as organizations, LatenessPolicy, RoundingMode } from '@valora/contracts/valora/tenancy/v1/organization';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTenancy, type RunningTenancy } from './running-tenancy.ts';

let tenancy: RunningTenancy;
beforeAll(async () => { tenancy = await startTenancy(); });
afterAll(() => tenancy.stop());

const request = { requestId: 'r', organizationId: '', displayName: 'Acme', currencyCode: 'EUR' };

describe('CreateOrganization', () => {
  test('answers the organization with the default settings and a key that works', async () => {
    const { organization, apiKey } = await tenancy.call(tenancy.operator, organizations.createOrganization, { ...request, requestId: 'defaults' });
    expect(organization?.organizationId).toMatch(/^org_[0-9a-z]{26}$/);
    expect(organization).toMatchObject({ displayName: 'Acme', currencyCode: 'EUR', sandbox: false });
    expect(organization?.settings).toEqual({ timeZone: 'UTC', roundingMode: RoundingMode.HALF_UP, grace: { seconds: 0n, nanos: 0 }, keepZeroLines: false, latenessPolicy: LatenessPolicy.ADJUST });
    expect((await tenancy.call(apiKey, organizations.getOrganization, {})).organization).toEqual(organization);
  });

  test('repeated, answers the same organization without the key; another body is refused', async () => {
    const first = await tenancy.call(tenancy.operator, organizations.createOrganization, { ...request, requestId: 'twice' });
    const again = await tenancy.call(tenancy.operator, organizations.createOrganization, { ...request, requestId: 'twice' });
    expect(again).toEqual({ organization: first.organization, apiKey: '' });
    for (const other of [{ displayName: 'Other' }, { organizationId: 'org_other' }]) {
      const refusal = await tenancy.refusal(tenancy.operator, organizations.createOrganization, { ...request, requestId: 'twice', ...other });
      expect(refusal.reason).toBe('REQUEST_ID_REUSED');
    }
  });

  test('twenty times at once with one request_id, makes one organization and shows one key', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => tenancy.call(tenancy.operator, organizations.createOrganization, { ...request, requestId: 'at once' })));
    expect(new Set(answers.map(({ organization }) => organization?.organizationId)).size).toBe(1);
    expect(answers.filter(({ apiKey }) => apiKey !== '')).toHaveLength(1);
  });

  test('takes the wanted id, once', async () => {
    const wanted = { ...request, organizationId: 'org_acme-1' };
    const { organization } = await tenancy.call(tenancy.operator, organizations.createOrganization, { ...wanted, requestId: 'wanted' });
    expect(organization?.organizationId).toBe('org_acme-1');
    const refusal = await tenancy.refusal(tenancy.operator, organizations.createOrganization, { ...wanted, requestId: 'wanted too' });
    expect(refusal.reason).toBe('ALREADY_EXISTS');
  });

  test('names every bad field at once', async () => {
    const refusal = await tenancy.refusal(tenancy.operator, organizations.createOrganization, {
      requestId: '', organizationId: 'acme', displayName: '', currencyCode: 'usd', sandboxTime: { seconds: 1n << 40n, nanos: 0 },
      settings: { timeZone: 'Mars/Olympus', roundingMode: RoundingMode.HALF_UP, grace: { seconds: 90n * 86_400n, nanos: 1000 }, keepZeroLines: false, latenessPolicy: LatenessPolicy.ADJUST },
    });
    expect(refusal.reason).toBe('FIELD_INVALID');
    expect(refusal.fields).toEqual(['request_id', 'organization_id', 'display_name', 'currency_code', 'sandbox_time', 'settings.time_zone', 'settings.grace']);
  });

  test('stores no key anywhere: the secret is found in no table', async () => {
    const { apiKey } = await tenancy.createOrganization();
    const secret = parseApiKey(apiKey)?.secret ?? '';
    expect(secret).not.toBe('');
    const owner = new pg.Client({ connectionString: tenancy.database.url });
    await owner.connect();
    const { rows } = await owner.query<{ found: boolean }>(
      `select exists (select from tenancy.request where position($1::bytea in response) > 0)
         or exists (select from tenancy.api_key where api_key::text like '%' || $2 || '%') as found`, [Buffer.from(secret), secret]);
    await owner.end();
    expect(rows).toEqual([{ found: false }]);
  });
});

describe('a sandbox', () => {
  test('stands where it was put: recorded time and current time are its own', async () => {
    const sandboxTime = { seconds: 1_700_000_000n, nanos: 0 };
    const { apiKey } = await tenancy.createOrganization({ sandboxTime });
    const { organization, currentTime } = await tenancy.call(apiKey, organizations.getOrganization, {});
    expect(organization).toMatchObject({ sandbox: true, recordedTime: sandboxTime });
    expect(currentTime).toEqual(sandboxTime);
  });
});

describe('ListOrganizations', () => {
  test('pages through all of them by id, each once', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => tenancy.createOrganization()));
    const listed: string[] = [];
    let pageToken = '';
    do {
      const page = await tenancy.call(tenancy.operator, organizations.listOrganizations, { pageSize: 2, pageToken });
      listed.push(...page.organizations.map(({ organizationId }) => organizationId));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(listed).toEqual([...new Set(listed)].toSorted());
    expect(listed).toEqual(expect.arrayContaining(made.map(({ organizationId }) => organizationId)));
  });

  test('is for the operator alone, and the operator may do nothing else', async () => {
    const { apiKey } = await tenancy.createOrganization();
    expect((await tenancy.refusal(apiKey, organizations.listOrganizations, { pageSize: 0, pageToken: '' })).reason).toBe('SCOPE_MISSING');
    expect((await tenancy.refusal(tenancy.operator, organizations.getOrganization, {})).reason).toBe('SCOPE_MISSING');
  });
});

describe('settings', () => {
  const settings = { timeZone: 'Europe/Berlin', roundingMode: RoundingMode.HALF_EVEN, grace: { seconds: 3600n, nanos: 1000 }, keepZeroLines: true, latenessPolicy: LatenessPolicy.HOLD };

  test('change by a new version; the old ones stay', async () => {
    const { apiKey } = await tenancy.createOrganization();
    const { settingsVersion } = await tenancy.call(apiKey, organizations.changeSettings, { requestId: 'c', settings });
    expect(settingsVersion).toMatchObject({ version: 2, settings });
    const { settingsVersions } = await tenancy.call(apiKey, organizations.listSettingsVersions, {});
    expect(settingsVersions.map(({ version, settings: held }) => [version, held?.timeZone])).toEqual([[1, 'UTC'], [2, 'Europe/Berlin']]);
    expect((await tenancy.call(apiKey, organizations.getOrganization, {})).organization?.settings).toEqual(settings);
    expect(await tenancy.call(apiKey, organizations.changeSettings, { requestId: 'c', settings })).toEqual({ settingsVersion });
  });

  test('changed by many at once, get versions without a gap and recorded times that never fall', async () => {
    const { apiKey } = await tenancy.createOrganization();
    await Promise.all(Array.from({ length: 20 }, (_, index) => tenancy.call(apiKey, organizations.changeSettings, { requestId: `c${index}`, settings })));
    const { settingsVersions } = await tenancy.call(apiKey, organizations.listSettingsVersions, {});
    expect(settingsVersions.map(({ version }) => version)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
    const recorded = settingsVersions.map(({ recordedTime }) => (recordedTime?.seconds ?? 0n) * 1_000_000n + BigInt((recordedTime?.nanos ?? 0) / 1000));
    expect(recorded).toEqual(recorded.toSorted((one, other) => (one < other ? -1 : 1)));
  });

  test('must be given whole', async () => {
    const { apiKey } = await tenancy.createOrganization();
    expect(await tenancy.refusal(apiKey, organizations.changeSettings, { requestId: 'none' })).toEqual({ reason: 'FIELD_INVALID', fields: ['settings'] });
  });
});
