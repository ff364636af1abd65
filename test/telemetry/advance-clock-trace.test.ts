// One trace from the call that moves a sandbox's clock through every service down to the SQL. No scheduler ticks beside it: a tick may come
// first to what has become due, and then the trace of the work is the tick's.
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { timestampFromInstant } from '@valora/chassis';
import { createPlan, subscribe, type PriceSample } from '@valora/cli';
import { SchedulerServiceService } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { parseInstant } from '@valora/rating';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ancestry, startTracedValora, type TracedValora } from './traced-valora.ts';

const fee: PriceSample = { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } };

let valora: TracedValora;
beforeAll(async () => { valora = await startTracedValora({ tickMs: 0 }); });
afterAll(async () => { expect(await valora.stop()).toBe(0); });

/** Calls as a caller that traces itself does. */
async function callWithin(traceparent: string, method: { readonly path: string }, request: Buffer, apiKey: string): Promise<Buffer> {
  const client = new Client(valora.address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${apiKey}`);
  metadata.set('traceparent', traceparent);
  const bytes = (value: Buffer): Buffer => value;
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(method.path, bytes, bytes, request, metadata, { deadline: Date.now() + 30_000 },
        (error: ServiceError | null, answer = Buffer.alloc(0)) => (error === null ? resolve(answer) : reject(error)));
    });
  } finally {
    client.close();
  }
}

test('the trace of whoever moves a sandbox’s clock goes on down to the SQL', async () => {
  const { apiKey, caller } = await valora.createOrganization({ requestId: 'advanced', displayName: 'Acme', sandboxTime: '2026-01-01T00:00:00Z' });
  await createPlan(caller, { plan: 'team', currencyCode: 'USD', effectiveFrom: '2026-01-01T00:00:00Z', prices: [fee] });
  await subscribe(caller, { customer: 'acme', plan: 'team', startTime: '2026-01-01T00:00:00Z' });
  const { path, requestSerialize } = SchedulerServiceService.advanceClock;
  const traceId = '5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e';
  await callWithin(`00-${traceId}-00000000000000aa-01`, { path }, requestSerialize({ targetTime: timestampFromInstant(parseInstant('2026-02-02T00:00:00Z')) }), apiKey);
  const below = await valora.receiver.until((spans) => {
    const [insert] = spans.filter((span) => span.traceId === traceId && span.name === 'INSERT run_line');
    const [root] = spans.filter((span) => span.traceId === traceId && span.parentSpanId === '00000000000000aa');
    return insert === undefined || root === undefined ? undefined : { insert, path: ancestry([...spans, { ...root, name: 'the caller', spanId: '00000000000000aa', parentSpanId: '' }], insert) };
  });
  expect(below.path?.map(({ name }) => name)).toEqual([
    'the caller', 'valora.scheduler.v1.SchedulerService/AdvanceClock', 'scheduler.advance',
    'valora.invoicing.v1.InvoiceService/RunBillingCycles', 'valora.invoicing.v1.InvoiceService/RunBillingCycles', 'billing.store', 'INSERT run_line',
  ]);
}, 60_000);
