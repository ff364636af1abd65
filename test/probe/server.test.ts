// How the server behaves toward any client: health, reflection, limits, deadlines, and what happens when more comes at once
// than it takes in.
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { apiKeyText, CallError, errorDetailsOf, newSecret, rpcAccess, timestampFromInstant } from '@valora/chassis';
import { callerOf } from '@valora/cli';
import { ServerReflectionService, type ServerReflectionRequest, type ServerReflectionResponse } from '@valora/contracts/grpc/reflection/v1/reflection';
import { Job, SchedulerServiceService } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import { instant, parseInstant } from '@valora/rating';
import { startScenario, summary } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';

let valora: TestValora;
let client: Client;
beforeAll(async () => {
  valora = await startTestValora();
  client = new Client(valora.address, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await valora.stop();
});

async function raw(path: string, request: Buffer, { credential = '', deadlineMs = 10_000 }: { credential?: string; deadlineMs?: number } = {}): Promise<{ code: status; reason: string; bytes: Buffer }> {
  const metadata = new Metadata();
  if (credential !== '') metadata.set('authorization', `Bearer ${credential}`);
  return await new Promise((resolve) => {
    client.makeUnaryRequest(path, (bytes: Buffer) => bytes, (bytes: Buffer) => bytes, request, metadata, { deadline: Date.now() + deadlineMs }, (error: ServiceError | null, bytes = Buffer.alloc(0)) => {
      resolve({ code: error?.code ?? status.OK, reason: error === null ? '' : errorDetailsOf(error).reason, bytes });
    });
  });
}

test('health: the server and every service are SERVING, without a credential', async () => {
  const services = new Set([...rpcAccess.keys()].map((path) => path.split('/')[1] ?? ''));
  for (const name of ['', ...services]) {
    const request = Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]);
    expect([name, await raw('/grpc.health.v1.Health/Check', request)]).toEqual([name, { code: status.OK, reason: '', bytes: Buffer.from([0x08, 1]) }]);
  }
});

async function reflect(messageRequest: ServerReflectionRequest['messageRequest']): Promise<ServerReflectionResponse['messageResponse']> {
  const { path, requestSerialize, responseDeserialize } = ServerReflectionService.serverReflectionInfo;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  return await new Promise((resolve, reject) => {
    stream.on('data', (response: ServerReflectionResponse) => { resolve(response.messageResponse); stream.end(); });
    stream.on('error', reject);
    stream.write({ host: '', messageRequest });
  });
}

test('reflection lists every service and gives the files of each with all they import', async () => {
  const listed = await reflect({ $case: 'listServices', value: '' });
  if (listed?.$case !== 'listServicesResponse') throw new Error('no list');
  const names = listed.value.service.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining([...new Set([...rpcAccess.keys()].map((path) => path.split('/')[1]))]));
  for (const name of names.filter((one) => one.startsWith('valora.'))) {
    const answer = await reflect({ $case: 'fileContainingSymbol', value: name });
    if (answer?.$case !== 'fileDescriptorResponse') throw new Error(`no file for ${name}`);
    const files = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    const given = new Set(files.map((file) => file.name));
    expect(files.flatMap((file) => file.dependency).filter((dependency) => !given.has(dependency))).toEqual([]);
  }
  expect(await reflect({ $case: 'fileContainingSymbol', value: 'no.such.Thing' })).toMatchObject({ $case: 'errorResponse', value: { errorCode: status.NOT_FOUND } });
});

test('a request over the limit of its rpc is refused with its size', async () => {
  const { apiKey } = await valora.createOrganization();
  const path = '/valora.metering.v1.MeterService/GetMeter';
  expect(await raw(path, Buffer.alloc(1024 * 1024 + 1), { credential: apiKey })).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'REQUEST_TOO_LARGE' });
  expect(await raw(path, Buffer.from([0x0a, 1, 0x61]), { credential: apiKey })).toMatchObject({ code: status.NOT_FOUND, reason: 'NOT_FOUND' });
});

const malformed = [[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x0a], [0x07, 0x01], [0xff, 0xff, 0xff], [0x0b, 0x0b, 0x0b]];

