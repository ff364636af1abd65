// The same where every service is a process of its own, with the name of each in the trace, and each with its own metrics.
import { serviceNames } from '@valora/chassis';
import { callerOf, createPlan, subscribe, type PriceSample } from '@valora/cli';
import { startOtlpReceiver, type OtlpReceiver } from '@valora/testkit/otlp';
import { startSeparateValora, type SeparateValora } from '@valora/testkit/separate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ancestry } from './traced-valora.ts';

const prices: readonly PriceSample[] = [{ code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } }];
const DAY_MS = 86_400_000;

let receiver: OtlpReceiver;
let valora: SeparateValora;
beforeAll(async () => {
  receiver = await startOtlpReceiver();
  valora = await startSeparateValora({
    environment: { NODE_OPTIONS: '--import=@valora/chassis/telemetry', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY: '200', VALORA_TICK_MS: '500', VALORA_METRICS_ADDRESS: '127.0.0.1:0' },
  });
}, 120_000);
afterAll(async () => {
  await valora.stop();
  receiver.stop();
});

test('one trace from the scheduler’s tick to the SQL that stores the lines, across processes', async () => {
  const caller = callerOf((await valora.createOrganization()).connection);
  const startTime = new Date(Date.now() - 40 * DAY_MS).toISOString();
  await createPlan(caller, { plan: 'team', currencyCode: 'USD', effectiveFrom: startTime, prices });
  await subscribe(caller, { customer: 'acme', plan: 'team', startTime });
  const path = await receiver.until((spans) => {
    const insert = spans.find(({ name }) => name === 'INSERT run_line');
    return insert === undefined ? undefined : ancestry(spans, insert);
  });
  expect(path.map(({ service, name }) => `${service} ${name}`)).toEqual([
    'valora-scheduler scheduler.tick', 'valora-scheduler scheduler.job', 'valora-scheduler scheduler.turn',
    'valora-scheduler valora.invoicing.v1.InvoiceService/RunBillingCycles', 'valora-invoicing valora.invoicing.v1.InvoiceService/RunBillingCycles',
    'valora-invoicing billing.store', 'valora-invoicing INSERT run_line',
  ]);
  // The other services that the close asked are in the same trace.
  const [{ traceId } = { traceId: '' }] = path;
  const together = ['valora-invoicing', 'valora-metering', 'valora-pricing', 'valora-scheduler', 'valora-subscription', 'valora-tenancy'];
  await receiver.until((spans) => (new Set(spans.filter((span) => span.traceId === traceId).map(({ service }) => service)).size === together.length ? true : undefined));
}, 60_000);

test('each process serves what its own service measures', async () => {
  for (const service of serviceNames) {
    const [replica] = valora.replicas(service);
    const port = /"metrics_port":(\d+)/.exec(replica?.log() ?? '')?.[1];
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const named = new Set([...text.matchAll(/valora_service="([a-z]+)"/g)].map(([, name]) => name));
    expect([service, [...named]]).toEqual([service, [service]]);
    expect(text).toContain('process_resident_memory_bytes');
  }
});

test('every line of every log is one object of JSON, the warnings of Node too', () => {
  const lines = serviceNames.flatMap((service) => valora.replicas(service).flatMap((replica) => replica.log().trim().split('\n')));
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(parsed.filter(({ time, level, service, message }) => [time, level, service, message].some((field) => typeof field !== 'string' || field === ''))).toEqual([]);
});
