import type { CallContext } from '@valora/chassis';
import type { UsageQuery } from '@valora/contracts/valora/metering/v1/usage';
import { sha256Hex } from '@valora/rating';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aggregateUsage } from '../src/aggregate-usage.ts';
import { HOUR, newOrganization, NOON, outcomes, period, setClock, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';

let metering: Metering;
beforeAll(async () => { metering = await startMetering(); });
afterAll(() => metering.stop());

function query(changes: Partial<UsageQuery>): UsageQuery {
  return { queryKey: 'q', meter: 'tokens', customer: 'acme', subscription: 's1', period: period(NOON, NOON + HOUR), knownBeforeTime: timestamp(NOON + HOUR), groupBy: [], needsEventValues: false, ...changes };
}

async function organizationWithMeters(): Promise<CallContext> {
  const context = newOrganization();
  await metering.createMeters(context);
  return context;
}

describe('AggregateUsage', () => {
  let context: CallContext;
  const quantity = async (changes: Partial<UsageQuery> = {}): Promise<string> => {
    const { usages } = await aggregateUsage(metering.dependencies, context, { useStoredLevels: true, queries: [query(changes)] });
    return usages[0]?.quantity ?? '';
  };

  beforeAll(async () => {
    context = await organizationWithMeters();
    await outcomes(metering.dependencies, context, [
      usageEvent('before', { time: NOON - 1n, value: '1000' }),
      usageEvent('first', { time: NOON, value: '0.5' }),
      usageEvent('last', { time: NOON + HOUR - 1n, value: '0.50' }),
      usageEvent('after', { time: NOON + HOUR, value: '1000' }),
      usageEvent('mine', { subscription: 's1', value: '10' }),
      usageEvent('other', { subscription: 's2', value: '100' }),
      usageEvent('globex', { customer: 'globex', value: '10000000' }),
    ]);
    await setClock(metering.dependencies, context, NOON + 10n);
    await outcomes(metering.dependencies, context, [usageEvent('known later', { idempotencyKey: 'later', value: '-0.25' })]);
  });

  test.each<[string, Partial<UsageQuery>, string]>([
    ['0.5 + 0.5 + 10 − 0.25 = 10.75: the start counts, the end does not', {}, '10.75'],
    ['0.5 + 0.5 + 10 = 11: known before the instant at which the last was recorded', { knownBeforeTime: timestamp(NOON + 10n) }, '11'],
    ['10.75 once known a microsecond later', { knownBeforeTime: timestamp(NOON + 11n) }, '10.75'],
    ['nothing known before the first was recorded = 0', { knownBeforeTime: timestamp(NOON) }, '0'],
    ['0.5 + 0.5 + 100 − 0.25 = 100.75: events that name the other subscription', { subscription: 's2' }, '100.75'],
    ['0.5 + 0.5 − 0.25 = 0.75: events that name none', { subscription: '' }, '0.75'],
    ['an empty period = 0', { period: period(NOON, NOON) }, '0'],
    ['another customer = 10000000', { customer: 'globex' }, '10000000'],
    ['an unknown customer = 0', { customer: 'nobody' }, '0'],
  ])('%s', async (_, changes, expected) => {
    expect(await quantity(changes)).toBe(expected);
  });

  test('answers in the order of the queries, and the digest of nothing for nothing', async () => {
    const queries = [query({ queryKey: 'b' }), query({ queryKey: 'a', customer: 'nobody' }), query({ queryKey: 'c', customer: 'globex' })];
    const { usages } = await aggregateUsage(metering.dependencies, context, { useStoredLevels: true, queries });
    expect(usages.map(({ queryKey, eventCount }) => [queryKey, eventCount])).toEqual([['b', 4n], ['a', 0n], ['c', 1n]]);
    expect(usages[1]?.usageSetDigest).toBe(sha256Hex(''));
  });

  test('a sum may be longer than any value: 10 × 99999999999999999999999999999999999999', async () => {
    const value = '9'.repeat(38);
    await outcomes(metering.dependencies, context, Array.from({ length: 10 }, (_, index) => usageEvent(`wide${index}`, { customer: 'wide', value })));
    expect(await quantity({ customer: 'wide' })).toBe(String(BigInt(value) * 10n));
  });

  test.each<[string, Partial<UsageQuery>, string]>([
    ['a period that ends before it starts', { period: period(NOON, NOON - 1n) }, 'queries[0].period'],
    ['no period', { period: undefined }, 'queries[0].period.start_time'],
    ['no instant of knowledge', { knownBeforeTime: undefined }, 'queries[0].known_before_time'],
    ['a malformed meter', { meter: 'No' }, 'queries[0].meter'],
    ['no key', { queryKey: '' }, 'queries[0].query_key'],
  ])('refuses %s', async (_, changes, field) => {
    await expect(aggregateUsage(metering.dependencies, context, { useStoredLevels: true, queries: [query(changes)] })).rejects.toMatchObject({ facts: { metadata: { field } } });
  });

  test('refuses a meter that was read once and is gone, and gives no other query its answer', async () => {
    const other = await organizationWithMeters();
    const queries = [query({ queryKey: 'a', meter: 'calls' }), query({ queryKey: 'b', meter: 'tokens' })];
    await aggregateUsage(metering.dependencies, other, { useStoredLevels: true, queries });
    const owner = new pg.Client({ connectionString: metering.url });
    await owner.connect();
    await owner.query("set session_replication_role = 'replica'");
    await owner.query("delete from metering.meter where organization_id = $1 and code = 'calls'", [other.organizationId]);
    await owner.end();
    await expect(aggregateUsage(metering.dependencies, other, { useStoredLevels: true, queries })).rejects.toMatchObject({ facts: { reason: 'NOT_FOUND', metadata: { name: 'calls' } } });
  });

  test('refuses no queries, a key twice, and an unknown meter by its name', async () => {
    await expect(aggregateUsage(metering.dependencies, context, { useStoredLevels: true, queries: [] })).rejects.toMatchObject({ facts: { metadata: { field: 'queries' } } });
    await expect(aggregateUsage(metering.dependencies, context, { useStoredLevels: true, queries: [query({}), query({})] })).rejects.toMatchObject({ facts: { metadata: { field: 'queries[1].query_key' } } });
    await expect(aggregateUsage(metering.dependencies, context, { useStoredLevels: true, queries: [query({ meter: 'ghosts' })] })).rejects.toMatchObject({ facts: { reason: 'NOT_FOUND', metadata: { name: 'ghosts' } } });
  });
});
