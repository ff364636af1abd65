/** Streams in both directions: order, back-pressure both ways, limits, and every way in which one may end. */
import { once } from 'node:events';
import { connect } from 'node:http2';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { afterEach, describe, expect, test } from 'vitest';
import { commonErrors } from '../src/index.ts';
import { echo, message, startStreaming, type Answer, type Streaming } from './streaming.ts';

let streaming: Streaming;
afterEach(async () => {
  await streaming.close();
  expect(streaming.logged).toEqual([]);
});

/** Answers when the test says so. */
function held(): { answer: Answer; release: (sequence: number) => void; begun: number[]; began: (count: number) => Promise<void> } {
  const releases = new Map<number, () => void>();
  const begun: number[] = [];
  let told: () => void = () => {};
  return {
    begun,
    release: (sequence) => releases.get(sequence)?.(),
    async answer(request, context) {
      const sequence = Number(request.sequence);
      begun.push(sequence);
      told();
      await new Promise<void>((resolve) => { releases.set(sequence, resolve); });
      return await echo(request, context);
    },
    async began(count) {
      while (begun.length < count) await new Promise<void>((resolve) => { told = resolve; });
    },
  };
}

describe('messages', () => {
  test('are answered in their order, though later ones are done first', async () => {
    const { answer, release, began } = held();
    streaming = await startStreaming(answer);
    const stream = streaming.open();
    stream.write(1, 2, 3);
    await began(3);
    for (const sequence of [3, 2, 1]) release(sequence);
    stream.call.end();
    expect(await stream.ended).toBe('OK');
    expect(stream.answers).toEqual([1, 2, 3]);
  });

  test('4 are under way at a time; the 5th is read when the first is answered', async () => {
    const { answer, release, begun, began } = held();
    streaming = await startStreaming(answer);
    const stream = streaming.open();
    stream.write(1, 2, 3, 4, 5, 6);
    await began(4);
    for (const sequence of [4, 3, 2]) release(sequence);
    const other = streaming.open(); // whose answer shows that the server had time to read on
    other.write(100);
    await began(5);
    expect(begun).toEqual([1, 2, 3, 4, 100]);
    release(1);
    await began(7);
    expect(begun).toEqual([1, 2, 3, 4, 100, 5, 6]);
    for (const sequence of [5, 6, 100]) release(sequence);
    await stream.answered(6);
  });

  test('of a caller that takes no answers are not read on, and go on when it does', async () => {
    const key = 'k'.repeat(300_000);
    let begun = 0;
    streaming = await startStreaming(({ sequence, events }) => {
      begun += 1;
      return { sequence, outcomes: events.map(({ idempotencyKey }) => ({ idempotencyKey, outcome: 1, reason: '', field: '', message: '' })) };
    });
    const stream = streaming.open();
    stream.call.pause();
    for (let sequence = 1; sequence <= 60; sequence += 1) stream.call.write(message(sequence, key));
    const other = streaming.open();
    for (let sequence = 1; sequence <= 50; sequence += 1) {
      other.write(sequence);
      await other.answered(sequence);
    }
    // 50 of the other's, at most 4 under way, and what gRPC holds of answers on the caller's side.
    expect(begun).toBeLessThan(50 + 30);
    stream.call.resume();
    stream.call.end();
    expect(await stream.ended).toBe('OK');
    expect(stream.answers).toHaveLength(60);
  });

  test('the first that fails ends the stream, after the answers to those before it', async () => {
    const { answer, release, began } = held();
    streaming = await startStreaming((request, context) => {
      if (request.sequence === 2n) throw commonErrors.NOT_FOUND({ resource: 'x', name: 'y' });
      return answer(request, context);
    });
    const stream = streaming.open();
    stream.write(1, 2, 3);
    await began(2);
    release(3);
    expect(stream.answers).toEqual([]);
    release(1);
    expect(await stream.ended).toBe('NOT_FOUND NOT_FOUND');
    expect(stream.answers).toEqual([1]);
  });

  test('that are no message, or too large, end the stream with the reason', async () => {
    streaming = await startStreaming(echo);
    const malformed = streaming.open();
    malformed.write(1);
    malformed.call.write(Buffer.from([0x0a, 0xff, 0xff]));
    expect(await malformed.ended).toBe('INVALID_ARGUMENT REQUEST_MALFORMED');
    expect(malformed.answers).toEqual([1]);
    const large = streaming.open();
    large.call.write(Buffer.alloc(4 * 1024 * 1024 + 1));
    expect(await large.ended).toBe('INVALID_ARGUMENT REQUEST_TOO_LARGE');
  });

  test('take a place of admission each: where none is free and nobody may wait, the stream ends with OVERLOADED and a delay', async () => {
    const { answer, release, began } = held();
    streaming = await startStreaming(answer, { runningMax: 1, waitingMax: 0 });
    const [first, second] = [streaming.open(), streaming.open('org_b')];
    first.write(1);
    await began(1);
    second.write(2);
    expect(await second.ended).toBe('RESOURCE_EXHAUSTED OVERLOADED');
    expect(second.retryDelayMs()).toBeGreaterThan(0);
    release(1);
    await first.answered(1);
    expect(streaming.running()).toBe(0);
  });
});

