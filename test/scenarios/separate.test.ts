// Services as separate processes: a month is billed through all six of them by mutual TLS, they drain when they are told to end,
// and with two replicas each all of them are replaced, one after another, while callers go on, of whom none notices.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials, status } from '@grpc/grpc-js';
import { LIVENESS, serviceNames, timestampFromInstant } from '@valora/chassis';
import type { PriceSample } from '@valora/cli';
import { CallError, createClient, type TlsOptions } from '@valora/client';
import { UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import { parseInstant } from '@valora/rating';
import { createAuthority } from '@valora/testkit/certificates';
import { startScenario, summary, type Scenario } from '@valora/testkit/scenario';
import { startSeparateValora, type SeparateValora } from '@valora/testkit/separate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const prices: readonly PriceSample[] = [
  { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } },
  { code: 'requests', displayName: 'Requests', meter: 'requests', model: { $case: 'perUnit', value: { unitAmount: '0.5' } } },
];
const START = '2026-01-01T00:00:00Z';
const SERVING = 1, NOT_SERVING = 2;

async function furnished(valora: SeparateValora): Promise<Scenario> {
  const scenario = await startScenario(valora, START);
  await scenario.plan('team', prices);
  await scenario.subscribe('acme', 'team', START);
  return scenario;
}

/** What a probe is told; null where nobody listens. */
async function health(address: string, service = ''): Promise<number | null> {
  const client = new Client(address, credentials.createInsecure());
  const request = service === '' ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);
  try {
    return await new Promise((resolve) => {
      client.makeUnaryRequest('/grpc.health.v1.Health/Check', (bytes: Buffer) => bytes, (bytes) => bytes[1] ?? 0, request, { deadline: Date.now() + 2_000 }, (error, answer) => resolve(error === null ? (answer ?? 0) : null));
    });
  } finally {
    client.close();
  }
}

describe('by mutual TLS', () => {
  const authority = createAuthority('Valora test authority');
  const server = authority.issue('valora');
  const caller = authority.issue('a caller');
  const tls: TlsOptions = { ca: authority.ca, certificate: caller.certificate, key: caller.key };
  let valora: SeparateValora;
  beforeAll(async () => {
    valora = await startSeparateValora({
      tls, environment: { VALORA_TLS_CERTIFICATE: server.certificate, VALORA_TLS_KEY: server.key, VALORA_TLS_CLIENT_CA: authority.ca, VALORA_TLS_CA: authority.ca },
    });
  }, 120_000);
  afterAll(() => valora.stop());

  test('a month is billed through six processes, and verifies', async () => {
    const scenario = await furnished(valora);
    await scenario.use(['a', 'requests', 'acme', START, '3']);
    await scenario.advance('2026-02-01T00:00:00Z');
    const [invoice] = await scenario.invoices();
    expect(invoice === undefined ? '' : summary(invoice)).toBe('acme 1: fee 20.00, requests 1.50 = 21.50');
    expect((await scenario.caller.invoices.verifyInvoice({ document: { $case: 'invoiceId', value: invoice?.invoiceId ?? '' } })).result?.$case).toBe('match');
  }, 60_000);

  test.each<[title: string, tls: TlsOptions | undefined]>([
    ['no TLS', undefined],
    ['no certificate', { ca: authority.ca }],
    ["another authority's certificate", { ca: authority.ca, ...createAuthority('another').issue('a caller') }],
    ['trust in another authority', { ...tls, ca: createAuthority('another').ca }],
  ])('a caller with %s is not let in', async (_title, wrong) => {
    const client = createClient({ address: valora.target('tenancy'), credential: valora.operatorCredential, tls: wrong, retries: 0, deadlineMs: 5_000 });
    const refused: unknown = await client.organizations.listOrganizations({ pageSize: 0, pageToken: '' }).catch((error: unknown) => error);
    client.close();
    expect(refused instanceof CallError ? status[refused.code] : refused).toMatch(/^(UNAVAILABLE|DEADLINE_EXCEEDED)$/);
  });

  test('probes are answered without TLS, and told of nothing else', async () => {
    for (const service of serviceNames) expect([service, await health(valora.healthAddress(service, 0)), await health(valora.healthAddress(service, 0), LIVENESS)]).toEqual([service, SERVING, SERVING]);
    const client = createClient({ address: valora.healthAddress('tenancy', 0), credential: valora.operatorCredential, retries: 0 });
    const refused: unknown = await client.organizations.listOrganizations({ pageSize: 0, pageToken: '' }).catch((error: unknown) => error);
    client.close();
    expect(refused instanceof CallError ? status[refused.code] : refused).toBe('UNIMPLEMENTED');
  });

  test("a process is told its own login and nobody else's", () => {
    for (const service of serviceNames) {
      const environment = readFileSync(`/proc/${valora.replicas(service)[0]?.pid}/environ`, 'utf8').split('\0').filter((line) => line.startsWith('DATABASE_URL'));
      expect(environment).toEqual([expect.stringMatching(new RegExp(`^DATABASE_URL=postgresql://valora_${service}:`))]);
    }
  });
});

