import { DomainError, type CallContext } from '@valora/chassis';
import type { LateUsageQuery } from '@valora/contracts/valora/metering/v1/usage';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { releaseUsage, voidUsage } from '../src/correct-usage.ts';
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

describe.each(['void', 'release'] as const)('a %s', (kind) => {
  /** The sandbox's clock starts at noon, when the event is recorded; the range begins after it. */
  const later = NOON + 1n;
  const ranged = (changes: Partial<LateUsageQuery> = {}): LateUsageQuery => query({ recordedPeriod: period(later, later + DAY), ...changes });
  const correct = async (context: CallContext, key: string): Promise<void> => {
    const request = { requestId: `${kind} ${key}`, idempotencyKeys: [key], reason: 'wrong' };
    await (kind === 'void' ? voidUsage(metering.dependencies, context, request) : releaseUsage(metering.dependencies, context, request));
  };

  test.each<[string, { after: bigint; changes?: Partial<LateUsageQuery>; event?: Parameters<typeof usageEvent>[1]; late: boolean }]>([
    ['of an event that came in time is late', { after: 0n, late: true }],
    ['at the last instant of the range is late', { after: DAY - 1n, late: true }],
    ['at the end of the range is not', { after: DAY, late: false }],
    ['before the range is not', { after: 0n, changes: { recordedPeriod: period(later + 1n, later + DAY) }, late: false }],
    ['of an event before the period is not', { after: 0n, event: { time: NOON - DAY - 1n }, late: false }],
    ['of an event at the end of the period is not', { after: 0n, event: { time: NOON }, late: false }],
    ['of another meter is not', { after: 0n, event: { meter: 'eu-calls' }, late: false }],
    ['of another customer is not', { after: 0n, event: { customer: 'globex' }, late: false }],
    ['of an event that names the subscription is late', { after: 0n, event: { subscription: 's1' }, late: true }],
    ['of an event that names another is not', { after: 0n, event: { subscription: 's2' }, late: false }],
  ])('%s', async (_, { after, changes, event, late }) => {
    const context = newOrganization();
    await metering.createMeters(context);
    const time = event?.time ?? NOON - HOUR;
    expect(await outcomes(metering.dependencies, context, [usageEvent('k', { ...event, time })])).toEqual(['RECORDED']);
    expect(await found(context, ranged(changes))).toEqual({});
    await setClock(metering.dependencies, context, later + after);
    await correct(context, 'k');
    expect(await found(context, ranged(changes))).toEqual(late ? { q: time - NOON } : {});
  });

  test('is told by the time of the event and its own', async () => {
    const context = newOrganization();
    await metering.createMeters(context);
    await outcomes(metering.dependencies, context, [usageEvent('early', { time: NOON - 9n * HOUR })]);
    await setClock(metering.dependencies, context, later);
    await outcomes(metering.dependencies, context, [usageEvent('late', { time: NOON - 2n * HOUR })]);
    await setClock(metering.dependencies, context, later + 5n);
    await correct(context, 'early');
    const { lateUsages } = await findLateUsage(metering.dependencies, context, { queries: [ranged(), ranged({ queryKey: 'then', recordedPeriod: period(later + 1n, later + DAY) })] });
    expect(lateUsages).toEqual([
      { queryKey: 'q', earliestEventTime: timestamp(NOON - 9n * HOUR), earliestRecordedTime: timestamp(later) },
      { queryKey: 'then', earliestEventTime: timestamp(NOON - 9n * HOUR), earliestRecordedTime: timestamp(later + 5n) },
    ]);
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

function ignoreVoided(error: unknown): void {
  if (!(error instanceof DomainError) || error.reason !== 'USAGE_VOIDED') throw error;
}

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
      const keys = [`${roll(batch + 1)}-0`];
      await releaseUsage(metering.dependencies, context, { requestId: `release ${batch}`, idempotencyKeys: keys, reason: 'all right' }).catch(ignoreVoided);
      if (roll(2) === 0) await voidUsage(metering.dependencies, context, { requestId: `void ${batch}`, idempotencyKeys: [`${roll(batch + 1)}-0`], reason: 'wrong' });
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
        `select min(event_time) as earliest
         from metering.usage_event join (
           select idempotency_key, recorded_time as known_time from metering.usage_event where organization_id = $1
           union all select idempotency_key, recorded_time from metering.usage_void where organization_id = $1
           union all select idempotency_key, recorded_time from metering.usage_release where organization_id = $1) as fact using (idempotency_key)
         where organization_id = $1 and customer_reference = $2 and meter_code = any($3)
           and (subscription_reference is null or subscription_reference = $4) and event_time >= $5 and event_time < $6 and known_time >= $7 and known_time < $8`,
        [context.organizationId, asked.customer, asked.meters, asked.subscription, micros(asked.eventPeriod?.startTime), micros(asked.eventPeriod?.endTime),
          micros(asked.recordedPeriod?.startTime), micros(asked.recordedPeriod?.endTime)]);
      if (typeof row?.earliest === 'string') expected[asked.queryKey] = BigInt(row.earliest) - NOON;
    }
    expect(await found(context, ...queries)).toEqual(expected);
    expect(Object.keys(expected).length).toBeGreaterThan(50);
  }
  await owner.end();
});