test.each([...rpcAccess.values()].filter(({ scope }) => scope !== 'internal' && scope !== 'operator').map(({ path }) => path))('%s: bytes that are no message are refused by reason, and only after the credential', async (path) => {
  const { apiKey } = await valora.createOrganization();
  for (const bytes of malformed) {
    expect([bytes, await raw(path, Buffer.from(bytes))]).toEqual([bytes, { code: status.UNAUTHENTICATED, reason: 'CREDENTIAL_MISSING', bytes: Buffer.alloc(0) }]);
    expect([bytes, await raw(path, Buffer.from(bytes), { credential: apiKey })]).toEqual([bytes, { code: status.INVALID_ARGUMENT, reason: 'REQUEST_MALFORMED', bytes: Buffer.alloc(0) }]);
  }
});

test('a request of a million empty events is refused before anything is made of them', async () => {
  const { apiKey } = await valora.createOrganization();
  const bomb = Buffer.alloc(2_000_000, Buffer.from([0x0a, 0x00]));
  expect(await raw('/valora.metering.v1.UsageService/RecordUsage', bomb, { credential: apiKey })).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'REQUEST_TOO_LONG' });
  expect(await raw('/valora.metering.v1.UsageService/RecordUsage', bomb)).toMatchObject({ code: status.UNAUTHENTICATED });
});

test('an event with a meter code that no database could hold does not sink its neighbours', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.caller.meters.createMeter({ requestId: 'm', meter: { code: 'good', displayName: '', aggregation: 1, filters: [], uniqueProperty: '', takesNegativeValues: false } });
  const events = ['good', 'bad\0', 'x'.repeat(100_000), 'good'].map((meter, position) =>
    ({ idempotencyKey: `k${position}`, meter, customer: 'acme', subscription: '', eventTime: timestampFromInstant(parseInstant('2026-01-01T00:00:00Z')), value: '', properties: new Map<string, string>() }));
  const { outcomes } = await scenario.caller.usage.recordUsage({ events });
  expect(outcomes.map(({ outcome, reason }) => [outcome, reason])).toEqual([[1, ''], [3, 'METER_UNKNOWN'], [3, 'METER_UNKNOWN'], [1, '']]);
});

test('an organization with a thousand calls under way does not keep another out', async () => {
  const [busy, quiet] = await Promise.all([startScenario(valora, '2026-01-01T00:00:00Z'), startScenario(valora, '2026-01-01T00:00:00Z')]);
  let flooding = true;
  const flood = Promise.all(Array.from({ length: 600 }, async () => {
    while (flooding) await busy.caller.meters.listMeters({ pageSize: 0, pageToken: '' }).catch(() => {});
  }));
  const answers: string[] = [];
  for (let call = 0; call < 6; call += 1) answers.push(await quiet.caller.meters.listMeters({ pageSize: 0, pageToken: '' }).then(() => 'OK', (error: unknown) => (error instanceof CallError ? error.reason : String(error))));
  flooding = false;
  await flood;
  expect(answers).toEqual(Array(6).fill('OK'));
}, 60_000);

test('a flood of made-up keys keeps no good one out', async () => {
  const { organizationId, connection } = await valora.createOrganization();
  const meters = callerOf(connection).meters;
  await meters.listMeters({ pageSize: 0, pageToken: '' });
  let flooding = true, made = 0;
  const flood = Promise.all(Array.from({ length: 400 }, async () => {
    while (flooding) {
      const credential = apiKeyText({ organizationId, keyId: (made += 1).toString(16).padStart(16, '0'), secret: newSecret() });
      expect(['CREDENTIAL_INVALID', 'OVERLOADED']).toContain((await raw('/valora.metering.v1.MeterService/ListMeters', Buffer.alloc(0), { credential })).reason);
    }
  }));
  const answers: string[] = [];
  for (let call = 0; call < 20; call += 1) answers.push(await meters.listMeters({ pageSize: 0, pageToken: '' }).then(() => 'OK', (error: unknown) => (error instanceof CallError ? error.reason : String(error))));
  flooding = false;
  await flood;
  expect(answers).toEqual(Array(20).fill('OK'));
  expect(made).toBeGreaterThan(400);
}, 60_000);

