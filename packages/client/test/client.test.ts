/** What a caller may rely on: which calls are made again, which never are, until when, and what an error says. */
import { status } from '@grpc/grpc-js';
import { CallError, createClient, listAll, retryServiceConfig, type ClientOptions, type ValoraClient } from '@valora/client';
import { Aggregation, type CreateMeterRequest, type Meter } from '@valora/contracts/valora/metering/v1/meter';
import { afterEach, expect, test } from 'vitest';
import { failure, startTestServer, type Answers, type TestServer } from './test-server.ts';

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

async function start(answers: Answers, options: Partial<ClientOptions> = {}): Promise<{ client: ValoraClient; server: TestServer }> {
  const server = await startTestServer(answers);
  const client = createClient({ address: server.address, credential: 'vl_key', ...options });
  closing.push(() => client.close(), () => server.stop());
  return { client, server };
}

const meter: Meter = { code: 'requests', displayName: '', aggregation: Aggregation.COUNT, filters: [], uniqueProperty: '', takesNegativeValues: false };

/** Fails so many times, then answers; keeps what it was asked. */
function flaky(times: number, fail: () => unknown): { asked: CreateMeterRequest[]; createMeter: NonNullable<Answers['createMeter']> } {
  const asked: CreateMeterRequest[] = [];
  return {
    asked,
    createMeter(request) {
      asked.push(request);
      if (asked.length <= times) throw fail();
      return { meter: request.meter };
    },
  };
}

async function caught(call: Promise<unknown>): Promise<CallError> {
  const error: unknown = await call.then(() => new Error('it succeeded'), (thrown: unknown) => thrown);
  if (!(error instanceof CallError)) throw error;
  return error;
}

test('a call that meets UNAVAILABLE three times is made four times, each with the same request_id', async () => {
  const { asked, createMeter } = flaky(3, () => failure('UNAVAILABLE', { reason: 'UNAVAILABLE' }));
  const { client } = await start({ createMeter });
  expect((await client.meters.createMeter({ meter })).meter?.code).toBe('requests');
  expect(asked).toHaveLength(4);
  expect(asked[0]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Set(asked.map(({ requestId }) => requestId)).size).toBe(1);
}, 20_000);

test('two calls without a request_id get two, and a given one is kept', async () => {
  const { asked, createMeter } = flaky(0, () => {});
  const { client } = await start({ createMeter });
  await client.meters.createMeter({ meter });
  await client.meters.createMeter({ meter });
  await client.meters.createMeter({ requestId: 'mine', meter });
  expect(new Set(asked.map(({ requestId }) => requestId)).size).toBe(3);
  expect(asked[2]?.requestId).toBe('mine');
});

test('a call that is turned away is made again after the delay that the server asked for', async () => {
  const { asked, createMeter } = flaky(2, () => failure('RESOURCE_EXHAUSTED', { reason: 'OVERLOADED', retryDelayMs: 300 }));
  const { client } = await start({ createMeter });
  const started = performance.now();
  await client.meters.createMeter({ meter });
  expect(asked).toHaveLength(3);
  expect(performance.now() - started).toBeGreaterThanOrEqual(590);
});

test.each([
  { title: 'a refusal', fail: () => failure('INVALID_ARGUMENT', { reason: 'FIELD_INVALID' }) },
  { title: 'RESOURCE_EXHAUSTED without advice', fail: () => failure('RESOURCE_EXHAUSTED') },
  { title: 'a defect of the server', fail: () => failure('INTERNAL', { reason: 'INTERNAL' }) },
  { title: 'ABORTED', fail: () => failure('ABORTED') },
])('$title is answered at once: the call is made 1 time', async ({ fail }) => {
  const { asked, createMeter } = flaky(9, fail);
  const { client } = await start({ createMeter });
  await caught(client.meters.createMeter({ meter }));
  expect(asked).toHaveLength(1);
});

test('with retries 0 a call is made once', async () => {
  const { asked, createMeter } = flaky(9, () => failure('UNAVAILABLE'));
  const { client } = await start({ createMeter }, { retries: 0 });
  expect((await caught(client.meters.createMeter({ meter }))).code).toBe(status.UNAVAILABLE);
  expect(asked).toHaveLength(1);
});

test('an error says code, reason, metadata, fields and the delay', async () => {
  const { client } = await start({ createMeter: () => { throw failure('INVALID_ARGUMENT', { reason: 'FIELD_INVALID', metadata: { field: 'meter' }, field: 'meter', retryDelayMs: 1_250 }); } });
  const { code, reason, metadata, fieldViolations, retryDelayMs, details, path } = await caught(client.meters.createMeter({ meter }));
  expect({ code, reason, metadata, fieldViolations, retryDelayMs, details, path }).toEqual({
    code: status.INVALID_ARGUMENT, reason: 'FIELD_INVALID', metadata: { field: 'meter' }, retryDelayMs: 1_250, details: 'refused', path: '/valora.metering.v1.MeterService/CreateMeter',
    fieldViolations: [{ field: 'meter', reason: 'MISSING', description: 'Must be given.' }],
  });
});

test('a server that never answers costs the deadline and no more', async () => {
  const { client } = await start({ createMeter: () => new Promise(() => {}) }, { deadlineMs: 200 });
  expect((await caught(client.meters.createMeter({ meter }))).code).toBe(status.DEADLINE_EXCEEDED);
});

test('nothing is tried that would begin after the deadline', async () => {
  const { asked, createMeter } = flaky(99, () => failure('RESOURCE_EXHAUSTED', { reason: 'OVERLOADED', retryDelayMs: 60_000 }));
  const { client } = await start({ createMeter });
  expect((await caught(client.meters.createMeter({ meter }, { deadlineMs: 5_000 }))).reason).toBe('OVERLOADED');
  expect(asked).toHaveLength(1);
});

test('an aborted signal cancels the call', async () => {
  const abort = new AbortController();
  const { client } = await start({ createMeter: () => { abort.abort(); return new Promise(() => {}); } });
  expect((await caught(client.meters.createMeter({ meter }, { signal: abort.signal }))).code).toBe(status.CANCELLED);
});

test('a call under way when the server is killed is answered by the one that takes its place', async () => {
  let next: Promise<TestServer> | undefined;
  const { client, server } = await start({
    createMeter() {
      server.stop();
      next = startTestServer({ createMeter: ({ meter }) => ({ meter }) }, server.address);
      return new Promise(() => {});
    },
  });
  expect((await client.meters.createMeter({ meter })).meter?.code).toBe('requests');
  const second = await next;
  closing.push(() => second?.stop());
});

test('listAll reads page after page, in order', async () => {
  const codes = ['a', 'b', 'c', 'd', 'e'];
  const { client } = await start({
    listMeters({ pageSize, pageToken }) {
      const from = pageToken === '' ? 0 : Number(pageToken);
      const next = from + pageSize;
      return { meters: codes.slice(from, next).map((code) => ({ ...meter, code })), nextPageToken: next < codes.length ? String(next) : '' };
    },
  });
  const listed: string[] = [];
  for await (const { code } of listAll(client.meters.listMeters, { pageSize: 2 })) listed.push(code);
  expect(listed).toEqual(codes);
});

test('the shipped config asks for round-robin and five attempts at UNAVAILABLE, for every method', () => {
  expect(JSON.parse(retryServiceConfig)).toMatchObject({
    loadBalancingConfig: [{ round_robin: {} }], methodConfig: [{ name: [{}], retryPolicy: { maxAttempts: 5, retryableStatusCodes: ['UNAVAILABLE'] } }],
  });
});
