import { DatabaseUnavailable, sealThrough, sqlOf, type CallContext } from '@valora/chassis';
import type { UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { instant } from '@valora/rating';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { getUsageEvent } from '../src/read-usage-events.ts';
import type { RecordUsageDependencies } from '../src/record-usage.ts';
import { dice, newOrganization, outcomes, startMetering, usageEvent, type Metering } from './metering.ts';

const ROUNDS = Number(process.env['VALORA_ROUNDS'] ?? '1');

let metering: Metering;
let replicas: readonly RecordUsageDependencies[];
let context: CallContext;
beforeAll(async () => {
  metering = await startMetering();
  const smallBatches = { batchEventsMax: 50, batchWeightMax: 1 << 20, waitingEventsMax: 50_000, waitingWeightMax: 1 << 28 };
  replicas = [metering.dependencies, metering.replica(smallBatches)];
});
afterAll(() => metering.stop());
beforeEach(async () => {
  context = newOrganization();
  await metering.createMeters(context);
});

async function storedTotals(): Promise<{ events: bigint; keys: bigint; sum: string | null }> {
  const owner = new pg.Client({ connectionString: metering.url });
  await owner.connect();
  const { rows: [row] } = await owner.query<{ events: string; keys: string; sum: string | null }>(
    `select (select count(*) from metering.usage_event where organization_id = $1) as events, (select count(*) from metering.usage_key where organization_id = $1) as keys,
       (select sum(value) from metering.usage_event where organization_id = $1) as sum`, [context.organizationId]);
  await owner.end();
  return { events: BigInt(row?.events ?? -1), keys: BigInt(row?.keys ?? -1), sum: row?.sum ?? null };
}

/** The events 1 … count in random requests of at most `sizeMax`, each event `times` times. */
function shuffledRequests(roll: (below: number) => number, { count, times, sizeMax }: { count: number; times: number; sizeMax: number }): UsageEvent[][] {
  const events = Array.from({ length: count * times }, (_, index) => usageEvent(`k${index % count}`, { value: String((index % count) + 1) }));
  for (let last = events.length - 1; last > 0; last -= 1) {
    const other = roll(last + 1);
    [events[last], events[other]] = [events[other] ?? usageEvent('never'), events[last] ?? usageEvent('never')];
  }
  const requests: UsageEvent[][] = [];
  while (events.length > 0) requests.push(events.splice(0, 1 + roll(sizeMax)));
  return requests;
}

describe('events delivered three times over, shuffled, by many callers at once through two processes', () => {
  test.each([[1, 100], [20, 600], [400, 4000]])('requests of up to %d events: each event is recorded once, the others are duplicates, the sum is exact', async (sizeMax, count) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      context = newOrganization();
      await metering.createMeters(context);
      const requests = shuffledRequests(dice(round * 1000 + sizeMax), { count, times: 3, sizeMax });
      const answers = await Promise.all(requests.map((events, index) => outcomes(replicas[index % replicas.length] ?? metering.dependencies, context, events)));
      const tally = answers.flat();
      expect(tally.filter((outcome) => outcome === 'RECORDED')).toHaveLength(count);
      expect(tally.filter((outcome) => outcome === 'DUPLICATE')).toHaveLength(2 * count);
      expect(await storedTotals()).toEqual({ events: BigInt(count), keys: BigInt(count), sum: String((count * (count + 1)) / 2) });
    }
  });
});

test('one key with other content from every caller at once: exactly one is recorded, and it is the one that stands', async () => {
  for (let round = 0; round < 20 * ROUNDS; round += 1) {
    const key = `contested-${round}`;
    const values = Array.from({ length: 8 }, (_, index) => String(index + 1));
    const answers = await Promise.all(values.map((value, index) => outcomes(replicas[index % 2] ?? metering.dependencies, context, [usageEvent(`${key}-own-${value}`), usageEvent(key, { value })])));
    expect(answers.map(([own]) => own)).toEqual(values.map(() => 'RECORDED'));
    const won = answers.flatMap(([, contested], index) => (contested === 'RECORDED' ? [values[index]] : []));
    expect(answers.filter(([, contested]) => contested === 'IDEMPOTENCY_KEY_REUSED')).toHaveLength(values.length - 1);
    const { event } = await getUsageEvent(metering.dependencies, context, { idempotencyKey: key });
    expect([event?.value]).toEqual(won);
  }
});

