/** Usage over streams while connections are cut and servers come and go: every event is recorded once, and acknowledged. */
import { createClient, ingestAll } from '@valora/client';
import { Aggregation } from '@valora/contracts/valora/metering/v1/meter';
import type { UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { startDoor, type Door } from '@valora/testkit/door';
import { createReplicas, type Replicas } from '@valora/testkit/replica';
import { seeded } from '@valora/testkit/seeded';
import { startTestValora, type TestOrganization, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROUNDS = Number(process.env['VALORA_ROUNDS'] ?? '1');

let valora: TestValora;
let replicas: Replicas;
let organization: TestOrganization;
beforeAll(async () => {
  valora = await startTestValora();
  replicas = createReplicas(valora);
});
afterAll(async () => {
  await replicas.stop();
  await valora.stop();
});
async function newOrganization(): Promise<void> {
  organization = await valora.createOrganization({ sandboxTime: '2026-01-01T00:00:00Z' });
  const client = createClient({ address: valora.address, credential: organization.apiKey });
  await client.meters.createMeter({ requestId: 'm', meter: { code: 'tokens', displayName: '', aggregation: Aggregation.SUM, filters: [], uniqueProperty: '', takesNegativeValues: false } });
  client.close();
}

function* numbered(count: number): Generator<UsageEvent> {
  for (let number = 1; number <= count; number += 1) {
    yield { idempotencyKey: `k${number}`, meter: 'tokens', customer: 'acme', subscription: '', eventTime: { seconds: 1_767_225_600n, nanos: 0 }, value: String(number), properties: new Map() };
  }
}

async function stored(): Promise<{ events: number; sum: string }> {
  const owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
  const { rows: [row] } = await owner.query<{ events: string; sum: string }>('select count(*) as events, sum(value)::text as sum from metering.usage_event where organization_id = $1', [organization.organizationId]);
  await owner.end();
  return { events: Number(row?.events), sum: row?.sum ?? '' };
}

const all = (count: number): { events: number; sum: string } => ({ events: count, sum: String((count * (count + 1)) / 2) });

async function ingestThrough(door: Door, count: number, onAcknowledged: () => void = () => {}): Promise<{ recorded: number; duplicate: number; refused: number }> {
  const client = createClient({ address: door.address, credential: organization.apiKey });
  try {
    const { recorded, duplicate, refused } = await ingestAll(client.usage, numbered(count), { batchSize: 50, inFlight: 8, stream: true, onProgress: onAcknowledged });
    return { recorded, duplicate, refused };
  } finally {
    client.close();
  }
}

test('connections cut between a batch and its acknowledgement: each event is recorded once, and each is acknowledged', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    await newOrganization();
    const roll = seeded(round + 1);
    const door = await startDoor(valora.address);
    let cuts = 0;
    door.cutBefore(() => {
      if (cuts === 12 || roll(100) >= 15) return false;
      cuts += 1;
      return true;
    });
    const { recorded, duplicate, refused } = await ingestThrough(door, 3_000);
    door.close();
    expect([recorded + duplicate, refused, await stored()]).toEqual([3_000, 0, all(3_000)]);
    expect(cuts).toBeGreaterThan(0);
  }
}, 60_000 * ROUNDS);

test('two callers send the same events through two servers, one of which is killed and the other stopped in the middle', async () => {
  await newOrganization();
  const [first, second] = await Promise.all([replicas.start(), replicas.start()]);
  const doors = await Promise.all([startDoor(first.address), startDoor(second.address)]);
  const count = 20_000;
  let acknowledged = 0;
  let happened: Promise<void> | undefined;
  const replace = async (): Promise<void> => {
    const third = await replicas.start();
    for (const door of doors) door.leadTo(third.address);
    await Promise.all([first.kill(), second.stop()]);
  };
  const onAcknowledged = (): void => {
    acknowledged += 1;
    if (acknowledged === 40) happened = replace();
  };
  const counts = await Promise.all(doors.map((door) => ingestThrough(door, count, onAcknowledged)));
  await happened;
  for (const door of doors) door.close();
  expect(happened).toBeDefined();
  expect(counts.map(({ recorded, duplicate, refused }) => [recorded + duplicate, refused])).toEqual([[count, 0], [count, 0]]);
  expect(await stored()).toEqual(all(count));
  expect(replicas.defects()).toEqual([]);
}, 120_000);