describe('two replicas of each', () => {
  let valora: SeparateValora;
  beforeAll(async () => { valora = await startSeparateValora({ replicas: 2, environment: { VALORA_DRAIN_MS: '1000' } }); }, 180_000);
  afterAll(() => valora.stop());

  test('are replaced one by one while callers go on: no call fails, nothing acknowledged is lost or doubled', async () => {
    const scenario = await furnished(valora);
    const { caller } = scenario;
    const failures: unknown[] = [];
    const acknowledged: string[] = [];
    let calls = 0, running = true;
    const worker = async (number: number): Promise<void> => {
      for (let round = 0; running; round += 1) {
        const key = `${number}-${round}`;
        try {
          const event = { idempotencyKey: key, meter: 'requests', customer: 'acme', subscription: '', eventTime: timestampFromInstant(parseInstant(START)), value: '1', properties: new Map<string, string>() };
          const { outcomes } = await caller.usage.recordUsage({ events: [event] });
          if (outcomes[0]?.outcome === UsageOutcome.RECORDED || outcomes[0]?.outcome === UsageOutcome.DUPLICATE) acknowledged.push(key);
          await caller.customers.createCustomer({ requestId: key, customer: { reference: `c${key}`, displayName: '', timeZone: '' } });
          await caller.subscriptions.getSubscription({ reference: 'acme' });
          await caller.catalog.listPrices({ pageSize: 0, pageToken: '' });
          await caller.invoices.listInvoices({ pageSize: 0, pageToken: '', subscription: '' });
          await caller.scheduler.advanceClock({ targetTime: timestampFromInstant(parseInstant(START)) });
          calls += 6;
        } catch (error) {
          failures.push(error);
        }
      }
    };
    const workers = Promise.all(Array.from({ length: 4 }, (_, number) => worker(number)));
    const seen: (readonly [number | null, number | null])[] = [];
    for (const service of serviceNames) {
      for (const replica of [0, 1]) {
        const probed = delay(100).then(async () => { seen.push(await Promise.all([health(valora.healthAddress(service, replica)), health(valora.healthAddress(service, replica), LIVENESS)])); });
        expect([service, await valora.restart(service, replica)]).toEqual([service, 0]);
        await probed;
      }
    }
    running = false;
    await workers;
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(100);
    // 100 ms after SIGTERM a process says that it serves no more, and that it is sound.
    expect(seen).toEqual(Array.from(seen, () => [NOT_SERVING, SERVING]));
    await scenario.advance('2026-02-01T00:00:00Z');
    expect((await scenario.invoices()).map(summary)).toEqual([`acme 1: fee 20.00, requests ${(acknowledged.length / 2).toFixed(2)} = ${(20 + acknowledged.length / 2).toFixed(2)}`]);
  }, 240_000);
});
