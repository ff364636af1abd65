// Deriving a run again, on any later day: by the path of the close (load, ask usage, compose), only that what earlier runs
// owe is derived too, from run 1 on, and not read from what was stored. Nothing is sealed: the sources were sealed through
// the cutoff when the run was stored, so an earlier or equal cutoff reads final facts, and a later one is told as moved.
// Of what is stored only the engine versions, which are inputs, and that cutoff are used. Runs pass by a page at a time, so
// memory does not grow with their traces.
import type { OutgoingContext } from '@valora/chassis';
import { carryCredits, composeRun, ENGINE_VERSION, usageQueriesOfRun, type CarriedCredit, type ComposedRun, type Instant, type RunFacts, type UsageQuery } from '@valora/rating';
import { loadRunsThrough, loadUsage, type LoadedRun, type Sources } from './load-run-facts.ts';
import { notDerivable } from './not-derivable.ts';

export interface RunToDerive {
  readonly subscriptionReference: string;
  readonly runIndex: number;
  /** The stored run's, through which the sources are sealed. */
  readonly sealedThrough: Instant;
  /** The stored runs' versions, by index; a run that is not stored, or of a version that never was, takes the newest. */
  readonly engineVersions: ReadonlyMap<number, number>;
}

export interface DerivedRun {
  readonly facts: RunFacts;
  readonly composed: ComposedRun;
  /** The digest that subscription holds beside the run's cycle; null before the run is complete. */
  readonly completedDigest: string | null;
}

/** `beforeComposing` is told what the run itself, not one before it, asks of usage. Errors: NotDerivable. */
export async function deriveRun(
  sources: Sources, context: OutgoingContext, run: RunToDerive, beforeComposing: (queries: readonly UsageQuery[]) => Promise<void> = async () => {},
): Promise<DerivedRun> {
  const { subscriptionReference, runIndex, sealedThrough } = run;
  try {
    const { completedDigest, pages } = await loadRunsThrough(sources, context, { subscription: subscriptionReference, cycleIndex: runIndex }, sealedThrough);
    let credits: readonly CarriedCredit[] = [];
    let last: Omit<DerivedRun, 'completedDigest'> | null = null;
    for await (const page of pages()) {
      const runs = page.map((loaded): RunFacts => ({ ...loaded, credits: [], engineVersion: engineVersionOf(loaded, run) }));
      const queries = runs.map(usageQueriesOfRun);
      if (runs.at(-1)?.runIndex === runIndex) await beforeComposing(queries.at(-1) ?? []);
      const usage = await loadUsage(sources, context, { queriesByRun: queries, useStoredLevels: false });
      for (const [position, loaded] of runs.entries()) {
        const facts = { ...loaded, credits };
        const composed = composeRun(facts, usage[position] ?? new Map());
        credits = carryCredits(facts, composed);
        last = { facts, composed };
      }
    }
    if (last === null) throw new Error('no run was derived');
    return { ...last, completedDigest };
  } catch (error) {
    throw notDerivable(error);
  }
}

function engineVersionOf({ runIndex }: LoadedRun, { engineVersions }: RunToDerive): number {
  const stored = engineVersions.get(runIndex);
  return stored !== undefined && stored >= 1 && stored <= ENGINE_VERSION ? stored : ENGINE_VERSION;
}
