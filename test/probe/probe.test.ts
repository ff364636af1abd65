// Every rpc, found from the descriptors, is called without a key, with bad ones, with every scope but the right one, and with
// another organization's ids. A foreign id must be answered exactly as one that never existed, and change nothing.
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { apiKeyScopes, createServiceTokenIssuer, errorDetailsOf, rpcAccess, timestampFromInstant } from '@valora/chassis';
import { InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { Aggregation, MeterServiceService } from '@valora/contracts/valora/metering/v1/meter';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { CatalogServiceService } from '@valora/contracts/valora/pricing/v1/catalog';
import { SchedulerServiceService } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { CustomerServiceService } from '@valora/contracts/valora/subscription/v1/customer';
import { SubscriptionServiceService } from '@valora/contracts/valora/subscription/v1/subscription';
import { ApiKeyServiceService } from '@valora/contracts/valora/tenancy/v1/api_key';
import { parseInstant } from '@valora/rating';
import { startTestValora, type TestOrganization, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { methods, requests, type Ids } from './rpcs.ts';

const paths = [...rpcAccess.keys()].toSorted();
const START = '2026-01-01T00:00:00Z';

let valora: TestValora;
let victim: TestOrganization;
let other: TestOrganization;
let victimIds: Ids;
let client: Client;

interface Answer {
  readonly code: status;
  readonly reason: string;
  readonly text: string;
}

async function call(path: string, credential: string | null, request: object): Promise<Answer> {
  const method = methods.get(path);
  if (method === undefined) throw new Error(`${path} is not in the table of methods`);
  const metadata = new Metadata();
  if (credential !== null) metadata.set('authorization', credential);
  const { requestSerialize, responseDeserialize } = method as unknown as { requestSerialize: (value: object) => Buffer; responseDeserialize: (bytes: Buffer) => object };
  if (method.responseStream) return await firstOfStream(path, { requestSerialize, responseDeserialize, request, metadata });
  return await new Promise((resolve) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, { deadline: Date.now() + 20_000 }, (error: ServiceError | null, response?: object) => {
      resolve(error === null ? { code: status.OK, reason: '', text: JSON.stringify(response, plain) } : { code: error.code, reason: errorDetailsOf(error).reason, text: error.details });
    });
  });
}

interface StreamCall {
  readonly requestSerialize: (value: object) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => object;
  readonly request: object;
  readonly metadata: Metadata;
}

/** The first answer of a stream, its error, or that there was nothing for half a second. */
async function firstOfStream(path: string, { requestSerialize, responseDeserialize, request, metadata }: StreamCall): Promise<Answer> {
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata, { deadline: Date.now() + 500 });
  return await new Promise((resolve) => {
    stream.on('data', (response: object) => {
      stream.cancel();
      resolve({ code: status.OK, reason: '', text: JSON.stringify(response, plain) });
    });
    stream.on('error', (error: ServiceError) => resolve({ code: error.code, reason: errorDetailsOf(error).reason, text: error.code === status.DEADLINE_EXCEEDED ? 'nothing' : error.details }));
    stream.on('end', () => resolve({ code: status.OK, reason: '', text: 'end' }));
  });
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

const at = (text: string) => timestampFromInstant(parseInstant(text));

function idsOf(suffix: string): Ids {
  return {
    keyId: suffix.padEnd(16, '0').slice(0, 16), meter: `meter-${suffix}`, price: `price-${suffix}`, plan: `plan-${suffix}`, customer: `customer-${suffix}`, subscription: `subscription-${suffix}`,
    event: `event-${suffix}`, invoice: `inv_${suffix}`, creditNote: `crn_${suffix}`, requestId: `request-${suffix}`,
  };
}

