/** More usage than the database takes while it takes none: callers are turned away with advice when to come again, memory stays bounded, and whoever was not turned away is recorded. */
import { readFileSync } from 'node:fs';
import { Client, credentials } from '@grpc/grpc-js';
import { createClient, ingestAll } from '@valora/client';
import { Aggregation } from '@valora/contracts/valora/metering/v1/meter';
import { UsageOutcome, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { createReplicas, type Replica, type Replicas } from '@valora/testkit/replica';
import { startTestValora, type TestOrganization, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callUnaryRaw, PATHS, usageRequest, type Answer } from '../probe/usage-wire.ts';

const MEGABYTE = 1024 * 1024;
const CALLERS = 160;
const EVENTS = 1_500;
const NOTE = 'x'.repeat(256);

let valora: TestValora;
let replicas: Replicas;
let replica: Replica;
let organization: TestOrganization;
let owner: pg.Client;
beforeAll(async () => {
  valora = await startTestValora();
  replicas = createReplicas(valora);
  replica = await replicas.start();
  organization = await valora.createOrganization({ sandboxTime: '2026-03-01T12:00:00Z' });
  await organization.connection.meters.createMeter({ requestId: 'm', meter: { code: 'tokens', displayName: '', aggregation: Aggregation.SUM, filters: [], uniqueProperty: '', takesNegativeValues: false } });
  owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await replicas.stop();
  await valora.stop();
});

/** Events of about a kilobyte each in memory. */
function requestOf(caller: number): Buffer {
  return usageRequest(Array.from({ length: EVENTS }, (_, index) => ({ key: `c${caller}-${index}`, properties: [['note', NOTE]] })));
}

/** Resident memory of a process, in bytes, and the most it ever was. */
function memoryOf(pid: number): { now: number; most: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1] ?? Number.NaN);
  return { now: kilobytes('VmRSS') * 1_024, most: kilobytes('VmHWM') * 1_024 };
}

/** Ingest of the organization stands still until the answer is called. */
async function stall(): Promise<() => Promise<void>> {
  await owner.query('begin');
  await owner.query('select from metering.fence where organization_id = $1 for update', [organization.organizationId]);
  return async () => void await owner.query('rollback');
}

async function storedCount(prefix: string): Promise<number> {
  const { rows: [row] } = await owner.query<{ stored: string }>('select count(*) as stored from metering.usage_event where organization_id = $1 and idempotency_key like $2', [organization.organizationId, `${prefix}%`]);
  return Number(row?.stored);
}

test(`${CALLERS} callers with ${EVENTS} events each against a stalled database`, async () => {
  const client = new Client(replica.address, credentials.createInsecure());
  const before = memoryOf(replica.pid).now;
  const release = await stall();
  const answers: Answer[] = [];
  let told: () => void = () => {};
  const calls = Array.from({ length: CALLERS }, async (_, caller) => {
    answers.push(await callUnaryRaw(client, PATHS.RecordUsage, organization.apiKey, requestOf(caller)));
    told();
  });
  // The queue holds at most 50,000 events, and a transaction a few requests: all others are turned away while nothing moves.
  while (answers.length < CALLERS - 60) await new Promise<void>((resolve) => { told = resolve; });
  const turnedAway = answers.length;
  const OVERLOADED = ['RESOURCE_EXHAUSTED', 'OVERLOADED'];
  // On a machine so short of time that the flood lasts longer than the minute a statement has, the stalled one is broken off: recorded by nobody, and told to come again too.
  const GIVEN_UP = ['UNAVAILABLE', 'UNAVAILABLE'];
  const expectComeAgain = (refused: readonly Answer[]): void => {
    for (const { code, reason, retryDelayMs } of refused) expect([[code, reason], retryDelayMs]).toEqual([code === 'UNAVAILABLE' ? GIVEN_UP : OVERLOADED, expect.toSatisfy((delayMs: number) => delayMs > 0)]);
  };
  expectComeAgain(answers);
  await release();
  await Promise.all(calls);
  const good = answers.filter(({ code }) => code === 'OK');
  expectComeAgain(answers.filter(({ code }) => code !== 'OK'));
  expect(good.every(({ outcomes }) => outcomes.length === EVENTS && outcomes.every(({ outcome }) => outcome === UsageOutcome.RECORDED))).toBe(true);
  expect(await storedCount('c')).toBe(good.length * EVENTS);
  expect(good.length).toBeGreaterThan(3);
  const grownMegabytes = Math.round((memoryOf(replica.pid).most - before) / MEGABYTE);
  process.stdout.write(`${JSON.stringify({ callers: CALLERS, events: EVENTS, turnedAway, recorded: good.length, grownMegabytes })}\n`);
  // What was sent is 80 MB as bytes and several times that as objects.
  expect(grownMegabytes).toBeLessThan(500);
  client.close();
}, 120_000);

test('streams against a stalled database wait, or come again when they are turned away: every event is recorded', async () => {
  const callers = 10, count = 10_000;
  const release = await stall();
  let held = true;
  let pulled = 0;
  function* numbered(caller: number): Generator<UsageEvent> {
    for (let number = 0; number < count; number += 1) {
      pulled += 1;
      yield { idempotencyKey: `s${caller}-${number}`, meter: 'tokens', customer: 'acme', subscription: '', eventTime: { seconds: 1_772_366_400n, nanos: 0 }, value: '1', properties: new Map([['note', NOTE]]) };
    }
  }
  const clients = Array.from({ length: callers }, () => createClient({ address: replica.address, credential: organization.apiKey }));
  const runs = clients.map((client, caller) => ingestAll(client.usage, numbered(caller), { batchSize: 1_000, inFlight: 4, stream: true, onProgress: () => { expect(held).toBe(false); } }));
  // Nobody reads on while nothing is acknowledged: four batches each, and not one event more.
  while (pulled < callers * 4_000) await new Promise(setImmediate);
  held = false;
  await release();
  const summaries = await Promise.all(runs);
  expect(summaries.map(({ recorded, duplicate, refused }) => [recorded + duplicate, refused])).toEqual(summaries.map(() => [count, 0]));
  expect(await storedCount('s')).toBe(callers * count);
  for (const client of clients) client.close();
  expect(replicas.defects()).toEqual([]);
}, 120_000);
