/** Usage in a stream: order, back-pressure, requests that fit, constant memory. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CallError, createClient, ingest, ingestAll, type UsageRecorder, type ValoraClient } from '@valora/client';
import { RecordUsageRequest, UsageOutcome, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { afterEach, expect, test } from 'vitest';
import { event, failure, recorded, refused, startTestServer, type Answers } from './test-server.ts';

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

async function clientOf(recordUsage: NonNullable<Answers['recordUsage']>): Promise<ValoraClient> {
  const server = await startTestServer({ recordUsage });
  const client = createClient({ address: server.address, credential: null });
  closing.push(() => client.close(), () => server.stop());
  return client;
}

function* numbered(count: number, pulled: (position: number) => void = () => {}): Generator<UsageEvent> {
  for (let position = 0; position < count; position += 1) {
    pulled(position);
    yield event(`k${position}`);
  }
}

test('outcomes come in the order of the events, each with its event', async () => {
  const client = await clientOf(({ events }) => ({
    outcomes: events.map(({ idempotencyKey }) => (idempotencyKey === 'k3' ? refused('k3') : { idempotencyKey, outcome: UsageOutcome.RECORDED, reason: '', field: '', message: '' })),
  }));
  const seen: string[] = [];
  for await (const acknowledged of ingest(client.usage, numbered(7), { batchSize: 2 })) {
    for (const { event, outcome } of acknowledged) seen.push(`${event.idempotencyKey} ${outcome.idempotencyKey} ${outcome.reason}`.trim());
  }
  expect(seen).toEqual(['k0 k0', 'k1 k1', 'k2 k2', 'k3 k3 METER_UNKNOWN', 'k4 k4', 'k5 k5', 'k6 k6']);
});

test('the summary counts, and keeps what was refused', async () => {
  const client = await clientOf(({ events }) => ({
    outcomes: events.map(({ idempotencyKey }, position) => [{ idempotencyKey, outcome: UsageOutcome.RECORDED, reason: '', field: '', message: '' }, { idempotencyKey, outcome: UsageOutcome.DUPLICATE, reason: '', field: '', message: '' }, refused(idempotencyKey)][position % 3] ?? refused('')),
  }));
  const counted: number[] = [];
  const { recorded, duplicate, refused: refusedCount, refusals } = await ingestAll(client.usage, numbered(8), { batchSize: 4, inFlight: 1, onProgress: (counts) => counted.push(counts.recorded + counts.duplicate + counts.refused) });
  expect([recorded, duplicate, refusedCount]).toEqual([4, 2, 2]);
  expect(refusals.map(({ event }) => event.idempotencyKey)).toEqual(['k2', 'k6']);
  expect(counted).toEqual([4, 8]);
});

test('a server that does not answer gets inFlight batches, and no event beyond them is taken from the source', async () => {
  const waiting: (() => void)[] = [];
  let arrived: () => void = () => {};
  const client = await clientOf(async (request) => {
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      arrived();
    });
    return recorded(request);
  });
  const requests = async (count: number): Promise<void> => {
    while (waiting.length < count) await new Promise<void>((resolve) => { arrived = resolve; });
  };
  let pulled = 0;
  const done = ingestAll(client.usage, numbered(100, () => { pulled += 1; }), { batchSize: 10, inFlight: 3 });
  await requests(3);
  expect(pulled).toBe(30);
  for (let released = 0; released < 7; released += 1) {
    waiting[released]?.();
    await requests(released + 4);
    expect(pulled).toBe(40 + 10 * released);
  }
  waiting.slice(7).forEach((release) => release());
  expect((await done).recorded).toBe(100);
});

test('whoever takes no outcomes is given no more: the source waits', async () => {
  let pulled = 0;
  const client = await clientOf(recorded);
  const acknowledgements = ingest(client.usage, numbered(1_000, () => { pulled += 1; }), { batchSize: 10, inFlight: 2 });
  await acknowledgements.next();
  expect(pulled).toBe(20);
  await acknowledgements.return();
});

test('a request never has more bytes than RecordUsage takes, whatever the events hold', async () => {
  const sizes: number[] = [];
  const usage: UsageRecorder = {
    async recordUsage(request) {
      sizes.push(RecordUsageRequest.encode(request).finish().length);
      return recorded(request);
    },
  };
  const large = new Map(Array.from({ length: 50 }, (_, position) => [`${position}`.padStart(128, 'n'), '€'.repeat(256)]));
  const { recorded: count } = await ingestAll(usage, Array.from({ length: 500 }, (_, position) => event(`k${position}`, large)), { batchSize: 5_000 });
  expect(count).toBe(500);
  expect(sizes.length).toBeGreaterThan(5);
  expect(Math.max(...sizes)).toBeLessThan(4 * 1024 * 1024);
});

test('an error ends the run, with the batches before it answered', async () => {
  const client = await clientOf((request) => {
    if (request.events[0]?.idempotencyKey === 'k20') throw failure('PERMISSION_DENIED', { reason: 'SCOPE_MISSING' });
    return recorded(request);
  });
  const answered: number[] = [];
  const run = async (): Promise<void> => {
    for await (const acknowledged of ingest(client.usage, numbered(100), { batchSize: 10 })) answered.push(acknowledged.length);
  };
  await expect(run()).rejects.toBeInstanceOf(CallError);
  expect(answered).toEqual([10, 10]);
});

test('a busy server is waited for, and every event is recorded', async () => {
  let calls = 0;
  const client = await clientOf((request) => {
    calls += 1;
    if (calls % 3 === 1) throw failure('RESOURCE_EXHAUSTED', { reason: 'OVERLOADED', retryDelayMs: 1 });
    return recorded(request);
  });
  expect((await ingestAll(client.usage, numbered(100), { batchSize: 10 })).recorded).toBe(100);
});

test('200,000 events take no more memory than 50,000', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const client = await clientOf(recorded);
  const heap: number[] = [];
  const source = numbered(200_000, (position) => {
    if (position % 50_000 !== 49_999) return;
    collect();
    heap.push(process.memoryUsage().heapUsed);
  });
  expect((await ingestAll(client.usage, source)).recorded).toBe(200_000);
  // 150,000 events kept would be 60 MB and more.
  expect((heap.at(-1) ?? Infinity) - (heap[0] ?? 0)).toBeLessThan(10_000_000);
}, 60_000);
