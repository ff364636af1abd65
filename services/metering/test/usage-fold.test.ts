// SQL against the definition: random facts, random questions, and for each the fold of the rating core over the events that the contract counts.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aggregateUsage } from '../src/aggregate-usage.ts';
import { AGGREGATION_LIMITS } from '../src/answer-budget.ts';
import { startMetering, type Metering } from './metering.ts';
import { answeredUsage, foldedUsage, type Facts } from './usage-oracle.ts';
import { METERS, randomQueries, randomWorld } from './usage-world.ts';

const ROUNDS = Number(process.env['VALORA_ROUNDS'] ?? '1');

let metering: Metering;
beforeAll(async () => { metering = await startMetering(); });
afterAll(() => metering.stop());

const expected = (facts: Facts, queries: ReturnType<typeof randomQueries>): unknown[] => queries.map((query) => foldedUsage(facts, query, METERS[query.meter] ?? { kind: 'COUNT', filters: [] }));

function asked<T>(queries: readonly T[], index: number): T {
  const query = queries[index];
  if (query === undefined) throw new Error(`answer ${index} has no query`);
  return query;
}

test('equals the fold of the rating core to the last digit and digest: every kind, filters, groups, levels, voids, and each policy for late usage', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const { context, facts } = await randomWorld(metering, 1_000 + round);
    const queries = randomQueries(2_000 + round, 700);
    const { usages } = await aggregateUsage(metering.dependencies, context, { useStoredLevels: true, queries });
    expect(usages.map(({ queryKey }) => queryKey)).toEqual(queries.map(({ queryKey }) => queryKey));
    expect(usages.map((usage, index) => answeredUsage(usage, asked(queries, index)))).toEqual(expected(facts, queries));
    expect(usages.filter(({ eventCount }) => eventCount > 3n).length).toBeGreaterThan(150);
  }
}, ROUNDS * 60_000);

test('equals it too where a query is folded page by page, because it has more events than are digested in one piece', async () => {
  const { context, facts } = await randomWorld(metering, 7);
  const queries = randomQueries(8, 300).map((query) => ({ ...query, needsEventValues: false }));
  const paging = { ...metering.dependencies, limits: { ...AGGREGATION_LIMITS, eventsInOnePieceMax: 2 } };
  const { usages } = await aggregateUsage(paging, context, { useStoredLevels: true, queries });
  expect(usages.map((usage, index) => answeredUsage(usage, asked(queries, index)))).toEqual(expected(facts, queries));
  expect(usages.filter(({ eventCount }) => eventCount > 2n).length).toBeGreaterThan(50);
  expect(usages.filter(({ eventCount }) => eventCount <= 2n).length).toBeGreaterThan(50);
});