/** One of everything, billed. */
async function furnish({ connection }: TestOrganization): Promise<Ids> {
  const ids = idsOf('victim');
  await connection.stub(MeterServiceService).createMeter({ requestId: 'a', meter: { code: ids.meter, displayName: '', aggregation: Aggregation.SUM, filters: [], uniqueProperty: '', takesNegativeValues: false } });
  const catalog = connection.stub(CatalogServiceService);
  await catalog.createPrice({ requestId: 'a', price: { code: ids.price, displayName: 'x', meter: ids.meter, currencyCode: 'USD', billingTiming: 1, versions: [], bounds: [], versionResolution: 1 } });
  await catalog.publishPriceVersion({ requestId: 'a', price: ids.price, effectiveFromTime: at(START), model: { model: { $case: 'perUnit', value: { unitAmount: '1' } } }, allowBackDating: false });
  await catalog.createPlan({ requestId: 'a', plan: { code: ids.plan, displayName: 'x', version: 0, interval: 3, intervalCount: 1, prices: [ids.price] } });
  await connection.stub(CustomerServiceService).createCustomer({ requestId: 'a', customer: { reference: ids.customer, displayName: '', timeZone: '' } });
  await connection.stub(SubscriptionServiceService).createSubscription({
    requestId: 'a', subscription: { reference: ids.subscription, customer: ids.customer, plan: ids.plan, planVersion: 0, startTime: at(START), items: [], timeZone: '', interval: 0, intervalCount: 0, state: 0, alignment: 0 },
  });
  await connection.stub(UsageServiceService).recordUsage({ events: [{ idempotencyKey: ids.event, meter: ids.meter, customer: ids.customer, subscription: '', eventTime: at(START), value: '7', properties: new Map() }] });
  await connection.stub(SchedulerServiceService).advanceClock({ targetTime: at('2026-02-02T00:00:00Z') });
  const { invoices } = await connection.stub(InvoiceServiceService).listInvoices({ pageSize: 0, pageToken: '', subscription: '' });
  const { apiKeys } = await connection.stub(ApiKeyServiceService).listApiKeys({ pageSize: 0, pageToken: '' });
  return { ...ids, invoice: invoices[0]?.invoiceId ?? '', keyId: apiKeys[0]?.keyId ?? '' };
}

/** Every row of an organization in every table, as text. */
async function rowsOf(organizationId: string): Promise<string> {
  const owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
  try {
    const { rows: tables } = await owner.query<{ name: string }>(`select table_schema || '.' || table_name as name from information_schema.columns
      where column_name = 'organization_id' and table_schema in ('tenancy', 'metering', 'pricing', 'subscription', 'invoicing', 'scheduler') order by 1`);
    const contents: string[] = [];
    for (const { name } of tables) {
      const { rows } = await owner.query<{ row: string }>(`select t::text as row from ${name} t where organization_id = $1 order by 1`, [organizationId]);
      contents.push(`${name}\n${rows.map(({ row }) => row).join('\n')}`);
    }
    return contents.join('\n');
  } finally {
    await owner.end();
  }
}

beforeAll(async () => {
  valora = await startTestValora();
  client = new Client(valora.address, credentials.createInsecure());
  victim = await valora.createOrganization({ sandboxTime: START });
  other = await valora.createOrganization({ sandboxTime: START });
  victimIds = await furnish(victim);
});
afterAll(async () => {
  client.close();
  await valora.stop();
});

test('every rpc of the contracts has a probe, and every probe an rpc', () => {
  expect(Object.keys(requests).toSorted()).toEqual(paths);
  expect([...methods.keys()].toSorted()).toEqual(paths);
});

