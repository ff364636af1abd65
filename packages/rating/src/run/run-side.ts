/**
 * The two sides of a run, cycle by cycle: what each cycle calls for now, and what it called for when last billed.
 *
 * Asking metering and composing lines both walk this one list, so that a run never needs an answer it did not ask for.
 * The current cycle comes first, then the earlier cycles that may have changed, oldest first; lines keep that order.
 * The trap: the current cycle has no other side. It was not called for before, so nothing of it can have been billed.
 */
import { invariant } from '../errors.ts';
import type { Instant } from '../time/instant.ts';
import type { CycleFact, RunFacts } from './run.ts';

export interface CycleSides {
  readonly cycle: CycleFact;
  /** The cutoff of this run. */
  readonly settledBefore: Instant;
  /** The cutoff of the previous run; `null` for the current cycle. */
  readonly billedBefore: Instant | null;
}

/** Cycle k, whose run this is. Breaks off if it is absent. */
export function currentCycle({ cycles, runIndex }: RunFacts): CycleFact {
  const cycle = cycles.find(({ index }) => index === runIndex);
  invariant(cycle !== undefined, `run ${runIndex} has no cycle ${runIndex}`);
  return cycle;
}

/**
 * Every cycle of the run once, in the order of its lines. Breaks off on a later or a repeated cycle, and on a cutoff
 * that goes back.
 */
export function sidesOfRun(facts: RunFacts): readonly CycleSides[] {
  const current = currentCycle(facts);
  const ascending = facts.cycles.toSorted((one, other) => one.index - other.index);
  requireOrder(facts, ascending);
  invariant(facts.previousCutoff <= current.cutoff, 'cutoffs never go back');
  const earlier = ascending.slice(0, -1);
  return [
    { cycle: current, settledBefore: current.cutoff, billedBefore: null },
    ...earlier.map((cycle) => ({ cycle, settledBefore: current.cutoff, billedBefore: facts.previousCutoff })),
  ];
}

function requireOrder({ runIndex }: RunFacts, ascending: readonly CycleFact[]): void {
  let lastIndex = 0;
  for (const { index, start, end } of ascending) {
    invariant(index > lastIndex && index <= runIndex, 'the cycles of a run are its own and distinct earlier ones');
    invariant(start <= end, `cycle ${index} ends before it starts`);
    lastIndex = index;
  }
}
