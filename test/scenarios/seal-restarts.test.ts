// What is sealed stays sealed: two processes of metering, killed and started again between a seal and what is recorded after it, while
// the clock steps back behind the seal. Nothing is recorded before it, and what was known before it stays what it was.
import { instantFromTimestamp, timestampFromInstant, type Peer } from '@valora/chassis';
import { createClient } from '@valora/client';
import { FenceServiceService } from '@valora/contracts/valora/metering/v1/fence';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { instant, type Instant } from '@valora/rating';
import { startSeparateValora, type SeparateValora } from '@valora/testkit/separate';
import type { TestOrganization } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLoad, createUsageMeter, METER, toMessage } from './usage-ledger.ts';

const REPLICAS = [0, 1] as const;
const SEALS = 4;
const HOUR = 3_600_000_000n;
const CALL_MS = 60_000;
const TEST_CLOCK = `
  create table metering.test_clock (now bigint not null);
  grant select on metering.test_clock to valora_metering;
  insert into metering.test_clock values (0);
  create or replace function metering.now_micros() returns bigint language sql volatile return (select now from metering.test_clock)`;

let valora: SeparateValora;
let owner: pg.Client;
let organization: TestOrganization;
beforeAll(async () => {
  valora = await startSeparateValora({ replicas: REPLICAS.length, services: ['metering'] });
  owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
  await owner.query(TEST_CLOCK);
  organization = await valora.createOrganization();
}, 120_000);
afterAll(async () => {
  await owner.end();
  await valora.stop();
});

const load = createLoad(1);
let sent = 0;

const setClock = (time: Instant): Promise<unknown> => owner.query('update metering.test_clock set now = $1', [time]);

const context = () => ({ organizationId: organization.organizationId, caller: { actor: 'test' }, deadlineMs: Date.now() + CALL_MS, callDepth: 0 });

/** A new connection each time: one to a process that was killed waits before it tries again. */
const peerOf = (replica: number): Peer => valora.peer('metering', 'invoicing', replica);

/** Records an event through a replica; its recorded time. */
async function record(replica: number): Promise<Instant> {
  const client = createClient({ address: { metering: valora.address('metering', replica) }, credential: organization.apiKey });
  try {
    const event = toMessage(load.event((sent += 1)));
    await client.usage.recordUsage({ events: [event] });
    const stored = (await client.usage.getUsageEvent({ idempotencyKey: event.idempotencyKey })).event;
    if (stored?.recordedTime === undefined) throw new Error('the event has no recorded time');
    return instantFromTimestamp(stored.recordedTime);
  } finally {
    client.close();
  }
}

async function knownBefore(peer: Peer, time: Instant): Promise<object> {
  const period = { startTime: timestampFromInstant(load.start), endTime: timestampFromInstant(instant(load.start + HOUR)) };
  const { usages } = await peer.stub(UsageServiceService).aggregateUsage(context(), {
    useStoredLevels: true, queries: [{ queryKey: 'all', meter: METER, customer: 'customer-0', subscription: '', period, knownBeforeTime: timestampFromInstant(time), groupBy: [], needsEventValues: false }],
  });
  return { eventCount: usages[0]?.eventCount, quantity: usages[0]?.quantity, usageSetDigest: usages[0]?.usageSetDigest };
}

async function seal(peer: Peer, time: Instant): Promise<Instant> {
  const { sealedThroughTime } = await peer.stub(FenceServiceService).sealThrough(context(), { throughTime: timestampFromInstant(time) });
  if (sealedThroughTime === undefined) throw new Error('the seal has no time');
  return instantFromTimestamp(sealedThroughTime);
}

test('after a process is killed and started again, and the clock stepped back, nothing is recorded before the seal', async () => {
  const base = instant(load.start + HOUR);
  await setClock(base);
  await createUsageMeter(organization);
  const seals: { readonly time: Instant; readonly known: object }[] = [];
  for (let round = 1; round <= SEALS; round += 1) {
    const time = instant(base + BigInt(round) * HOUR);
    await setClock(instant(time - 1n));
    expect(await Promise.all(REPLICAS.map(record))).toEqual([time - 1n, time - 1n]);
    await setClock(time);
    expect(await seal(peerOf(round % 2), time)).toBe(time);
    seals.push({ time, known: await knownBefore(peerOf(1 - (round % 2)), time) });

    await setClock(instant(time - HOUR / 2n));
    // Sometimes one, sometimes both: none that runs remembers the seal then.
    const killed = round % 2 === 0 ? REPLICAS : [0];
    await Promise.all(killed.map((replica) => valora.restart('metering', replica, 'SIGKILL')));
    expect(await Promise.all(REPLICAS.map(record))).toEqual([time, time]);
    const peers = REPLICAS.map(peerOf);
    expect(await Promise.all(peers.map((peer) => seal(peer, instant(time - HOUR))))).toEqual([time, time]);
    for (const peer of peers) expect(await Promise.all(seals.map((sealed) => knownBefore(peer, sealed.time)))).toEqual(seals.map(({ known }) => known));
    expect(await knownBefore(peerOf(0), instant(time + 1n))).toMatchObject({ eventCount: BigInt(round * 4) });
  }
  expect(new Set(seals.map(({ known }) => JSON.stringify(known, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)))).size).toBe(SEALS);
}, 240_000);
