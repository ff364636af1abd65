/** Partitions made while usage is recorded and read. */
import type { CallContext } from '@valora/chassis';
import { parseInstant } from '@valora/rating';
import type pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aggregateUsage } from '../src/aggregate-usage.ts';
import { newOrganization, NOON, outcomes, period, setClock, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';

let metering: Metering;
let context: CallContext;
let owner: pg.Client;
beforeEach(async () => {
  metering = await startMetering();
  owner = await metering.connectOwner();
  context = newOrganization();
  await metering.createMeters(context);
});
afterEach(() => metering.stop());

async function keysIn(table: string): Promise<string[]> {
  return (await owner.query<{ key: string }>(`select idempotency_key as key from ${table} order by 1`)).rows.map(({ key }) => key);
}

test('among running writers and readers, months that get their partitions lose and double nothing', async () => {
  const { dependencies } = metering;
  const months = ['2031-01', '2031-02', '2031-03', '2031-04'].map((month) => parseInstant(`${month}-10T00:00:00Z`));
  await setClock(dependencies, context, parseInstant('2032-01-01T00:00:00Z'));
  await outcomes(dependencies, context, months.map((time, month) => usageEvent(`stored-${month}`, { time })));
  let preparing = true;
  const counts: (bigint | undefined)[] = [];
  const read = async (): Promise<void> => {
    for (let month = 0; preparing; month = (month + 1) % months.length) {
      const start = months[month] ?? NOON;
      const query = { queryKey: 'q', meter: 'tokens', customer: 'acme', subscription: '', period: period(start, start + 1n), knownBeforeTime: timestamp(parseInstant('2033-01-01T00:00:00Z')), fullPeriod: undefined, groupBy: [], needsEventValues: false, lateness: undefined };
      counts.push((await aggregateUsage(dependencies, context, { useStoredLevels: true, queries: [query] })).usages[0]?.eventCount);
    }
  };
  const accepted: string[] = [];
  const write = async (writer: number): Promise<void> => {
    for (let number = 0; preparing; number += 1) {
      const key = `new-${writer}-${number}`;
      expect(await outcomes(dependencies, context, [usageEvent(key, { time: (months[number % months.length] ?? NOON) + 1n })])).toEqual(['RECORDED']);
      accepted.push(key);
    }
  };
  const running = [read(), read(), write(1), write(2)];
  let failed = false;
  for (const each of running) each.catch(() => { failed = true; });
  // Each makes some of the months.
  for (const now of ['2030-07-15T00:00:00Z', '2030-08-15T00:00:00Z', '2030-10-15T00:00:00Z']) {
    await owner.query('select prepare_partitions($1)', [parseInstant(now)]);
    const [reads, writes] = [counts.length, accepted.length];
    while (!failed && (counts.length === reads || accepted.length === writes)) await new Promise((resolve) => { setImmediate(resolve); });
  }
  preparing = false;
  await Promise.all(running);
  expect(new Set(counts)).toEqual(new Set([1n]));
  expect(await keysIn('usage_event')).toEqual([...accepted, ...months.map((_time, month) => `stored-${month}`)].toSorted());
  expect(await keysIn('usage_event_default')).toEqual([]);
});
