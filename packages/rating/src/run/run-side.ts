/**
 * The two sides of a run, cycle by cycle: what each cycle calls for now, and what it called for when last billed.
 *
 * Asking metering and composing lines both walk this one list, so that a run never needs an answer it did not ask for.
 * First what is billed for the first time: cycle k in arrears and cycle k + 1 in advance. Then what may have changed of
 * what was billed before, oldest cycle first; lines keep that order.
 * The trap: what is billed for the first time has no other side. It was not called for before, so nothing of it can have
 * been billed. That is why run 0, which bills the first fees in advance, needs no rule of its own.
 */
import { invariant } from '../errors.ts';
import type { BillingTiming } from '../price/price.ts';
import type { Instant } from '../time/instant.ts';
import type { CycleFact, RunFacts } from './run.ts';

export interface CycleSides {
  readonly cycle: CycleFact;
  readonly timing: BillingTiming;
  /** The cutoff of this run. */
  readonly settledBefore: Instant;
  /** The cutoff of the previous run; `null` for what is billed for the first time. */
  readonly billedBefore: Instant | null;
}

/**
 * Every cycle of the run, once for each timing, in the order of its lines. Breaks off on a repeated cycle, on one too
 * late for the run, and on a cutoff that goes back.
 */
export function sidesOfRun(facts: RunFacts): readonly CycleSides[] {
  const { cutoff, previousCutoff, runIndex } = facts;
  const ascending = facts.cycles.toSorted((one, other) => one.index - other.index);
  requireOrder(facts, ascending);
  const lastBilled = (timing: BillingTiming) => (timing === 'IN_ADVANCE' ? runIndex + 1 : runIndex);
  const sides = ascending.flatMap((cycle) => TIMINGS.flatMap((timing): CycleSides[] => {
    if (cycle.index > lastBilled(timing)) return [];
    return [{ cycle, timing, settledBefore: cutoff, billedBefore: cycle.index === lastBilled(timing) ? null : previousCutoff }];
  }));
  return [...sides.filter(({ billedBefore }) => billedBefore === null), ...sides.filter(({ billedBefore }) => billedBefore !== null)];
}

const TIMINGS = ['IN_ARREARS', 'IN_ADVANCE'] as const;

function requireOrder({ runIndex, previousCutoff, cutoff }: RunFacts, ascending: readonly CycleFact[]): void {
  let lastIndex = 0;
  for (const cycle of ascending) {
    const { index, start, end } = cycle;
    invariant(index > lastIndex && index <= runIndex + 1, 'the cycles of a run are its own, the next and distinct earlier ones');
    invariant(start <= end, `cycle ${index} ends before it starts`);
    invariant(index !== runIndex || cycle.cutoff === cutoff, `run ${runIndex} has another cutoff than its cycle`);
    lastIndex = index;
  }
  invariant(runIndex === 0 || ascending.some(({ index }) => index === runIndex), `run ${runIndex} has no cycle ${runIndex}`);
  invariant(previousCutoff === null ? runIndex === 0 : previousCutoff <= cutoff, 'cutoffs never go back, and only run 0 has none before it');
}
