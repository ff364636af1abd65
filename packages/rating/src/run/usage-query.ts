/**
 * What a run has to ask metering before it can be composed.
 *
 * One question per metered item of the current cycle, two per metered item of an earlier one (now, and as last billed).
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
  const queries = sidesOfRun(facts).flatMap(({ cycle, settledBefore, billedBefore }) => [
    ...chargesOfCycle(facts, cycle, settledBefore),
    ...(billedBefore === null ? [] : chargesOfCycle(facts, cycle, billedBefore)),
  ]).flatMap(({ usageQuery }) => (usageQuery === null ? [] : [usageQuery]));
  return [...new Map(queries.map((query) => [query.queryKey, query])).values()];
}
