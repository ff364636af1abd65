/** What the wrapper around a handler does when a call ends: by its answer, by an error, or because the caller has gone. */
import { Client, credentials, Metadata, ServerCredentials, type ClientUnaryCall } from '@grpc/grpc-js';
import { MeterServiceService, type GetMeterResponse } from '@valora/contracts/valora/metering/v1/meter';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { createAdmission, createLog, createServiceMetrics, serve, unaryService, type CallContext, type RunningServer } from '../src/index.ts';

const GRACE_MS = 1_000;
const limits = { runningMax: 4, waitingMax: 4, waitingBytesMax: 1e9, shareRunningMax: 4, shareWaitingMax: 4, shareWaitingBytesMax: 1e9 };
const never = (): Promise<never> => Promise.reject(new Error('not called here'));

let server: RunningServer;
let client: Client;
afterEach(async () => {
  client.close();
  await server.stop(GRACE_MS);
});

/** Calls GetMeter with this handler; `ended` when gRPC has closed the call on the server's side. */
async function call(getMeter: (context: CallContext) => Promise<GetMeterResponse>): Promise<{ readonly outgoing: ClientUnaryCall; readonly answered: Promise<string>; readonly context: Promise<CallContext> }> {
  let entered: (context: CallContext) => void;
  const context = new Promise<CallContext>((resolve) => { entered = resolve; });
  const service = unaryService(MeterServiceService, {
    createMeter: never, listMeters: never,
    getMeter: (own) => {
      entered(own);
      return getMeter(own);
    },
  }, {
    authenticate: async () => ({ organizationId: 'org_a', caller: { kind: 'API_KEY', actor: 'key', scopes: ['admin'] } }),
    admission: createAdmission(limits), log: createLog('test', () => {}), metrics: createServiceMetrics('test'),
  });
  server = await serve({ address: '127.0.0.1:0', credentials: ServerCredentials.createInsecure(), services: [service], reflection: false });
  client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = MeterServiceService.getMeter;
  return await new Promise((resolve) => {
    const answered = new Promise<string>((answer) => {
      const outgoing = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { code: 'requests' }, new Metadata(), {}, (error) => answer(error?.details ?? 'answered'));
      queueMicrotask(() => resolve({ outgoing, answered, context }));
    });
  });
}

/** When the wrapper has been told that the call is over. */
async function over({ parent }: CallContext): Promise<void> {
  if (parent?.cancelled === false) await once(parent, 'cancelled');
}

test('a call that succeeded leaves its signal alone when gRPC ends it', async () => {
  const { answered, context } = await call(async () => ({ meter: undefined }));
  const ended = context.then(over);
  expect(await answered).toBe('answered');
  await ended;
  expect((await context).signal.aborted).toBe(false);
});

test('a call that failed aborts its signal: what still runs on its behalf is for nothing', async () => {
  const { answered, context } = await call(() => Promise.reject(new Error('a defect')));
  const ended = context.then(over);
  expect(await answered).toMatch(/defect in Valora|logged/i);
  await ended;
  expect((await context).signal.aborted).toBe(true);
});

test('a caller that goes away aborts the signal', async () => {
  const { outgoing, answered, context } = await call(({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({ meter: undefined }))));
  const { signal } = await context;
  outgoing.cancel();
  expect(await answered).toMatch(/cancel/i);
  if (!signal.aborted) await once(signal, 'abort');
  expect(signal.aborted).toBe(true);
});
