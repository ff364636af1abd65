// One trace from the scheduler's tick through every service down to the SQL: by the parents that spans name, as a collector
// receives them from the real process.
import { apiKeyText, newSecret, timestampFromInstant } from '@valora/chassis';
import { callerOf, createPlan, subscribe, type PriceSample } from '@valora/cli';
import { AuditServiceService as InvoicingAudit } from '@valora/contracts/valora/invoicing/v1/audit';
import { InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { instant, parseInstant } from '@valora/rating';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ancestry, startTracedValora, type TracedValora } from './traced-valora.ts';

const DAY_MICROS = 86_400_000_000n;
const MICROS_PER_MS = 1_000n;
const SECRET_BODY = 'what-is-in-a-body-stays-there';
const prices: readonly PriceSample[] = [
  { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } },
  { code: 'requests', displayName: SECRET_BODY, meter: 'requests', model: { $case: 'perUnit', value: { unitAmount: '0.10' } } },
];

let valora: TracedValora;
beforeAll(async () => { valora = await startTracedValora(); });
afterAll(async () => {
  expect(await valora.stop()).toBe(0);
});

/** From the root down to a span that fits. */
async function pathTo(fits: (span: TracedValora['receiver']['spans'][number]) => boolean) {
  return await valora.receiver.until((spans) => {
    const found = spans.find(fits);
    return found === undefined ? undefined : ancestry(spans, found);
  });
}

test('from the tick of the scheduler to the SQL that stores the lines', async () => {
  const { organizationId, connection, caller } = await valora.createOrganization({ requestId: 'ticked', displayName: SECRET_BODY });
  const started = instant(BigInt(Date.now()) * MICROS_PER_MS - 40n * DAY_MICROS);
  const startTime = new Date(Number(started / MICROS_PER_MS)).toISOString();
  await createPlan(caller, { plan: 'team', currencyCode: 'USD', effectiveFrom: startTime, prices });
  await subscribe(caller, { customer: 'acme', plan: 'team', startTime });

  const path = await pathTo(({ name }) => name === 'INSERT run_line');
  expect(path.map(({ name }) => name)).toEqual([
    'scheduler.tick', 'scheduler.job', 'scheduler.turn',
    'valora.invoicing.v1.InvoiceService/RunBillingCycles', 'valora.invoicing.v1.InvoiceService/RunBillingCycles', // as the scheduler calls, as invoicing answers
    'billing.store', 'INSERT run_line',
  ]);
  expect(path.filter(({ failed }) => failed)).toEqual([]);
  const [, job, turn, , answered, , insert] = path;
  expect(job?.attributes).toMatchObject({ 'valora.job': 'close_cycles' });
  expect(turn?.attributes).toMatchObject({ 'valora.organization.id': organizationId, 'valora.job': 'close_cycles', 'valora.job.processed': 1 });
  expect(answered?.attributes).toMatchObject({
    'rpc.system.name': 'grpc', 'rpc.method': 'valora.invoicing.v1.InvoiceService/RunBillingCycles', 'rpc.status_code': 'OK', 'valora.organization.id': organizationId, 'valora.caller.kind': 'SERVICE',
  });
  expect(insert?.attributes).toMatchObject({ 'db.system.name': 'postgresql', 'db.operation.name': 'INSERT', 'db.query.summary': 'INSERT run_line' });

  // The records of what it changed name the trace.
  const { records } = await connection.stub(InvoicingAudit).listAuditRecords({ afterSequence: 0n, pageSize: 100 });
  expect(records.find(({ action }) => action === InvoiceServiceService.runBillingCycles.path)?.traceId).toBe(insert?.traceId);
}, 60_000);

