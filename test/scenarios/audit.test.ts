// The audit trail: a record for every state change, in its transaction, in order and without gaps, that nobody can change.
import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { serviceRole, type ServiceName } from '@valora/chassis';
import { callerOf, type PriceSample } from '@valora/cli';
import type { AuditRecord } from '@valora/contracts/valora/audit/v1/audit';
import { AuditServiceService as InvoicingAudit } from '@valora/contracts/valora/invoicing/v1/audit';
import { AuditServiceService as MeteringAudit } from '@valora/contracts/valora/metering/v1/audit';
import { AuditServiceService as PricingAudit } from '@valora/contracts/valora/pricing/v1/audit';
import { AuditServiceService as SubscriptionAudit, type TailAuditLogResponse } from '@valora/contracts/valora/subscription/v1/audit';
import { ApiKeyServiceService } from '@valora/contracts/valora/tenancy/v1/api_key';
import { AuditServiceService as TenancyAudit } from '@valora/contracts/valora/tenancy/v1/audit';
import { startScenario, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

const fee: PriceSample = { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } };
const audits = { tenancy: TenancyAudit, metering: MeteringAudit, pricing: PricingAudit, subscription: SubscriptionAudit, invoicing: InvoicingAudit };

let valora: TestValora;
beforeAll(async () => { valora = await startTestValora(); });
afterAll(async () => { await valora.stop(); });

async function recordsOf({ organization }: Scenario, service: keyof typeof audits): Promise<readonly AuditRecord[]> {
  const { records } = await organization.connection.stub(audits[service]).listAuditRecords({ afterSequence: 0n, pageSize: 1_000 });
  return records;
}

/** `SetClock clock` from a record. */
function told({ action, subject }: AuditRecord): string {
  return `${action.split('/').at(-1)} ${subject}`;
}

test('a month of one subscription: who did what, in order, in every service', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [fee]);
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await scenario.advance('2026-02-01T00:00:00Z');
  const [invoice] = await scenario.invoices();
  const subscription = await recordsOf(scenario, 'subscription');
  expect(subscription.map(told).filter((line) => !line.startsWith('SetClock'))).toEqual([
    'CreateCustomer request customer acme', 'CreateSubscription request subscription acme', 'OpenDueCycles billing cycle acme/1',
    'OpenDueCycles billing cycle acme/2', 'CompleteCycles billing cycle acme/1',
  ]);
  expect((await recordsOf(scenario, 'invoicing')).map(told).filter((line) => !line.startsWith('SetClock'))).toEqual([
    'RunBillingCycles billing run acme/1', `FinalizeDueInvoices invoice ${invoice?.invoiceId}`,
  ]);
  expect((await recordsOf(scenario, 'pricing')).map(told)).toEqual(expect.arrayContaining(['PublishPriceVersion request version fee 2026-01-01T00:00:00Z']));
  const [created] = await recordsOf(scenario, 'tenancy');
  expect(created).toMatchObject({ sequence: 1n, actor: 'operator', subject: `organization ${scenario.organization.organizationId}` });
  expect(subscription[0]?.actor).toMatch(new RegExp(`^key:${scenario.organization.organizationId}/[0-9a-f]{16}$`));
  expect(JSON.parse((await recordsOf(scenario, 'invoicing')).find(({ subject }) => subject === 'billing run acme/1')?.changeJson ?? '')).toEqual({ digest: invoice?.digest, invoice_id: invoice?.invoiceId });
  for (const service of Object.keys(audits) as (keyof typeof audits)[]) {
    const sequences = (await recordsOf(scenario, service)).map(({ sequence }) => Number(sequence));
    expect([service, sequences]).toEqual([service, sequences.map((_, position) => position + 1)]);
  }
});

test('a repeated request and a refused one leave no record', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  const create = (requestId: string) => scenario.caller.customers.createCustomer({ requestId, customer: { reference: 'acme', displayName: '', timeZone: '' } });
  await create('one');
  const before = await recordsOf(scenario, 'subscription');
  await create('one');
  await expect(create('two')).rejects.toMatchObject({ reason: 'ALREADY_EXISTS' });
  expect(await recordsOf(scenario, 'subscription')).toEqual(before);
});

