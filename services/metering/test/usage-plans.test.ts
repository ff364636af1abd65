// How usage is read: no question about one customer may read the table of all, nor every event look at every earlier cycle.
import { instant } from '@valora/rating';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countedEvents, eventsBefore, eventsChangedSince, eventsSince, FROM_QUERIES, FROM_QUERIES_BEFORE, FROM_QUERIES_SINCE, QUERIES, queryValues, type QueryShape } from '../src/counted-events.ts';
import type { Lateness, UsageQuery } from '../src/usage-query.ts';
import { HOUR, newOrganization, NOON, startMetering, type Metering } from './metering.ts';
import { createWorldMeters } from './usage-world.ts';

const DAY = 24n * HOUR;
const { organizationId, ...caller } = newOrganization();

let metering: Metering;
let owner: pg.Client;
/** The plan for a level that follows from a stored one, before PostgreSQL knows how many events there are. */
let unknown: string;
beforeAll(async () => {
  metering = await startMetering();
  await createWorldMeters(metering, { organizationId, ...caller });
  owner = new pg.Client({ connectionString: metering.url });
  await owner.connect();
  await owner.query('set search_path = metering');
  // 20,000 events in 200 days, one in a hundred two hours late.
  await owner.query(
    `insert into usage_event (organization_id, meter_code, customer_reference, event_time, idempotency_key, value, properties, content_digest, recorded_time)
     select $1, 'sum', 'acme', time, 'k' || number, 1, '{}', sha256('x'), time + case when number % 100 = 0 then 2 * 3600000000 else 0 end
     from (select number, $2::bigint - number * 864000000::bigint as time from generate_series(1, 20000) as number) as event`, [organizationId, NOON]);
  for (const table of ['usage_void', 'usage_release']) {
    await owner.query(
      `insert into ${table} (organization_id, idempotency_key, meter_code, customer_reference, event_time, reason, recorded_time)
       select organization_id, idempotency_key, meter_code, customer_reference, event_time, 'wrong', event_time from usage_event where organization_id = $1`, [organizationId]);
  }
  unknown = await plan(since, { kind: 'HOLD', cutoff: NOON, earlier: [] });
  await owner.query('analyze usage_event, usage_void, usage_release');
});
afterAll(async () => {
  await owner.end();
  await metering.stop();
});

async function plan(statement: (shape: QueryShape) => string, lateness: Lateness): Promise<string> {
  const shape: QueryShape = { kind: 'SUM', lateness: lateness.kind, groupBy: [] };
  const interval = { start: instant(NOON - DAY), end: NOON };
  const query: UsageQuery = {
    queryKey: 'q', meterCode: 'sum', customerReference: 'acme', subscriptionReference: '', interval, period: interval, knownBefore: NOON, groupBy: [], needsEventValues: false, lateness,
  };
  const { rows } = await owner.query<Record<string, string>>(`explain ${QUERIES} select * ${statement(shape)}`, [...queryValues(organizationId, [query], shape), ...(statement === since ? [[NOON - 2n * DAY], [NOON - DAY], NOON - 2n * DAY] : [])]);
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

const of = (shape: QueryShape): string => `${FROM_QUERIES} cross join lateral (${countedEvents(shape)}) as event`;
const before = (shape: QueryShape): string => `${FROM_QUERIES_BEFORE} cross join lateral (${eventsBefore(shape)}) as event`;

const since = (shape: QueryShape): string => `${FROM_QUERIES_SINCE} cross join lateral (${eventsSince(shape)}) as event cross join lateral (${eventsChangedSince(shape)}) as changed`;

test('a level that follows from a stored one is made of what was recorded since, whether PostgreSQL knows how many events there are or not', async () => {
  for (const [known, changes] of [['without statistics', unknown], ['with them', await plan(since, { kind: 'HOLD', cutoff: NOON, earlier: [] })]] as const) {
    expect(changes, known).not.toContain('Seq Scan on usage_event_default');
    expect(changes, known).toMatch(/Scan using usage_event_\w*late/);
    for (const index of ['usage_void_by_customer', 'usage_void_pkey', 'usage_release_by_customer', 'usage_release_pkey']) expect(changes, known).toContain(`using ${index} on`);
    expect(changes, known).not.toMatch(/using usage_(void|release)_recorded on/);
    expect(changes, known).not.toMatch(/using usage_release_by_place on/);
  }
});

test('late usage and corrections of other meters are not looked for where they happened', async () => {
  const shape: QueryShape = { kind: 'WEIGHTED_SUM', lateness: 'HOLD', groupBy: [] };
  const interval = { start: NOON, end: instant(NOON + DAY) };
  const query: UsageQuery = {
    queryKey: 'q', meterCode: 'level', customerReference: 'acme', subscriptionReference: '', interval, period: interval, knownBefore: NOON, groupBy: [], needsEventValues: false,
    lateness: { kind: 'HOLD', cutoff: NOON, earlier: [] },
  };
  const { rows } = await owner.query<Record<string, string>>(
    `explain (analyze, costs off, timing off) ${QUERIES} select * ${FROM_QUERIES_SINCE} cross join lateral (${eventsChangedSince(shape)}) as changed`,
    [...queryValues(organizationId, [query], shape), [NOON], [NOON - 300n * DAY]]);
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toMatch(/^Nested Loop.*rows=20000\.00 loops=1/); // they are read
  expect(plan).not.toMatch(/Scan using usage_event.* loops=(?!1\))/);
});

test('what is carried forward is read by when it was recorded, from all time before the cycle', async () => {
  const eventInterval = { start: instant(NOON - 200n * DAY), end: instant(NOON - DAY) };
  const carried = await plan(of, { kind: 'CARRY_FORWARD', cutoff: NOON, carried: [{ eventInterval, recordedInterval: { start: instant(NOON - DAY), end: NOON } }] });
  expect(carried).not.toContain('Seq Scan on usage_event_default'); // where all of them are
  expect(carried).toMatch(/Scan using usage_event_\w*late/);
});

test('which cycle holds an event of a level is not looked for from cycle to cycle', async () => {
  const held = await plan(before, { kind: 'HOLD', cutoff: NOON, earlier: [{ end: instant(NOON - DAY), cutoff: NOON }] });
  expect(held).toContain('width_bucket');
  expect(held).not.toContain('generate_series');
});