test('a group commit is a trace of its own that names the calls it commits, and they name it', async () => {
  const { organizationId, caller } = await valora.createOrganization({ requestId: 'ingested', displayName: SECRET_BODY, sandboxTime: '2026-01-01T00:00:00Z' });
  await createPlan(caller, { plan: 'team', currencyCode: 'USD', effectiveFrom: '2026-01-01T00:00:00Z', prices });
  await caller.usage.recordUsage({
    events: [{ idempotencyKey: 'one', meter: 'requests', customer: 'acme', subscription: '', eventTime: timestampFromInstant(parseInstant('2026-01-01T00:00:00Z')), value: '1', properties: new Map([['note', SECRET_BODY]]) }],
  });
  const [commit, ...below] = await pathTo(({ name, attributes }) => name === 'ingest.group_commit' && attributes['valora.organization.id'] === organizationId);
  expect([below, commit?.attributes]).toEqual([[], { 'valora.organization.id': organizationId, 'valora.ingest.requests': 1, 'valora.ingest.events': 1 }]);
  const call = await valora.receiver.until((spans) => spans.find(({ spanId }) => spanId === commit?.links[0]?.spanId));
  expect([call.name, call.links]).toEqual([UsageServiceService.recordUsage.path.slice(1), [{ traceId: commit?.traceId, spanId: commit?.spanId }]]);
  const committed = await valora.receiver.until((spans) => spans.find(({ name, parentSpanId }) => name === 'COMMIT' && parentSpanId === commit?.spanId));
  expect(committed.traceId).toBe(commit?.traceId);
}, 60_000);

test('no span and no log line holds a credential, a body or a statement’s values', async () => {
  const { organizationId, apiKey, caller } = await valora.createOrganization({ requestId: 'guarded', displayName: SECRET_BODY, sandboxTime: '2026-01-01T00:00:00Z' });
  const madeUp = apiKeyText({ organizationId, keyId: 'k'.repeat(26), secret: newSecret() });
  const spoiled = `${apiKey.slice(0, -1)}${apiKey.endsWith('0') ? '1' : '0'}`;
  for (const bad of [madeUp, spoiled, 'a-token-of-nobody']) {
    await expect(callerOf(valora.connect(bad)).meters.listMeters({ pageSize: 0, pageToken: '' })).rejects.toThrow('UNAUTHENTICATED');
  }
  // Refused, the second with a message that names what was sent.
  await expect(caller.customers.createCustomer({ requestId: SECRET_BODY, customer: { reference: SECRET_BODY, displayName: SECRET_BODY, timeZone: SECRET_BODY } })).rejects.toThrow('INVALID_ARGUMENT');
  await expect(caller.catalog.getPrice({ code: SECRET_BODY })).rejects.toThrow(SECRET_BODY);
  // So is the call from one service to another, which an instrumentation would record with its message.
  await expect(subscribe(caller, { customer: 'acme', plan: SECRET_BODY, startTime: '2026-01-01T00:00:00Z' })).rejects.toThrow('SubscriptionService/CreateSubscription');
  await valora.receiver.until((spans) => spans.find(({ name, attributes }) => name.endsWith('SubscriptionService/CreateSubscription') && attributes['valora.organization.id'] === organizationId));
  await valora.receiver.until((spans) => spans.find(({ name, attributes }) => name.endsWith('CustomerService/CreateCustomer') && attributes['valora.organization.id'] === organizationId));

  const told = valora.receiver.text() + valora.logs();
  expect(told).toContain('UNAUTHENTICATED');
  const secrets = { apiKey, madeUp, spoiled, operator: valora.operatorCredential, token: 'a-token-of-nobody', bearer: 'Bearer ', jwt: 'eyJ', body: SECRET_BODY };
  expect(Object.entries(secrets).filter(([, secret]) => told.includes(secret)).map(([name]) => name)).toEqual([]);
  expect(valora.receiver.spans.filter(({ statusMessage }) => statusMessage !== '')).toEqual([]);
});

test('what the old names were is not there any more', () => {
  const names = new Set(valora.receiver.spans.flatMap(({ attributes }) => Object.keys(attributes)));
  expect([...names].filter((name) => /^(rpc\.(system|service|grpc\..*)|grpc\..*|db\.(system|statement|name|user)|net\..*)$/.test(name))).toEqual([]);
});