test('requests that want the same keys in opposite orders don\'t stop each other', async () => {
  const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => {
    const events = (index % 2 === 0 ? keys : keys.toReversed()).map((key) => usageEvent(key));
    return outcomes(replicas[index % 2] ?? metering.dependencies, context, events);
  }));
  expect(answers.flat().filter((outcome) => outcome === 'RECORDED')).toHaveLength(keys.length);
  expect(answers.flat().filter((outcome) => outcome === 'DUPLICATE')).toHaveLength(keys.length * 19);
});

test('connections cut under running writers: callers are told UNAVAILABLE, send again, and every event is recorded once', async () => {
  const owner = new pg.Pool({ connectionString: metering.url, max: 1 });
  let failures = 0;
  const cutBusyConnections = (): Promise<unknown> => owner.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'valora_metering' and datname = current_database() and state <> 'idle'`);
  const persist = async (caller: number, events: readonly UsageEvent[]): Promise<string[]> => {
    for (;;) {
      try {
        return await outcomes(replicas[caller % 2] ?? metering.dependencies, context, events);
      } catch (error) {
        expect(error).toBeInstanceOf(DatabaseUnavailable);
        failures += 1;
      }
    }
  };
  const count = 1000;
  await Promise.all(Array.from({ length: 10 }, async (_, caller) => {
    for (let start = caller * 100; start < (caller + 1) * 100; start += 10) {
      const answers = await persist(caller, Array.from({ length: 10 }, (_unused, offset) => usageEvent(`k${start + offset}`, { value: String(start + offset + 1) })));
      for (const outcome of answers) expect(['RECORDED', 'DUPLICATE']).toContain(outcome);
      await cutBusyConnections();
    }
  }));
  await owner.end();
  expect(failures).toBeGreaterThan(0);
  expect(await storedTotals()).toEqual({ events: BigInt(count), keys: BigInt(count), sum: String((count * (count + 1)) / 2) });
});

test('a seal among running writers: what it saw stays as it was, what came later is recorded at or after it', async () => {
  const { organizationId } = context;
  const owner = new pg.Client({ connectionString: metering.url });
  await owner.connect();
  await owner.query('update metering.fence set sandbox_time = null where organization_id = $1', [organizationId]);
  const knownBefore = async (time: bigint): Promise<bigint> => {
    const { rows: [row] } = await owner.query<{ known: string }>('select count(*) as known from metering.usage_event where organization_id = $1 and recorded_time < $2', [organizationId, time]);
    return BigInt(row?.known ?? -1);
  };

  let sending = true;
  let accepted = 0n;
  const send = async (caller: number): Promise<void> => {
    for (let number = 0; sending; number += 1) {
      const eventTime = { seconds: 1_700_000_000n, nanos: 0 };
      const answers = await outcomes(metering.dependencies, context, [usageEvent(`${caller}-${number}-a`, { eventTime }), usageEvent(`${caller}-${number}-b`, { eventTime })]);
      accepted += BigInt(answers.filter((outcome) => outcome === 'RECORDED').length);
    }
  };
  const callers = Array.from({ length: 6 }, (_, caller) => send(caller));
  const seals: { time: bigint; known: bigint }[] = [];
  while (seals.length < 50 * ROUNDS || accepted < 200n) {
    const { rows: [clock] } = await owner.query<{ now: string }>('select metering.now_micros() as now');
    const time = instant(BigInt(clock?.now ?? 0));
    await metering.dependencies.database.transaction(organizationId, (tx) => sealThrough(sqlOf(tx), time));
    seals.push({ time, known: await knownBefore(time) });
  }
  sending = false;
  await Promise.all(callers);
  for (const { time, known } of seals) expect(await knownBefore(time)).toBe(known);
  expect((await storedTotals()).events).toBe(accepted);
  expect(new Set(seals.map(({ known }) => known)).size).toBeGreaterThan(1); // they fell among the writers
  await owner.end();
});
