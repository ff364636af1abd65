// Levels that follow from stored ones are what reading all events gives: whatever was voided or came late since, in any order of asking, with any of them gone.
import { sealThrough, sqlOf, type CallContext } from '@valora/chassis';
import type { Lateness } from '@valora/contracts/valora/metering/v1/lateness';
import { UsageWindow } from '@valora/contracts/valora/metering/v1/query_usage';
import type { UsageQuery as UsageQueryMessage } from '@valora/contracts/valora/metering/v1/usage';
import { instant } from '@valora/rating';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aggregateUsage } from '../src/aggregate-usage.ts';
import { AGGREGATION_LIMITS } from '../src/answer-budget.ts';
import { voidUsage } from '../src/correct-usage.ts';
import { queryUsage } from '../src/query-usage.ts';
import { dice, HOUR, newOrganization, NOON, outcomes, period, setClock, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';
import { answeredUsage, foldedUsage } from './usage-oracle.ts';
import { createWorldMeters, METERS, randomWorld } from './usage-world.ts';

const STEP = HOUR / 4n;
const ROUNDS = Number(process.env['VALORA_ROUNDS'] ?? 10);
const EVERY_LEVEL = { ...AGGREGATION_LIMITS, storedLevelEventsMin: 1 };

let metering: Metering;
let owner: pg.Client;
beforeAll(async () => {
  metering = await startMetering();
  owner = await metering.connectOwner();
});
afterAll(() => metering.stop());

function levelQuery(queryKey: string, { at, known, ...changes }: { readonly at: bigint; readonly known: bigint } & Partial<UsageQueryMessage>): UsageQueryMessage {
  return {
    queryKey, meter: 'level', customer: 'acme', subscription: 's1', period: period(at, at + STEP), fullPeriod: undefined, knownBeforeTime: timestamp(known), groupBy: [], needsEventValues: false,
    lateness: undefined, ...changes,
  };
}

async function seal(context: CallContext, time: bigint): Promise<void> {
  await metering.dependencies.database.transaction(context.organizationId, (tx) => sealThrough(sqlOf(tx), instant(time)));
}

/** Cycles of a quarter of an hour up to a time, with the one in which it lies; some hold nothing. `odd` leaves one out, or gives it another cutoff. */
function held(at: bigint, odd: number): Lateness {
  const cycles = Array.from({ length: Number((at - NOON + 4n * HOUR) / STEP) + 1 }, (_, index) => {
    const end = NOON - 4n * HOUR + BigInt(index) * STEP;
    return { endTime: timestamp(end), cutoffTime: index % 4 === 3 ? undefined : timestamp(end + BigInt(index % 3) * STEP + (index === odd ? HOUR : 0n)) };
  }).filter((_, index) => index !== odd - 20);
  const own = cycles.pop();
  return { policy: { $case: 'hold', value: { cutoffTime: own?.cutoffTime, earlier: cycles } } };
}

interface StoredRow {
  readonly subscription_reference: string;
  readonly at_time: string;
  readonly known_before_time: string;
  readonly level: string;
}

async function storedLevels({ organizationId }: CallContext): Promise<readonly StoredRow[]> {
  const { rows } = await owner.query<StoredRow>(
    'select subscription_reference, at_time, known_before_time, level::text from usage_level where organization_id = $1 order by 1, 2, 3', [organizationId]);
  return rows;
}

async function carriedIn(context: CallContext, queries: readonly UsageQueryMessage[], { useStoredLevels = true, limits = EVERY_LEVEL } = {}): Promise<readonly string[]> {
  const { usages } = await aggregateUsage({ ...metering.dependencies, limits }, context, { queries, useStoredLevels });
  return usages.map((usage) => usage.carriedIn);
}

/** A level meter, and so many events of 1 an hour before noon, recorded at noon; the clock stands an hour later. */
async function levelOf(eventCount: number, subscription = ''): Promise<CallContext> {
  const context = newOrganization();
  await createWorldMeters(metering, context);
  await outcomes(metering.dependencies, context, Array.from({ length: eventCount }, (_, index) => usageEvent(`e${index}`, { meter: 'level', time: NOON - HOUR, subscription })));
  await setClock(metering.dependencies, context, NOON + HOUR);
  return context;
}

test('equal the fold of all events, in any order of asking, while more is sealed and some of them are lost', async () => {
  let stored = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const { context, facts } = await randomWorld(metering, 4_000 + round, 300);
    const roll = dice(round);
    const pick = <T>(values: readonly [T, ...T[]]): T => values[roll(values.length)] ?? values[0];
    for (let batch = 0; batch < 6; batch += 1) {
      await seal(context, NOON + BigInt(2 * batch) * STEP);
      const queries = Array.from({ length: 60 }, (_, index) => {
        const at = NOON - 4n * HOUR + BigInt(roll(32)) * STEP + BigInt(roll(3) - 1);
        return levelQuery(`q${index}`, {
          at, known: NOON + BigInt(roll(14)) * STEP + BigInt(roll(3) - 1),
          meter: pick(['level', 'level', 'eu-level']), customer: pick(['acme', 'acme', 'acme', 'globex', 'nobody']), subscription: pick(['s1', 's1', 's1', 's2', '']),
          lateness: pick([undefined, { policy: { $case: 'carryForward', value: { cutoffTime: timestamp(NOON), carried: [] } } }, held(at, -1), held(at, -1), held(at, 10 + roll(24))]),
        });
      });
      const { usages } = await aggregateUsage({ ...metering.dependencies, limits: EVERY_LEVEL }, context, { queries, useStoredLevels: true });
      expect(usages.map((usage, index) => [usage.queryKey, answeredUsage(usage, queries[index] ?? levelQuery('', { at: 0n, known: 0n }))]))
        .toEqual(queries.map((query) => [query.queryKey, foldedUsage(facts, query, METERS[query.meter] ?? { kind: 'COUNT', filters: [] })]));
      stored += (await storedLevels(context)).length;
      await owner.query("delete from usage_level where organization_id = $1 and hashint8(at_time + $2) % 3 = 0", [context.organizationId, batch]);
    }
  }
  expect(stored).toBeGreaterThan(ROUNDS * 50);
}, 30_000 + ROUNDS * 3_000);