describe('a stream', () => {
  test('that is closed at once, with nothing in it, ends well', async () => {
    streaming = await startStreaming(echo);
    const stream = streaming.open();
    stream.call.end();
    expect(await stream.ended).toBe('OK');
  });

  test('is one of 16 of its organization: the 17th is refused with a delay, another organization\'s is not', async () => {
    streaming = await startStreaming(echo);
    const open = Array.from({ length: 16 }, () => streaming.open());
    for (const stream of open) stream.write(1);
    for (const stream of open) await stream.answered(1);
    const refused = streaming.open();
    expect(await refused.ended).toBe('RESOURCE_EXHAUSTED OVERLOADED');
    expect(refused.retryDelayMs()).toBeGreaterThan(0);
    const other = streaming.open('org_b');
    other.write(1);
    await other.answered(1);
    open[0]?.call.end();
    await open[0]?.ended;
    const next = streaming.open();
    next.write(1);
    await next.answered(1);
  });

  test.each([['with a message under way', true], ['that is silent', false]])('%s whose credential is revoked ends within 5 seconds', async (_, busy) => {
    const { answer, began } = held();
    streaming = await startStreaming(answer);
    const stream = streaming.open();
    if (busy) {
      stream.write(1);
      await began(1);
    }
    const startMs = performance.now();
    streaming.revoke();
    expect(await stream.ended).toBe('UNAUTHENTICATED CREDENTIAL_INVALID');
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  test('ends at its deadline, whatever is under way', async () => {
    const { answer } = held();
    streaming = await startStreaming(answer);
    const stream = streaming.open('org_a', { deadlineMs: 300 });
    stream.write(1);
    expect(await stream.ended).toBe('DEADLINE_EXCEEDED');
  });

  test('whose server stops: what is under way is answered, then the stream is UNAVAILABLE, and the server has stopped long before its grace', async () => {
    const { answer, release, began } = held();
    streaming = await startStreaming(answer);
    const [busy, silent] = [streaming.open(), streaming.open()];
    busy.write(1, 2);
    await began(2);
    const startMs = performance.now();
    const stopped = streaming.stop(20_000);
    expect(await silent.ended).toBe('UNAVAILABLE SERVER_STOPPING');
    expect(silent.retryDelayMs()).toBeGreaterThan(0);
    busy.write(3);
    release(1);
    release(2);
    expect(await busy.ended).toBe('UNAVAILABLE SERVER_STOPPING');
    expect(busy.answers).toEqual([1, 2]);
    await stopped;
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  test('that its caller leaves aborts the signal of what is under way', async () => {
    let aborted: Promise<unknown> | undefined;
    const { answer, began } = held();
    streaming = await startStreaming((request, context) => {
      aborted = once(context.signal, 'abort');
      return answer(request, context);
    });
    const stream = streaming.open();
    stream.write(1);
    await began(1);
    stream.call.cancel();
    await aborted;
  });
});

/** Sends these bytes as the body of a call, and returns when the call has ended. */
async function sendBody(address: string, chunks: readonly Buffer[], headers: Readonly<Record<string, string>>): Promise<void> {
  const session = connect(`http://${address}`);
  const call = session.request({ ':method': 'POST', ':path': UsageServiceService.streamUsage.path, 'content-type': 'application/grpc', te: 'trailers', organization: 'org_a', ...headers });
  for (const either of [session, call]) either.on('error', () => {});
  const closed = once(call, 'close');
  call.resume();
  for (const chunk of chunks) call.write(chunk);
  call.end();
  await closed;
  session.close();
}

const frame = (length: number, body: Buffer, compressed = 0): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed);
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, body]);
};

