import type { CallContext } from '@valora/chassis';
import type { LateUsageQuery } from '@valora/contracts/valora/metering/v1/usage';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findLateUsage } from '../src/find-late-usage.ts';
import { dice, HOUR, micros, newOrganization, NOON, outcomes, period, setClock, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';

const ROUNDS = Number(process.env['VALORA_ROUNDS'] ?? '1');
const DAY = 24n * HOUR;

let metering: Metering;
beforeAll(async () => { metering = await startMetering(); });
afterAll(() => metering.stop());

/** The day before noon, as it became known in the day after noon. */
function query(changes: Partial<LateUsageQuery> = {}): LateUsageQuery {
  return {
    queryKey: 'q', customer: 'acme', subscription: 's1', meters: ['tokens', 'calls'], eventPeriod: period(NOON - DAY, NOON), recordedPeriod: period(NOON, NOON + DAY), ...changes,
  };
}

/** Found event times, in microseconds from noon. */
async function found(context: CallContext, ...queries: LateUsageQuery[]): Promise<Record<string, bigint>> {
  const { lateUsages } = await findLateUsage(metering.dependencies, context, { queries });
  return Object.fromEntries(lateUsages.map(({ queryKey, earliestEventTime }) => [queryKey, micros(earliestEventTime) - NOON]));
}

describe('an event recorded at noon plus some', () => {
  test.each<[string, { lag: bigint; recordedAfter: bigint; changes?: Partial<LateUsageQuery>; event?: Parameters<typeof usageEvent>[1]; late: boolean }]>([
    ['a microsecond before the end of the period, at once', { lag: 1n, recordedAfter: 0n, late: true }],
    ['one hour late', { lag: HOUR, recordedAfter: 0n, late: true }],
    ['one hour and a microsecond late', { lag: HOUR + 1n, recordedAfter: 0n, late: true }],
    ['a day late, at the start of the period', { lag: DAY, recordedAfter: 0n, late: true }],
    ['before the period', { lag: DAY + 1n, recordedAfter: 0n, late: false }],
    ['at the end of the period, which is not in it', { lag: 0n, recordedAfter: 0n, late: false }],
    ['recorded at the last instant of the range', { lag: DAY, recordedAfter: DAY - 1n, late: true }],
    ['recorded at the end of the range', { lag: DAY + 1n, recordedAfter: DAY, late: false }],
    ['known before the range started', { lag: HOUR, recordedAfter: 0n, changes: { recordedPeriod: period(NOON + 1n, NOON + DAY) }, late: false }],
    ['of another customer', { lag: 5n, recordedAfter: 0n, event: { customer: 'globex' }, late: false }],
    ['of another meter', { lag: 5n, recordedAfter: 0n, event: { meter: 'eu-calls' }, late: false }],
    ['of the second meter asked for', { lag: 5n, recordedAfter: 0n, event: { meter: 'calls' }, late: true }],
    ['naming the subscription', { lag: 5n, recordedAfter: 0n, event: { subscription: 's1' }, late: true }],
    ['naming another subscription', { lag: 5n, recordedAfter: 0n, event: { subscription: 's2' }, late: false }],
  ])('%s', async (_, { lag, recordedAfter, changes, event, late }) => {
    const context = newOrganization();
    await metering.createMeters(context);
    await setClock(metering.dependencies, context, NOON + recordedAfter);
    const time = NOON + recordedAfter - lag;
    expect(await outcomes(metering.dependencies, context, [usageEvent('k', { time, ...event })])).toEqual(['RECORDED']);
    expect(await found(context, query(changes))).toEqual(late ? { q: time - NOON } : {});
  });
});

test('answers in request order, only for queries with late usage, each with its earliest event', async () => {
  const context = newOrganization();
  await metering.createMeters(context);
  await outcomes(metering.dependencies, context, [usageEvent('a', { time: NOON - 2n }), usageEvent('b', { time: NOON - 5n * HOUR }), usageEvent('c', { time: NOON - 7n, customer: 'globex' })]);
  const { lateUsages } = await findLateUsage(metering.dependencies, context, {
    queries: [query({ queryKey: 'z', customer: 'globex' }), query({ queryKey: 'none', customer: 'nobody' }), query({ queryKey: 'a' })],
  });
  expect(lateUsages).toEqual([
    { queryKey: 'z', earliestEventTime: timestamp(NOON - 7n), earliestRecordedTime: timestamp(NOON) }, { queryKey: 'a', earliestEventTime: timestamp(NOON - 5n * HOUR), earliestRecordedTime: timestamp(NOON) },
  ]);
});

test.each<[first: bigint, second: bigint]>([[2n, 5n * HOUR], [5n * HOUR, 2n], [2n, 3n], [5n * HOUR, 6n * HOUR]])(
  'tells when late usage was first recorded, also where that event is not the earliest: first %d µs late, then %d', async (first, second) => {
    const context = newOrganization();
    await metering.createMeters(context);
    await setClock(metering.dependencies, context, NOON);
    await outcomes(metering.dependencies, context, [usageEvent('first', { time: NOON - first })]);
    await setClock(metering.dependencies, context, NOON + 1n);
    await outcomes(metering.dependencies, context, [usageEvent('second', { time: NOON - second })]);
    const { lateUsages } = await findLateUsage(metering.dependencies, context, { queries: [query({ queryKey: 'q' })] });
    const earliest = first > second ? first : second;
    expect(lateUsages).toEqual([{ queryKey: 'q', earliestEventTime: timestamp(NOON - earliest), earliestRecordedTime: timestamp(NOON) }]);
  });

test.each<[string, Partial<LateUsageQuery>, string]>([
  ['a recorded period that starts before the event period ends', { recordedPeriod: period(NOON - 1n, NOON + DAY) }, 'queries[0].recorded_period'],
  ['no meters', { meters: [] }, 'queries[0].meters'],
  ['101 meters', { meters: Array.from({ length: 101 }, (_, index) => `m${index}`) }, 'queries[0].meters'],
  ['a malformed meter', { meters: ['tokens', 'a,b'] }, 'queries[0].meters[1]'],
  ['no customer', { customer: '' }, 'queries[0].customer'],
])('refuses %s', async (_, changes, field) => {
  await expect(findLateUsage(metering.dependencies, newOrganization(), { queries: [query(changes)] })).rejects.toMatchObject({ facts: { metadata: { field } } });
});

test('equals the plain query over all events, for random lags around the hour and random ranges', async () => {
  const owner = new pg.Client({ connectionString: metering.url });
  await owner.connect();
  for (let round = 0; round < ROUNDS; round += 1) {
    const roll = dice(99 + round);
    const pick = <T>(values: readonly [T, ...T[]]): T => values[roll(values.length)] ?? values[0];
    const context = newOrganization();
    await metering.createMeters(context);
    for (let batch = 0; batch < 40; batch += 1) {
      const clock = NOON + BigInt(batch) * (HOUR / 4n);
      await setClock(metering.dependencies, context, clock);
      const lag = (): bigint => pick([0n, 1n, HOUR - 1n, HOUR, HOUR + 1n, 3n * HOUR, BigInt(roll(10)) * (HOUR / 3n)]);
      await outcomes(metering.dependencies, context, Array.from({ length: 1 + roll(8) }, (_, index) => usageEvent(`${batch}-${index}`, {
        time: clock - lag(), meter: pick(['tokens', 'calls']), customer: pick(['acme', 'globex']), subscription: pick(['', 's1', 's2']),
      })));
    }
    const queries = Array.from({ length: 300 }, (_, index) => {
      const end = NOON + BigInt(roll(40)) * (HOUR / 4n) + BigInt(roll(3) - 1);
      const known = end + BigInt(roll(12)) * (HOUR / 4n);
      return query({
        queryKey: `q${index}`, customer: pick(['acme', 'globex']), subscription: pick(['', 's1']), meters: pick([['tokens'], ['calls', 'tokens']]),
        eventPeriod: period(end - BigInt(roll(40)) * (HOUR / 4n), end), recordedPeriod: period(known, known + BigInt(roll(20)) * (HOUR / 4n)),
      });
    });
    const expected: Record<string, bigint> = {};
    for (const asked of queries) {
      const { rows: [row] } = await owner.query<{ earliest: string | null }>(
        `select min(event_time) as earliest from metering.usage_event where organization_id = $1 and customer_reference = $2 and meter_code = any($3)
           and (subscription_reference is null or subscription_reference = $4) and event_time >= $5 and event_time < $6 and recorded_time >= $7 and recorded_time < $8`,
        [context.organizationId, asked.customer, asked.meters, asked.subscription, micros(asked.eventPeriod?.startTime), micros(asked.eventPeriod?.endTime),
          micros(asked.recordedPeriod?.startTime), micros(asked.recordedPeriod?.endTime)]);
      if (typeof row?.earliest === 'string') expected[asked.queryKey] = BigInt(row.earliest) - NOON;
    }
    expect(await found(context, ...queries)).toEqual(expected);
    expect(Object.keys(expected).length).toBeGreaterThan(50);
  }
  await owner.end();
});