test('are what later levels follow from, where that is asked for', async () => {
  const context = await levelOf(10);
  await seal(context, NOON + HOUR);
  const first = levelQuery('first', { at: NOON, known: NOON + 1n });
  const second = levelQuery('second', { at: NOON + HOUR, known: NOON + 2n });
  expect(await carriedIn(context, [first])).toEqual(['10']);
  await owner.query('update usage_level set level = level + 1000 where organization_id = $1', [context.organizationId]);
  expect(await carriedIn(context, [second], { useStoredLevels: false })).toEqual(['10']);
  expect(await carriedIn(context, [second])).toEqual(['1010']);
  await owner.query('delete from usage_level where organization_id = $1', [context.organizationId]);
  expect(await carriedIn(context, [second])).toEqual(['10']);
});

test('under HOLD are what levels held by the same cutoffs follow from, and no others', async () => {
  const context = await levelOf(10);
  await seal(context, NOON + HOUR);
  const hold = (...cycles: readonly (readonly [end: bigint, cutoff: bigint])[]): Lateness => ({
    policy: { $case: 'hold', value: { cutoffTime: timestamp(NOON + HOUR), earlier: cycles.map(([end, cutoff]) => ({ endTime: timestamp(end), cutoffTime: timestamp(cutoff) })) } },
  });
  const [first, second] = [[NOON - 2n * STEP, NOON + 1n], [NOON - STEP, NOON + HOUR]] as const;
  const adjusted = levelQuery('adjusted', { at: NOON - 3n * STEP, known: NOON + 1n });
  expect(await carriedIn(context, [adjusted, levelQuery('held', { at: first[0], known: NOON + 2n, lateness: hold(first) })])).toEqual(['10', '10']);
  await owner.query('update usage_level set level = level + 1000 * (1 + (at_time = $2)::integer) where organization_id = $1', [context.organizationId, first[0]]);
  const later = (queryKey: string, lateness?: Lateness): UsageQueryMessage => levelQuery(queryKey, { at: NOON, known: NOON + 3n, lateness });
  expect(await carriedIn(context, [later('held', hold(first, second))])).toEqual(['2010']);
  expect(await carriedIn(context, [later('adjusted')])).toEqual(['1010']);
  expect(await carriedIn(context, [later('another cutoff', hold([first[0], NOON + 2n], second))])).toEqual(['10']);
  expect(await carriedIn(context, [later('another end', hold([first[0] - 1n, first[1]], second))])).toEqual(['10']);
});

