// What an answer may not outgrow, with bounds lowered so that a row lies at each and one past it.
import { DomainError, type CallContext } from '@valora/chassis';
import type { AggregatedUsage, UsageQuery } from '@valora/contracts/valora/metering/v1/usage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aggregateUsage } from '../src/aggregate-usage.ts';
import { AGGREGATION_LIMITS, type AggregationLimits } from '../src/answer-budget.ts';
import { HOUR, newOrganization, NOON, outcomes, period, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';
import { createWorldMeters } from './usage-world.ts';

let metering: Metering;
let context: CallContext;
beforeAll(async () => {
  metering = await startMetering();
  context = newOrganization();
  await createWorldMeters(metering, context);
  // Four events an hour of every meter that is asked here, each in a group of its own, an hour before the part of time and in it.
  const events = ['sum', 'count', 'level', 'max'].flatMap((meter) => [NOON - HOUR, NOON].flatMap((time) => ['a', 'b', 'c', 'd'].map((region) => (
    usageEvent(`${meter}-${time}-${region}`, { meter, time, value: '2', properties: new Map([['region', `${region}${time}`]]) })))));
  await outcomes(metering.dependencies, context, events);
});
afterAll(() => metering.stop());

function query(changes: Partial<UsageQuery> = {}): UsageQuery {
  return {
    queryKey: 'q', meter: 'sum', customer: 'acme', subscription: '', period: period(NOON, NOON + HOUR), fullPeriod: undefined, knownBeforeTime: timestamp(NOON + 1n), groupBy: [], needsEventValues: false,
    lateness: undefined, ...changes,
  };
}

async function answer(limits: Partial<AggregationLimits>, ...queries: readonly Partial<UsageQuery>[]): Promise<readonly AggregatedUsage[]> {
  const asked = queries.map((changes, index) => query({ queryKey: `q${index + 1}`, ...changes }));
  return (await aggregateUsage({ ...metering.dependencies, limits: { ...AGGREGATION_LIMITS, ...limits } }, context, { useStoredLevels: true, queries: asked })).usages;
}

async function refusal(work: Promise<unknown>): Promise<unknown> {
  const error: unknown = await work.then(() => 'nothing was refused', (thrown: unknown) => thrown);
  if (!(error instanceof DomainError)) throw error;
  return [error.facts.code, error.reason, ...Object.values(error.facts.metadata ?? {})].join(' ');
}

const grouped = { groupBy: ['region'] };
const valued = { needsEventValues: true };

describe('what is at a bound is answered, and what is one past it refused by its query and the bound', () => {
  test.each<[string, Partial<AggregationLimits>, Partial<AggregationLimits>, readonly Partial<UsageQuery>[], string]>([
    ['4 groups of a query', { groupsOfQueryMax: 4 }, { groupsOfQueryMax: 3 }, [{}, grouped], 'TOO_MANY_GROUPS q2 3'],
    ['4 groups of a query that is folded page by page', { groupsOfQueryMax: 4, eventsInOnePieceMax: 3 }, { groupsOfQueryMax: 3, eventsInOnePieceMax: 3 }, [grouped], 'TOO_MANY_GROUPS q1 3'],
    ['4 groups of events of a level', { groupsOfQueryMax: 4 }, { groupsOfQueryMax: 3 }, [{ meter: 'level', ...grouped, period: period(NOON - HOUR, NOON) }], 'TOO_MANY_GROUPS q1 3'],
    ['4 groups that have a level and no event', { groupsOfQueryMax: 4 }, { groupsOfQueryMax: 3 }, [{ meter: 'level', ...grouped, period: period(NOON - 1n, NOON) }], 'TOO_MANY_GROUPS q1 3'],
    ['8 groups of a level, four of which have no event', { groupsOfQueryMax: 8 }, { groupsOfQueryMax: 7 }, [{ meter: 'level', ...grouped }], 'TOO_MANY_GROUPS q1 7'],
    ['8 groups of two queries', { groupsOfRequestMax: 8 }, { groupsOfRequestMax: 7 }, [grouped, grouped], 'TOO_MANY_GROUPS q2 7'],
    ['8 groups of two queries of two shapes', { groupsOfRequestMax: 8 }, { groupsOfRequestMax: 7 }, [grouped, { meter: 'count', ...grouped }], 'TOO_MANY_GROUPS q2 7'],
    ['4 values of a query', { valuesOfQueryMax: 4 }, { valuesOfQueryMax: 3 }, [{}, valued], 'TOO_MANY_EVENT_VALUES q2 3'],
    ['4 values of a COUNT', { valuesOfQueryMax: 4 }, { valuesOfQueryMax: 3 }, [{ meter: 'count', ...valued }], 'TOO_MANY_EVENT_VALUES q1 3'],
    ['8 values of two queries', { valuesOfRequestMax: 8 }, { valuesOfRequestMax: 7 }, [valued, valued], 'TOO_MANY_EVENT_VALUES q2 7'],
    ['8 values of two queries of two shapes', { valuesOfRequestMax: 8 }, { valuesOfRequestMax: 7 }, [valued, { meter: 'count', ...valued }], 'TOO_MANY_EVENT_VALUES q2 7'],
  ])('%s', async (_, at, past, queries, refused) => {
    expect((await answer(at, ...queries)).every(({ eventCount }) => eventCount === 4n || eventCount === 0n)).toBe(true);
    expect(await refusal(answer(past, ...queries))).toBe(`FAILED_PRECONDITION ${refused}`);
  });

  test('values of events are counted although they are more than are digested in one piece', async () => {
    const [usage] = await answer({ eventsInOnePieceMax: 2 }, { ...valued, ...grouped });
    expect([usage?.eventValues, usage?.groups.map(({ eventValues }) => eventValues.join())]).toEqual([['2', '2', '2', '2'], ['2', '2', '2', '2']]);
  });

  test('17 queries for values take more than a page, and each has its own', async () => {
    const usages = await answer({}, ...Array.from({ length: 17 }, (_, index) => ({ ...valued, meter: 'sum', period: index === 16 ? period(NOON - HOUR, NOON + 1n) : period(NOON, NOON + 1n) })));
    expect(usages.map(({ eventValues }) => eventValues.length)).toEqual([...Array.from({ length: 16 }, () => 4), 8]);
  });
});

describe('refuses', () => {
  test('the values of events that a quantity is not made up of', async () => {
    expect(await refusal(answer({}, {}, { meter: 'max', ...valued }))).toBe('FAILED_PRECONDITION AGGREGATION_NOT_ADDITIVE q2 MAX');
  });

  const forward = (carried: number): Partial<UsageQuery> => ({
    lateness: { policy: { $case: 'carryForward', value: { cutoffTime: timestamp(NOON), carried: Array.from({ length: carried }, () => ({ eventPeriod: period(NOON, NOON), recordedPeriod: period(NOON, NOON) })) } } },
  });

  const holding = (ends: readonly bigint[]): Partial<UsageQuery> => ({
    lateness: { policy: { $case: 'hold', value: { cutoffTime: timestamp(NOON), earlier: ends.map((end) => ({ endTime: timestamp(NOON + end) })) } } },
  });

  test.each<[string, Partial<UsageQuery>, string]>([
    ['10,001 stretches carried forward', forward(10_001), 'queries[0].lateness.carry_forward.carried'],
    ['earlier cycles that are not in order', holding([2n, 1n]), 'queries[0].lateness.hold.earlier[1].end_time'],
    ['10,001 earlier cycles', holding(Array.from({ length: 10_001 }, () => 1n)), 'queries[0].lateness.hold.earlier'],
    ['a full period that ends before it starts', { fullPeriod: period(NOON, NOON - 1n) }, 'queries[0].full_period'],
    ['11 properties to group by', { groupBy: Array.from({ length: 11 }, (_, index) => `p${index}`) }, 'queries[0].group_by'],
    ['a property twice', { groupBy: ['a', 'b', 'a'] }, 'queries[0].group_by[2]'],
    ['a property without a name', { groupBy: [''] }, 'queries[0].group_by[0]'],
    ['a property with a zero byte', { groupBy: ['a\u0000'] }, 'queries[0].group_by[0]'],
  ])('%s', async (_, changes, field) => {
    expect(await refusal(answer({}, changes))).toBe(`INVALID_ARGUMENT FIELD_INVALID ${field}`);
  });
});

test('10,000 stretches that all hold the same events count each once', async () => {
  const carried = Array.from({ length: 10_000 }, () => ({ eventPeriod: period(NOON - HOUR, NOON + HOUR), recordedPeriod: period(NOON, NOON + 1n) }));
  const [usage] = await answer({}, { lateness: { policy: { $case: 'carryForward', value: { cutoffTime: timestamp(NOON + 1n), carried } } } });
  expect([usage?.eventCount, usage?.quantity]).toEqual([8n, '16']);
});
