/**
 * What a run has to ask metering before it can be composed.
 *
 * One question per part of a metered item of the current cycle, and of an earlier one two (now, and as last billed).
 * The questions follow from the facts alone, so a preview, a close and a verification ask the same ones in the same
 * order.
 */
import { chargesOfCycle } from './charge.ts';
import { sidesOfRun } from './run-side.ts';
import type { RunFacts, UsageQuery } from './run.ts';

/**
 * In the order of the run's lines, the present side of a cycle first; each key once. Errors: as `composeRun`, so a run
 * that can't be priced is refused before metering works for it.
 */
export function usageQueriesOfRun(facts: RunFacts): readonly UsageQuery[] {
  const queries = sidesOfRun(facts).flatMap(({ cycle, timing, settledBefore, billedBefore }) => [
    ...chargesOfCycle(facts, { cycle, timing, knownBefore: settledBefore }),
    ...(billedBefore === null ? [] : chargesOfCycle(facts, { cycle, timing, knownBefore: billedBefore })),
  ]).flatMap(({ parts }) => parts.flatMap(({ usageQuery }) => usageQuery ?? []));
  return [...new Map(queries.map((query) => [query.queryKey, query])).values()];
}
