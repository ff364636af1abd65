// Levels of parts of time that follow one another: each follows from the one before it, and is what reading all events would give.
import type { Sql } from '@valora/chassis';
import type { HeldCycle } from '@valora/contracts/valora/metering/v1/lateness';
import type { UsageQuery as UsageQueryMessage } from '@valora/contracts/valora/metering/v1/usage';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aggregateUsage } from '../src/aggregate-usage.ts';
import { AGGREGATION_LIMITS, createAnswerBudget } from '../src/answer-budget.ts';
import { findLevels } from '../src/level-store.ts';
import { parseUsageQueries } from '../src/usage-query.ts';
import { dice, HOUR, micros, NOON, period, startMetering, timestamp, type Metering } from './metering.ts';
import { answeredUsage, foldedUsage } from './usage-oracle.ts';
import { METERS, randomWorld } from './usage-world.ts';

let metering: Metering;
beforeAll(async () => { metering = await startMetering(); });
afterAll(() => metering.stop());

const STEP = HOUR / 4n;
const PARTS = 12;

const end = (part: number): bigint => NOON - 2n * HOUR + BigInt(part) * STEP;
const cutoff = (part: number, cut = STEP) => (part % 4 === 3 ? undefined : timestamp(end(part) + cut));

type Odd = (earlier: readonly HeldCycle[], part: number) => readonly HeldCycle[];

/** Twelve parts of time, each a cycle; `odd` may change what the query of one says of the cycles before it. */
function life(name: string, { known, hold, odd }: { known: bigint; hold: boolean; odd?: Odd }, changes: Partial<UsageQueryMessage> = {}): UsageQueryMessage[] {
  return Array.from({ length: PARTS }, (_, part): UsageQueryMessage => {
    const earlier = Array.from({ length: part + 1 }, (_, before): HeldCycle => ({ endTime: timestamp(end(before)), cutoffTime: cutoff(before) }));
    return {
      queryKey: `${name} ${part}`, meter: 'level', customer: 'acme', subscription: 's1', period: period(end(part), end(part + 1)), fullPeriod: undefined, knownBeforeTime: timestamp(known), groupBy: [],
      needsEventValues: false, lateness: hold ? { policy: { $case: 'hold', value: { cutoffTime: cutoff(part + 1), earlier: [...(odd?.(earlier, part) ?? earlier)] } } } : undefined, ...changes,
    };
  });
}

/** In the part, or from it on: cycles more than there are, one that ends within it, one that ends early, the last or the first left out, another cutoff, none at all. */
const oddities = (at: number): readonly Odd[] => [
  (earlier: readonly HeldCycle[]) => [...earlier, { endTime: timestamp(end(at + 2)), cutoffTime: timestamp(end(at)) }],
  (earlier: readonly HeldCycle[]) => [...earlier, { endTime: timestamp(end(at) + STEP / 2n), cutoffTime: timestamp(end(at)) }],
  (earlier: readonly HeldCycle[]) => [...earlier, { endTime: timestamp(end(at) + 2n), cutoffTime: cutoff(at + 1, 3n * STEP) }, { endTime: timestamp(end(at + 3)), cutoffTime: undefined }],
  (earlier: readonly HeldCycle[]) => [...earlier.slice(0, -1), { endTime: timestamp(end(at) - STEP / 2n), cutoffTime: cutoff(at) }],
  (earlier: readonly HeldCycle[]) => earlier.slice(0, -1),
  (earlier: readonly HeldCycle[]) => earlier.slice(1),
  (earlier: readonly HeldCycle[]) => earlier.with(earlier.length - 1, { endTime: timestamp(end(at)), cutoffTime: timestamp(end(at) + 5n * STEP) }),
  (earlier: readonly HeldCycle[]) => earlier.with(0, { endTime: timestamp(end(0)), cutoffTime: timestamp(end(0)) }),
  () => [],
].flatMap((odd): Odd[] => [(earlier, part) => (part === at ? odd(earlier) : earlier), (earlier, part) => (part === at ? odd(earlier) : part > at ? [...odd(earlier.slice(0, at + 1)), ...earlier.slice(at + 1)] : earlier)])
  .map((odd): Odd => (earlier, part) => odd(earlier, part).toSorted((one, other) => (micros(one.endTime) < micros(other.endTime) ? -1 : 1)));

test('equal the fold of all events, whatever the queries say of late usage, in any order', async () => {
  const { context, facts } = await randomWorld(metering, 31, 300);
  const roll = dice(5);
  const queries = [NOON + HOUR, NOON + 3n * HOUR].flatMap((known) => [
    ...life(`adjust ${known}`, { known, hold: false }), ...life(`hold ${known}`, { known, hold: true }), ...life(`grouped ${known}`, { known, hold: true }, { groupBy: ['region', '1'] }),
    ...life(`other ${known}`, { known, hold: false }, { subscription: 's2' }), ...life(`filtered ${known}`, { known, hold: true }, { meter: 'eu-level' }), ...life(`globex ${known}`, { known, hold: false }, { customer: 'globex' }),
    // Each known at an instant of its own, so that none follows from another life.
    ...Array.from({ length: PARTS }, (_, at) => oddities(at)).flat().flatMap((odd, index) => life(`odd ${index} ${known}`, { known: known + BigInt(index) + 1n, hold: true, odd })),
  ]);
  const shuffled = queries.map((query) => ({ query, at: roll(1_000_000) })).toSorted((one, other) => one.at - other.at).map(({ query }) => query);
  const { usages } = await aggregateUsage(metering.dependencies, context, { useStoredLevels: true, queries: shuffled });
  const answers = new Map(usages.map((usage) => [usage.queryKey, usage]));
  const answered = shuffled.flatMap((query) => {
    const usage = answers.get(query.queryKey);
    return usage === undefined ? [] : [[query.queryKey, answeredUsage(usage, query)]];
  });
  expect(answered).toEqual(shuffled.map((query) => [query.queryKey, foldedUsage(facts, query, METERS[query.meter] ?? { kind: 'COUNT', filters: [] })]));
  expect(usages.filter(({ carriedIn }) => carriedIn !== '0').length).toBeGreaterThan(100);
});

test('are read once for the parts that follow one another', async () => {
  const read = async (messages: readonly UsageQueryMessage[]): Promise<number> => {
    const queries = parseUsageQueries(messages);
    const usages = queries.map(() => ({ whole: { eventCount: 1n, usageSetDigest: '', eventValues: [], state: { measure: 1n, moment: 0n } }, groups: new Map() }));
    let asked = 0;
    const sql: Sql = {
      async query(_, values = []) {
        const [, meterCodes] = values;
        asked += Array.isArray(meterCodes) ? meterCodes.length : 0;
        return [];
      },
    };
    const lateness = messages[0]?.lateness === undefined ? 'ADJUST' : 'HOLD';
    await findLevels(sql, 'org_a', { shape: { kind: 'WEIGHTED_SUM', lateness, groupBy: [] }, queries, usages, budget: createAnswerBudget(AGGREGATION_LIMITS), storedLevels: 'IGNORE' });
    return asked;
  };
  const known = NOON;
  expect(await read(life('adjust', { known, hold: false }))).toBe(1);
  expect(await read(life('hold', { known, hold: true }).toReversed())).toBe(1);
  expect(await read([...life('one', { known, hold: true }), ...life('other', { known: known + 1n, hold: true })])).toBe(2);
  for (const odd of oddities(5)) expect(await read(life('odd', { known, hold: true, odd }))).toBeGreaterThan(1);
});
