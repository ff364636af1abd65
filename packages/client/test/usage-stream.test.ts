/** Usage over one call: what is sent again when it breaks, when that is given up, and that nothing is held or sent beyond the bounds. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { CallError, createClient, ingest, ingestAll, type ValoraClient } from '@valora/client';
import type { StreamUsageRequest, StreamUsageResponse, UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { afterEach, describe, expect, test } from 'vitest';
import { openUsageStream } from '../src/usage-stream.ts';
import { event, failure, recorded, startTestServer, type TestServer } from './test-server.ts';

type ServerStream = ServerDuplexStream<StreamUsageRequest, StreamUsageResponse>;

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

/** `answer` is called for each batch with the stream's number, from 1, and its own in that stream; null: it was dealt with. */
async function start(answer: (batch: StreamUsageRequest, stream: ServerStream, place: { readonly stream: number; readonly batch: number }) => void): Promise<{ client: ValoraClient; server: TestServer; sent: string[] }> {
  const sent: string[] = [];
  let streams = 0;
  const server = await startTestServer({
    streamUsage(call) {
      streams += 1;
      const stream = streams;
      let batches = 0;
      call.on('data', (batch: StreamUsageRequest) => {
        batches += 1;
        sent.push(`${stream}:${batch.sequence}`);
        answer(batch, call, { stream, batch: batches });
      });
      call.on('end', () => call.end());
      call.on('error', () => {});
    },
  });
  const client = createClient({ address: server.address, credential: null, retries: 0 });
  closing.push(() => client.close(), () => server.stop());
  return { client, server, sent };
}

function acknowledge({ sequence, events }: StreamUsageRequest, call: ServerStream): void {
  call.write({ sequence, ...recorded({ events }) });
}

function* numbered(count: number, pulled: () => void = () => {}): Generator<UsageEvent> {
  for (let position = 0; position < count; position += 1) {
    pulled();
    yield event(`k${position}`);
  }
}

test('batches go over one stream with rising numbers, and come back in order, each event with its outcome', async () => {
  const { client, sent } = await start(acknowledge);
  const seen: string[] = [];
  for await (const acknowledged of ingest(client.usage, numbered(7), { batchSize: 2, stream: true })) seen.push(...acknowledged.map(({ event: { idempotencyKey }, outcome }) => `${idempotencyKey} ${outcome.idempotencyKey}`));
  expect(seen).toEqual(['k0 k0', 'k1 k1', 'k2 k2', 'k3 k3', 'k4 k4', 'k5 k5', 'k6 k6']);
  expect(sent).toEqual(['1:1', '1:2', '1:3', '1:4']);
});

describe.each<[string, () => unknown]>([
  ['UNAVAILABLE', () => failure('UNAVAILABLE', { reason: 'SERVER_STOPPING', retryDelayMs: 1 })],
  ['OVERLOADED', () => failure('RESOURCE_EXHAUSTED', { reason: 'OVERLOADED', retryDelayMs: 1 })],
  ['DEADLINE_EXCEEDED', () => failure('DEADLINE_EXCEEDED', { reason: 'DEADLINE_EXCEEDED' })],
])('a stream that ends with %s', (_, fail) => {
  test('is taken up by another, on which what was not acknowledged is sent again with the same numbers', async () => {
    const { client, sent } = await start((batch, call, place) => {
      if (place.stream === 1 && place.batch === 3) call.emit('error', fail());
      else if (place.stream > 1 || place.batch < 3) acknowledge(batch, call);
    });
    expect((await ingestAll(client.usage, numbered(60), { batchSize: 10, inFlight: 2, stream: true })).recorded).toBe(60);
    const again = sent.filter((each) => each.startsWith('2:'));
    expect(again).toEqual(['2:3', '2:4', '2:5', '2:6']);
    expect(sent.slice(0, 3)).toEqual(['1:1', '1:2', '1:3']);
  });
});