test('a deadline that has passed ends the call, and the server goes on', async () => {
  const { apiKey } = await valora.createOrganization();
  const answer = await raw('/valora.metering.v1.MeterService/ListMeters', Buffer.alloc(0), { credential: apiKey, deadlineMs: 0 });
  expect(answer.code).toBe(status.DEADLINE_EXCEEDED);
  expect((await raw('/valora.metering.v1.MeterService/ListMeters', Buffer.alloc(0), { credential: apiKey })).code).toBe(status.OK);
});

test('600 calls at once, each calling other services in turn: every one ends, and none is stuck', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [{ code: 'fee', displayName: 'Fee', meter: null, model: { $case: 'flat', value: { amount: '1' } } }]);
  await scenario.caller.customers.createCustomer({ requestId: 'c', customer: { reference: 'acme', displayName: '', timeZone: '' } });
  const create = (number: number) => scenario.caller.subscriptions.createSubscription({
    requestId: `s${number}`, subscription: { reference: `s${number}`, customer: 'acme', plan: 'team', planVersion: 0, startTime: timestampFromInstant(parseInstant('2026-01-01T00:00:00Z')), items: [], timeZone: '', interval: 0, intervalCount: 0, state: 0, alignment: 0 },
  }).then(() => 'created', (error: unknown) => (error instanceof CallError ? error.reason : String(error)));
  const outcomes = await Promise.all(Array.from({ length: 600 }, (_, number) => create(number)));
  const counts = Map.groupBy(outcomes, (outcome) => outcome);
  expect([...counts.keys()].filter((outcome) => outcome !== 'created' && outcome !== 'OVERLOADED' && outcome !== 'UNAVAILABLE')).toEqual([]);
  expect(counts.get('created')?.length ?? 0).toBeGreaterThan(100);
  expect(await create(5_000)).toBe('created');
}, 60_000);

test('an organization on the real clock is billed by the jobs, when they run', async () => {
  const { connection } = await valora.createOrganization();
  const caller = callerOf(connection);
  const { currentTime } = await connection.stub(OrganizationServiceService).getOrganization({});
  const now = (currentTime?.seconds ?? 0n) * 1_000_000n;
  const start = timestampFromInstant(instant(now - 45n * 86_400_000_000n));
  await caller.catalog.createPrice({ requestId: 'p', price: { code: 'fee', displayName: 'Fee', meter: '', currencyCode: 'USD', billingTiming: 1, versions: [], bounds: [], versionResolution: 1 } });
  await caller.catalog.publishPriceVersion({ requestId: 'v', price: 'fee', effectiveFromTime: start, model: { model: { $case: 'flat', value: { amount: '5' } } }, allowBackDating: true });
  await caller.catalog.createPlan({ requestId: 'l', plan: { code: 'plan', displayName: 'Plan', version: 0, interval: 3, intervalCount: 1, prices: ['fee'] } });
  await caller.customers.createCustomer({ requestId: 'c', customer: { reference: 'acme', displayName: '', timeZone: '' } });
  await caller.subscriptions.createSubscription({ requestId: 's', subscription: { reference: 'acme', customer: 'acme', plan: 'plan', planVersion: 0, startTime: start, items: [], timeZone: '', interval: 0, intervalCount: 0, state: 0, alignment: 0 } });
  const scheduler = valora.operator.stub(SchedulerServiceService);
  // Two replicas at once, each job twice: the work is done once.
  for (const job of [Job.OPEN_CYCLES, Job.CLOSE_CYCLES, Job.ISSUE_INVOICES]) await Promise.all([scheduler.runJob({ job }), scheduler.runJob({ job })]);
  const { invoices } = await caller.invoices.listInvoices({ pageSize: 0, pageToken: '', subscription: '' });
  expect(invoices.map(summary)).toEqual(['acme 1: fee 5.00 = 5.00']);
  const { jobRuns } = await scheduler.listJobRuns({ pageSize: 0, pageToken: '' });
  expect(jobRuns.filter(({ job }) => job === Job.CLOSE_CYCLES).map(({ processedCount }) => Number(processedCount)).toSorted((one, other) => one - other)).toEqual([0, 1]);
});

test('an unknown rpc is UNIMPLEMENTED', async () => {
  expect((await raw('/valora.metering.v1.MeterService/NoSuchRpc', Buffer.alloc(0))).code).toBe(status.UNIMPLEMENTED);
});