describe.each(paths)('%s', (path) => {
  const request = (ids: Ids): object => requests[path]?.(ids) ?? {};
  const scope = rpcAccess.get(path)?.scope ?? '';

  test('without a key: UNAUTHENTICATED', async () => {
    expect(await call(path, null, request(idsOf('nobody')))).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'CREDENTIAL_MISSING' });
  });

  test('with what is no key, an unknown key, a key with another secret, or a key of a made-up organization: UNAUTHENTICATED', async () => {
    const flipped = victim.apiKey.replace(/_[0-9a-f]{64}_/, `_${'0'.repeat(64)}_`);
    for (const text of ['x', 'Bearer', 'Bearer vl_', `Bearer ${flipped}`, `Bearer ${victim.apiKey}0`, `Basic ${victim.apiKey}`, 'Bearer vo_1', 'Bearer eyJhbGciOiJub25lIn0.e30.']) {
      const { code, reason } = await call(path, text, request(idsOf('nobody')));
      expect([text, code, reason]).toEqual([text, status.UNAUTHENTICATED, 'CREDENTIAL_INVALID']);
    }
  });

  test('with every scope but the right one: PERMISSION_DENIED', async () => {
    const scopes = apiKeyScopes.filter((one) => one !== scope && one !== 'admin');
    const { secret } = await other.connection.stub(ApiKeyServiceService).createApiKey({ requestId: `without ${scope}`, displayName: 'x', scopes });
    const key = secret === '' ? await keyWithout(scope) : remember(scope, secret);
    expect(await call(path, `Bearer ${key}`, request(idsOf('nobody')))).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'SCOPE_MISSING' });
    if (scope !== 'operator') expect(await call(path, `Bearer ${valora.secrets.operatorCredential}`, request(idsOf('nobody')))).toMatchObject({ code: status.PERMISSION_DENIED });
    if (scope === 'operator' || scope === 'internal') {
      expect(await call(path, `Bearer ${victim.apiKey}`, request(idsOf('nobody')))).toMatchObject({ code: status.PERMISSION_DENIED });
    }
  });

  test('a service token that names no organization where one is needed, or one where none may be: PERMISSION_DENIED', async () => {
    const across = rpcAccess.get(path)?.acrossOrganizations === true;
    if (scope === 'operator') return; // whose credential names none
    const token = await createServiceTokenIssuer(valora.secrets.serviceTokenKey).issue({ service: 'probe', organizationId: across ? other.organizationId : '', actor: 'probe' }, Date.now());
    const { code, reason } = await call(path, `Bearer ${token}`, request(idsOf('nobody')));
    expect(code).toBe(status.PERMISSION_DENIED);
    if (scope === 'internal') expect(reason).toBe(across ? 'ORGANIZATION_NAMED' : 'ORGANIZATION_MISSING');
  });

  test('another organization\'s ids are answered as ids that never existed, and nothing of it changes', async () => {
    if (rpcAccess.get(path)?.acrossOrganizations === true) return; // acts for no organization
    const before = await rowsOf(victim.organizationId);
    const issuer = createServiceTokenIssuer(valora.secrets.serviceTokenKey);
    // Two organizations alike, so that one can ask for the other's ids and the other for nobody's.
    const [asker, control] = await Promise.all([valora.createOrganization({ sandboxTime: START }), valora.createOrganization({ sandboxTime: START })]);
    const credentialOf = async (organization: TestOrganization): Promise<string> =>
      (scope === 'internal' ? await issuer.issue({ service: 'probe', organizationId: organization.organizationId, actor: 'probe' }, Date.now()) : organization.apiKey);
    const nobody = { ...idsOf('nobody'), keyId: 'f'.repeat(16) };
    const foreign = await call(path, `Bearer ${await credentialOf(asker)}`, request({ ...victimIds, requestId: 'probe' }));
    const absent = await call(path, `Bearer ${await credentialOf(control)}`, request({ ...nobody, requestId: 'probe' }));
    const masked = (answer: Answer, ids: Ids, organization: TestOrganization): Answer => ({ ...answer, text: mask(answer.text, ids, organization) });
    expect(masked(foreign, victimIds, asker)).toEqual(masked(absent, nobody, control));
    expect(foreign.code).not.toBe(status.INTERNAL);
    expect(await rowsOf(victim.organizationId)).toBe(before);
  });
});

const keysWithout = new Map<string, string>();
function remember(scope: string, secret: string): string {
  keysWithout.set(scope, secret);
  return secret;
}
async function keyWithout(scope: string): Promise<string> {
  const key = keysWithout.get(scope);
  if (key === undefined) throw new Error(`no key without ${scope} was made`);
  return await Promise.resolve(key);
}

/** Replaces what may differ between the two askers: the ids asked for, their own organization's id, and random key ids and secrets. */
function mask(text: string, ids: Ids, { organizationId }: TestOrganization): string {
  const named = Object.entries(ids).filter(([, id]) => id !== '' && id !== 'probe');
  return named.reduce((masked, [name, id]) => masked.replaceAll(id, `<${name}>`), text)
    .replaceAll(organizationId, '<organization>').replaceAll(/Organization \d+/g, '<name>').replaceAll(/[0-9a-f]{16,64}(_[0-9a-f]{8})?/g, '<hex>').replaceAll(/"data":\[[\d,]*\]/g, '<bytes>');
}

test('a revoked key is refused within 5 seconds', async () => {
  const organization = await valora.createOrganization();
  const keys = organization.connection.stub(ApiKeyServiceService);
  const { apiKey, secret } = await keys.createApiKey({ requestId: 'x', displayName: 'x', scopes: ['admin'] });
  const path = '/valora.metering.v1.MeterService/ListMeters';
  expect(await call(path, `Bearer ${secret}`, { pageSize: 0, pageToken: '' })).toMatchObject({ code: status.OK });
  await keys.revokeApiKey({ requestId: 'y', keyId: apiKey?.keyId ?? '' });
  const revokedMs = performance.now();
  let refused: Answer;
  do refused = await call(path, `Bearer ${secret}`, { pageSize: 0, pageToken: '' });
  while (refused.code === status.OK && performance.now() - revokedMs < 6_000);
  expect(refused).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'CREDENTIAL_INVALID' });
  expect(performance.now() - revokedMs).toBeLessThan(5_500);
  for (const each of paths.filter((one) => rpcAccess.get(one)?.scope !== 'operator')) {
    const answer = await call(each, `Bearer ${secret}`, requests[each]?.(idsOf('nobody')) ?? {});
    expect([each, answer.reason]).toEqual([each, 'CREDENTIAL_INVALID']);
  }
});