test('are not stored before they are final, nor when few events were read, nor where that is not asked for', async () => {
  const context = await levelOf(999);
  const query = levelQuery('q', { at: NOON, known: NOON + 1n });
  expect(await carriedIn(context, [query])).toEqual(['999']);
  await seal(context, NOON);
  expect(await carriedIn(context, [query])).toEqual(['999']);
  expect(await storedLevels(context)).toEqual([]);

  await seal(context, NOON + HOUR);
  await carriedIn(context, [query], { limits: AGGREGATION_LIMITS });
  await carriedIn(context, [query], { useStoredLevels: false });
  expect(await storedLevels(context)).toEqual([]);
  await outcomes(metering.dependencies, context, [usageEvent('late', { meter: 'level', time: NOON - HOUR })]);
  await setClock(metering.dependencies, context, NOON + 2n * HOUR);
  await seal(context, NOON + 2n * HOUR);
  expect(await carriedIn(context, [query, levelQuery('later', { at: NOON, known: NOON + 2n * HOUR })], { limits: AGGREGATION_LIMITS })).toEqual(['999', '1000']);
  const stored = { subscription_reference: 's1', at_time: String(NOON) };
  expect(await storedLevels(context)).toEqual([ // the thousandth is read for both
    { ...stored, known_before_time: String(NOON + 1n), level: '999' }, { ...stored, known_before_time: String(NOON + 2n * HOUR), level: '1000' },
  ]);
});

test('are stored for what was read and did not count too, so that it is read once: usage of other subscriptions, voids, and late usage of other meters', async () => {
  const context = await levelOf(3, 's2');
  const limits = { ...AGGREGATION_LIMITS, storedLevelEventsMin: 3 };
  const read = async (queryKey: string, known: bigint, subscription: string): Promise<unknown> => {
    await setClock(metering.dependencies, context, known);
    await seal(context, known);
    const [level] = await carriedIn(context, [levelQuery(queryKey, { at: NOON, known, subscription })], { limits });
    return [level, (await storedLevels(context)).length];
  };
  const keys = ['e0', 'e1', 'e2'];
  expect(await read('other subscription', NOON + HOUR, 's1')).toEqual(['0', 1]);
  expect(await read('own', NOON + HOUR, 's2')).toEqual(['3', 2]);
  await voidUsage(metering.dependencies, context, { requestId: 'v', idempotencyKeys: keys, reason: 'wrong' });
  expect(await read('voided', NOON + 2n * HOUR, 's2')).toEqual(['0', 3]);
  expect(await outcomes(metering.dependencies, context, keys.map((key) => usageEvent(`late-${key}`, { meter: 'sum', time: NOON - HOUR })))).toEqual(keys.map(() => 'RECORDED'));
  expect(await read('late', NOON + 3n * HOUR, 's2')).toEqual(['0', 4]);
  expect(await read('nothing', NOON + 4n * HOUR, 's2')).toEqual(['0', 4]);
});

test('are followed by what a chart asks, and not added to', async () => {
  const context = await levelOf(1_000, 's1');
  await setClock(metering.dependencies, context, NOON + 2n * HOUR);
  await seal(context, NOON + 2n * HOUR);
  const chart = async (start: bigint): Promise<unknown> => {
    const request = { meter: 'level', customer: 'acme', subscription: 's1', period: period(start, start + HOUR), window: UsageWindow.PERIOD, timeZone: '', groupBy: [], knownBeforeTime: timestamp(NOON + 2n * HOUR) };
    const { windows } = await queryUsage(metering.dependencies, context, request);
    return windows.map(({ quantity }) => quantity);
  };
  expect(await chart(NOON + HOUR)).toEqual(['1000']);
  expect(await storedLevels(context)).toEqual([]);
  await carriedIn(context, [levelQuery('q', { at: NOON, known: NOON + HOUR })]);
  await owner.query('update usage_level set level = level + 1 where organization_id = $1', [context.organizationId]);
  expect(await chart(NOON + HOUR)).toEqual(['1001']);
});