test.each<[string, readonly Buffer[], Readonly<Record<string, string>>]>([
  ['half a frame', [message(1).subarray(0, 3)], {}],
  ['a frame that promises 4 GB', [frame(0xff_ff_ff_ff, Buffer.alloc(100_000))], {}],
  ['a frame that promises more than comes', [frame(1_000, Buffer.alloc(10))], {}],
  ['compressed bytes that are none', [frame(10, Buffer.alloc(10, 7), 1)], { 'grpc-encoding': 'gzip' }],
  ['a compression that nobody knows', [frame(10, Buffer.alloc(10, 7), 1)], { 'grpc-encoding': 'nonsense' }],
  ['a bomb of 100 MB in 100 kB', [((body) => frame(body.length, body, 1))(gzipSync(Buffer.alloc(100_000_000)))], { 'grpc-encoding': 'gzip' }],
  ['100,000 empty frames', [Buffer.alloc(500_000)], {}],
  ['noise', [Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7919) % 251))], {}],
])('%s as the body of a call ends that call, and leaves the next one alone', async (_, chunks, headers) => {
  streaming = await startStreaming(({ sequence }) => {
    if (sequence === 0n) throw commonErrors.NOT_FOUND({ resource: 'x', name: 'y' });
    return { sequence, outcomes: [] };
  });
  await sendBody(streaming.address, chunks, headers);
  const stream = streaming.open();
  stream.write(1);
  await stream.answered(1);
  expect(await streaming.openStreams()).toBe(1);
});

test('1,000 streams opened and dropped in every way leave nothing behind', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  streaming = await startStreaming(echo);
  const ways: ((stream: ReturnType<Streaming['open']>) => void)[] = [
    // Later than in the same turn: of a call that is cancelled before it has a connection grpc-js tells the server nothing.
    ({ call }) => void setImmediate(() => call.cancel()),
    (stream) => { stream.write(1); setImmediate(() => stream.call.cancel()); },
    (stream) => stream.call.end(),
    (stream) => { stream.write(1, 2, 3); stream.call.end(); },
    (stream) => { stream.call.write(Buffer.from([0xff])); },
    (stream) => { stream.call.write(message(1, 'x'.repeat(100_000))); setImmediate(() => stream.call.cancel()); },
  ];
  const drop = async (count: number): Promise<void> => {
    for (let dropped = 0; dropped < count; dropped += 10) {
      await Promise.all(Array.from({ length: 10 }, async (_, number) => {
        const stream = streaming.open(`org_${number % 3}`);
        ways[(dropped + number) % ways.length]?.(stream);
        await stream.ended;
      }));
    }
  };
  const warnings: Error[] = [];
  process.on('warning', (warning) => warnings.push(warning));
  await drop(200);
  collect();
  const before = process.memoryUsage().heapUsed;
  await drop(1_000);
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000);
  expect(warnings).toEqual([]);
  // What comes over the same connection is answered after it has heard of those that were dropped.
  const after = streaming.open('org_9');
  for (const sequence of [1, 2, 3]) {
    after.write(sequence);
    await after.answered(sequence);
  }
  expect(streaming.running()).toBe(0);
  expect(await streaming.openStreams()).toBe(1);
  const open = Array.from({ length: 16 }, () => streaming.open('org_0'));
  for (const stream of open) stream.write(1);
  for (const stream of open) await stream.answered(1);
}, 60_000);
