// Every event is delivered five times, all deliveries shuffled, through four processes of metering at once: each is recorded once,
// four are duplicates, and count, sum and digest of every customer are those of the events. VALORA_DELIVERIES says how many events;
// with 1,000,000 it is also a figure: deliveries a second, on a PostgreSQL with fsync.
import { createClient } from '@valora/client';
import { startKillablePostgres } from '@valora/testkit/killable-postgres';
import { seeded } from '@valora/testkit/seeded';
import { startSeparateValora, type SeparateValora } from '@valora/testkit/separate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AGREEMENT, compare, createLoad, createUsageMeter, recordedNow, toMessage } from './usage-ledger.ts';

const EVENTS = Number(process.env['VALORA_DELIVERIES'] ?? '10000');
const SEED = Number(process.env['VALORA_SEED'] ?? Date.now() % 2 ** 31);
const TIMES = 5;
const PROCESSES = 4;
const IN_FLIGHT = 2;
const BATCH_SIZE = 500;
const CUSTOMERS = 100;
const DELIVERY_MS_MAX = 1;
const CALL_MS = 120_000;

let valora: SeparateValora;
beforeAll(async () => {
  valora = await startSeparateValora({ replicas: PROCESSES, services: ['metering'], database: await startKillablePostgres() });
}, 180_000);
afterAll(() => valora.stop());

/** Each number below `EVENTS` so many times, shuffled. */
function shuffledDeliveries(): Uint32Array {
  const below = seeded(SEED);
  const deliveries = Uint32Array.from({ length: EVENTS * TIMES }, (_, index) => index % EVENTS);
  for (let last = deliveries.length - 1; last > 0; last -= 1) {
    const other = below(last + 1);
    [deliveries[last], deliveries[other]] = [deliveries[other] ?? 0, deliveries[last] ?? 0];
  }
  return deliveries;
}

test(`${EVENTS} events delivered ${TIMES} times, shuffled, through ${PROCESSES} processes: exact totals (VALORA_SEED=${SEED})`, async () => {
  const organization = await valora.createOrganization();
  await createUsageMeter(organization);
  const load = createLoad(CUSTOMERS);
  const deliveries = shuffledDeliveries();
  const tally = { recorded: 0, duplicates: 0 };
  let next = 0;
  const deliver = async (replica: number): Promise<void> => {
    const client = createClient({ address: { metering: valora.address('metering', replica) }, credential: organization.apiKey, deadlineMs: CALL_MS });
    try {
      while (next < deliveries.length) {
        const batch = deliveries.subarray(next, (next += BATCH_SIZE));
        const { outcomes } = await client.usage.recordUsage({ events: Array.from(batch, (number) => toMessage(load.event(number))) });
        for (const outcome of outcomes) tally[recordedNow(outcome) ? 'recorded' : 'duplicates'] += 1;
      }
    } finally {
      client.close();
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: PROCESSES * IN_FLIGHT }, (_, sender) => deliver(sender % PROCESSES)));
  const seconds = (performance.now() - startMs) / 1_000;
  process.stdout.write(`VALORA_SEED=${SEED}: ${JSON.stringify({ events: EVENTS, deliveries: deliveries.length, ...tally, seconds: Math.round(seconds), deliveriesPerSecond: Math.round(deliveries.length / seconds) })}\n`);
  expect(tally).toEqual({ recorded: EVENTS, duplicates: EVENTS * (TIMES - 1) });
  const acknowledged = Array.from({ length: EVENTS }, (_, number) => number);
  expect(await compare({ url: valora.database.url, peer: valora.peer('metering', 'invoicing') }, organization, { load, acknowledged })).toEqual(AGREEMENT);
}, 120_000 + EVENTS * TIMES * DELIVERY_MS_MAX);