test('a connection that is cut under a stream is taken up by whoever takes the server\'s place', async () => {
  let next: Promise<TestServer> | undefined;
  const { client, server } = await start((batch, call, place) => {
    if (place.batch < 2) acknowledge(batch, call);
    else if (next === undefined) {
      server.stop();
      next = startTestServer({ streamUsage: (taken) => void taken.on('data', (each: StreamUsageRequest) => acknowledge(each, taken)).on('end', () => taken.end()) }, server.address);
    }
  });
  expect((await ingestAll(client.usage, numbered(50), { batchSize: 10, stream: true })).recorded).toBe(50);
  const second = await next;
  closing.push(() => second?.stop());
});

test('a refusal ends the run at once, with the batches before it answered', async () => {
  const { client, sent } = await start((batch, call, place) => {
    if (place.batch === 3) call.emit('error', failure('PERMISSION_DENIED', { reason: 'SCOPE_MISSING' }));
    else if (place.batch < 3) acknowledge(batch, call);
  });
  const answered: number[] = [];
  const run = async (): Promise<void> => {
    for await (const acknowledged of ingest(client.usage, numbered(100), { batchSize: 10, inFlight: 1, stream: true })) answered.push(acknowledged.length);
  };
  await expect(run()).rejects.toMatchObject({ reason: 'SCOPE_MISSING' });
  await expect(run()).rejects.toBeInstanceOf(CallError);
  expect(answered).toEqual([10, 10, 10, 10]);
  expect(sent).toEqual(['1:1', '1:2', '1:3', '2:1', '2:2', '2:3']);
});

test('streams in a row without an acknowledgement are enough at some time; one with an acknowledgement begins the count anew', async () => {
  const { sent, client } = await start((batch, call, place) => {
    if (place.stream === 2 && place.batch === 1) acknowledge(batch, call);
    else call.emit('error', failure('RESOURCE_EXHAUSTED', { reason: 'OVERLOADED', retryDelayMs: 1 }));
  });
  const sender = openUsageStream(client.usage, { fruitlessMax: 2 });
  const [first, second] = [sender.send([event('a')]), sender.send([event('b')])];
  await expect(second).rejects.toMatchObject({ reason: 'OVERLOADED' });
  expect(await first).toHaveLength(1);
  expect(new Set(sent.map((each) => each.split(':')[0]))).toEqual(new Set(['1', '2', '3', '4']));
});

test('a server that takes batches and acknowledges nothing is given up for another stream', async () => {
  const { client, sent } = await start((batch, call, place) => { if (place.stream > 1) acknowledge(batch, call); });
  const sender = openUsageStream(client.usage, { acknowledgedWithinMs: 200 });
  expect(await sender.send([event('k')])).toHaveLength(1);
  sender.close();
  expect(sent).toEqual(['1:1', '2:1']);
});

test('a stream stays open while the source has nothing, and one that ended meanwhile is opened again for what comes', async () => {
  let first: ServerStream | undefined;
  const { client, sent } = await start((batch, call) => {
    first ??= call;
    acknowledge(batch, call);
  });
  const sender = openUsageStream(client.usage);
  await sender.send([event('a')]);
  await sender.send([event('b')]);
  first?.emit('error', failure('DEADLINE_EXCEEDED', { reason: 'DEADLINE_EXCEEDED' }));
  await new Promise((resolve) => first?.once('close', resolve));
  await sender.send([event('c')]);
  sender.close();
  expect(sent).toEqual(['1:1', '1:2', '2:3']);
});

test('whoever takes no outcomes is given no more, and leaving cancels the stream', async () => {
  let pulled = 0;
  let gone: () => void = () => {};
  const left = new Promise<void>((resolve) => { gone = resolve; });
  const { client } = await start((batch, call, place) => {
    if (place.batch === 1) {
      call.on('cancelled', gone);
      acknowledge(batch, call);
    }
  });
  const acknowledgements = ingest(client.usage, numbered(1_000, () => { pulled += 1; }), { batchSize: 10, inFlight: 2, stream: true });
  await acknowledgements.next();
  expect(pulled).toBe(20);
  await acknowledgements.return();
  await left;
});

test('an aborted signal ends the run', async () => {
  const abort = new AbortController();
  const { client } = await start(() => abort.abort());
  await expect(ingestAll(client.usage, numbered(10), { stream: true, signal: abort.signal })).rejects.toBeInstanceOf(CallError);
});