test('a clock that is set to where it stands leaves no record', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.advance('2026-01-02T00:00:00Z');
  const records = async () => await Promise.all((Object.keys(audits) as (keyof typeof audits)[]).map((service) => recordsOf(scenario, service)));
  const before = await records();
  expect(before.map((of) => of.map(told).filter((line) => line === 'SetClock clock').length)).toEqual([1, 1, 1, 1, 1]);
  await scenario.advance('2026-01-02T00:00:00Z');
  expect(await records()).toEqual(before);
});

test('a tail gives every record once and in order while many commit at once, and goes on from a cursor', async () => {
  const { organizationId, apiKey, connection } = await valora.createOrganization();
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${apiKey}`);
  const client = new Client(valora.address, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = SubscriptionAudit.tailAuditLog;
  const tail = (afterSequence: bigint, count: number): Promise<number[]> => new Promise((resolve, reject) => {
    const seen: number[] = [];
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { afterSequence }, metadata, { deadline: Date.now() + 30_000 });
    stream.on('data', ({ record }: TailAuditLogResponse) => {
      seen.push(Number(record?.sequence ?? 0n));
      if (seen.length < count) return;
      stream.cancel();
      resolve(seen);
    });
    stream.on('error', reject);
  });
  const { customers } = callerOf(connection);
  const tailing = tail(0n, 120);
  await Promise.all(Array.from({ length: 120 }, (_, number) => customers.createCustomer({ requestId: `r${number}`, customer: { reference: `c${number}`, displayName: '', timeZone: '' } })));
  expect(await tailing).toEqual(Array.from({ length: 120 }, (_, position) => position + 1));
  expect(await tail(100n, 20)).toEqual(Array.from({ length: 20 }, (_, position) => position + 101));
  client.close();
  expect(organizationId).not.toBe('');
});

test('a tail ends when its key is revoked, and shows nothing recorded after that', async () => {
  const { connection } = await valora.createOrganization();
  const keys = connection.stub(ApiKeyServiceService);
  const { apiKey, secret } = await keys.createApiKey({ requestId: 'key', displayName: 'tail', scopes: ['admin'] });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${secret}`);
  const client = new Client(valora.address, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = SubscriptionAudit.tailAuditLog;
  const seen: bigint[] = [];
  const ended = new Promise<number>((resolve) => {
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { afterSequence: 0n }, metadata, { deadline: Date.now() + 20_000 });
    stream.on('data', ({ record }: TailAuditLogResponse) => seen.push(record?.sequence ?? 0n));
    stream.on('error', ({ code }: ServiceError) => resolve(code));
    stream.on('end', () => resolve(status.OK));
  });
  const { customers } = callerOf(connection);
  const create = (reference: string) => customers.createCustomer({ requestId: reference, customer: { reference, displayName: '', timeZone: '' } });
  await create('before');
  await expect.poll(() => seen, { timeout: 5_000 }).toEqual([1n]);
  await keys.revokeApiKey({ requestId: 'revoke', keyId: apiKey?.keyId ?? '' });
  const revokedMs = performance.now();
  const after = delay(5_500).then(() => create('after'));
  expect(await ended).toBe(status.UNAUTHENTICATED);
  expect(performance.now() - revokedMs).toBeLessThan(8_000);
  await after;
  expect(seen).toEqual([1n]);
  client.close();
}, 30_000);

test.each(Object.keys(audits) as ServiceName[])('the role of %s can neither change nor remove a record, and the owner neither', async (service) => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [fee]);
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await scenario.advance('2026-01-02T00:00:00Z');
  expect((await recordsOf(scenario, service as keyof typeof audits)).length).toBeGreaterThan(0);
  const { name, password } = serviceRole(service, valora.database.roleSecret);
  const url = new URL(valora.database.url);
  const asOwner = url.href;
  url.username = name;
  url.password = password;
  for (const connectionString of [url.href, asOwner]) {
    const client = new pg.Client({ connectionString });
    await client.connect();
    for (const statement of [`update ${service}.audit_record set actor = 'nobody'`, `delete from ${service}.audit_record`, `truncate ${service}.audit_record`]) {
      await client.query('begin');
      await client.query(`select set_config('app.organization', $1, true)`, [scenario.organization.organizationId]);
      await expect(client.query(statement)).rejects.toThrow(/permission denied|never changed or removed/);
      await client.query('rollback');
    }
    await client.end();
  }
});