test('a level that came back to zero is stored too, and what was voided since comes off', async () => {
  const context = await levelOf(4);
  await outcomes(metering.dependencies, context, [usageEvent('back', { meter: 'level', time: NOON, value: '-4' })]);
  await setClock(metering.dependencies, context, NOON + 2n * HOUR);
  await seal(context, NOON + 2n * HOUR);
  const at = NOON + HOUR;
  expect(await carriedIn(context, [levelQuery('zero', { at, known: at + 1n })])).toEqual(['0']);
  expect(await storedLevels(context)).toMatchObject([{ level: '0' }]);
  await voidUsage(metering.dependencies, context, { requestId: 'v', idempotencyKeys: ['back', 'e0'], reason: 'wrong' });
  expect(await carriedIn(context, [levelQuery('before', { at, known: NOON + 2n * HOUR }), levelQuery('after', { at, known: NOON + 2n * HOUR + 1n })])).toEqual(['0', '3']);
});

test('what is recorded at the very instant before which a level was known, an hour after it happened, is not in it and comes to later ones', async () => {
  const context = await levelOf(2);
  await setClock(metering.dependencies, context, NOON + HOUR);
  await outcomes(metering.dependencies, context, [usageEvent('hour', { meter: 'level', time: NOON, value: '5' })]);
  await seal(context, NOON + HOUR);
  const at = NOON + STEP;
  expect(await carriedIn(context, [levelQuery('stored', { at, known: NOON + HOUR })])).toEqual(['2']);
  expect(await carriedIn(context, [levelQuery('same', { at, known: NOON + HOUR }), levelQuery('later', { at, known: NOON + HOUR + 1n })])).toEqual(['2', '7']);
});

test('are stored in one order, whatever the order of asking and the policies, so that two calls never lock each other up', async () => {
  const context = await levelOf(5, 's1');
  await seal(context, NOON + HOUR);
  const held = levelQuery('held', { at: NOON, known: NOON + 2n, lateness: { policy: { $case: 'hold', value: { cutoffTime: timestamp(NOON + HOUR), earlier: [] } } } });
  const call = (): Promise<readonly string[]> => carriedIn(context, [held, ...[9n, 7n, 5n, 3n, 1n].map((number) => levelQuery(`q${number}`, { at: NOON, known: NOON + number }))]);
  const columns = 'organization_id, meter_code, customer_reference, subscription_reference, at_time, known_before_time, held_before, level';
  await call();
  const other = new pg.Client({ connectionString: metering.url, options: '-c search_path=metering -c lock_timeout=200' });
  await other.connect();
  const { rows } = await owner.query<Record<string, unknown>>(`delete from usage_level where organization_id = $1 returning ${columns}`, [context.organizationId]);
  const store = async (client: pg.Client, number: bigint): Promise<unknown> => await client.query(
    `insert into usage_level (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
    Object.values(rows.find(({ known_before_time: known }) => known === String(NOON + number)) ?? {}));

  await owner.query('begin');
  await store(owner, 5n);
  const waited = call();
  const waits = async (): Promise<boolean> => (await other.query(
    `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'insert into usage_level%'`)).rowCount === 1;
  while (!await waits()) await delay(10);
  for (const number of [9n, 2n]) await store(other, number); // which the call has yet to come to, that under HOLD last
  await expect(store(other, 3n)).rejects.toThrow('lock timeout');
  await owner.query('rollback');
  expect(new Set(await waited)).toEqual(new Set(['5']));
  expect(await storedLevels(context)).toHaveLength(6);
  await other.end();
});

test('calls at the same time, in whatever order, store the same', async () => {
  const context = await levelOf(50, 's1');
  await seal(context, NOON + HOUR);
  const queries = Array.from({ length: 40 }, (_, index) => levelQuery(`q${index}`, { at: NOON + BigInt(index % 2) * STEP, known: NOON + BigInt(index) + 1n }));
  const roll = dice(9);
  const calls = Array.from({ length: 16 }, () => queries.map((query) => ({ query, at: roll(1_000) })).toSorted((one, other) => one.at - other.at).map(({ query }) => query));
  const answers = await Promise.all(calls.map((asked) => carriedIn(context, asked)));
  expect(new Set(answers.flat())).toEqual(new Set(['50']));
  expect((await storedLevels(context)).map(({ level }) => level)).toEqual(queries.map(() => '50'));
});
