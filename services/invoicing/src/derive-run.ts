// Deriving a run again, on any later day: by the path of the close (load, ask usage, compose), only that what earlier runs
// owe is derived too, from run 1 on, and not read from what was stored. Nothing is sealed: the sources were sealed through
// the cutoff when the run was stored, so an earlier or equal cutoff reads final facts, and a later one is told as moved.
// Of what is stored only the engine versions, which are inputs, and that cutoff are used.
import { DomainError, type OutgoingContext } from '@valora/chassis';
import {
  carryCredits, composeRun, ENGINE_VERSION, InvariantError, RatingError, usageQueriesOfRun, type CarriedCredit, type ComposedRun, type Instant, type RunFacts,
} from '@valora/rating';
import { errors } from './errors.ts';
import { loadRunFacts, loadUsage, type LoadedRun, type Sources } from './load-run-facts.ts';

/** Every run from 1 on is derived, so this bounds the work. */
const RUNS_MAX = 1_000;
/** Each run is loaded with all cycles up to its own: a few at a time keep an answer below the size of a message. */
const RUNS_PER_LOAD_MAX = 20;

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
}

/** The source records no longer make the run: why. */
export class NotDerivable extends Error {
  override readonly name = 'NotDerivable';
  readonly reason: string;
  constructor(reason: string, message: string, options: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Errors: NotDerivable, TOO_MANY_EARLIER_RUNS. */
export async function deriveRun(sources: Sources, context: OutgoingContext, run: RunToDerive): Promise<DerivedRun> {
  if (run.runIndex > RUNS_MAX) throw errors.TOO_MANY_EARLIER_RUNS({ subscription: run.subscriptionReference, run_index: String(run.runIndex), runs_max: String(RUNS_MAX) });
  try {
    return await deriveInOrder(sources, context, run);
  } catch (error) {
    throw notDerivable(error);
  }
}

async function deriveInOrder(sources: Sources, context: OutgoingContext, { subscriptionReference, runIndex, sealedThrough, engineVersions }: RunToDerive): Promise<DerivedRun> {
  let credits: readonly CarriedCredit[] = [];
  let last: DerivedRun | null = null;
  for (let first = 1; first <= runIndex; first += RUNS_PER_LOAD_MAX) {
    const count = Math.min(RUNS_PER_LOAD_MAX, runIndex - first + 1);
    const names = Array.from({ length: count }, (_, position) => ({ subscription: subscriptionReference, cycleIndex: first + position }));
    const loaded = await loadRunFacts(sources, context, names, sealedThrough);
    const runs = loaded.map((facts): RunFacts => ({ ...facts, credits: [], engineVersion: engineVersionOf(facts, engineVersions) }));
    const usage = await loadUsage(sources, context, runs.map(usageQueriesOfRun));
    for (const [position, run] of runs.entries()) {
      const facts = { ...run, credits };
      const composed = composeRun(facts, usage[position] ?? new Map());
      credits = carryCredits(facts, composed);
      last = { facts, composed };
    }
  }
  if (last === null) throw new Error('no run was derived');
  return last;
}

function engineVersionOf({ runIndex }: LoadedRun, engineVersions: ReadonlyMap<number, number>): number {
  const stored = engineVersions.get(runIndex);
  return stored !== undefined && stored >= 1 && stored <= ENGINE_VERSION ? stored : ENGINE_VERSION;
}

function notDerivable(error: unknown): unknown {
  if (error instanceof RatingError) return new NotDerivable(error.reason, error.message, { cause: error });
  if (error instanceof InvariantError) return new NotDerivable('FACTS_IMPOSSIBLE', `The source records contradict each other: ${error.message}.`, { cause: error });
  if (!(error instanceof DomainError)) return error;
  if (error.reason === 'SEAL_TOO_EARLY') {
    const { subscription = '', cycle_index: cycleIndex = '' } = error.facts.metadata ?? {};
    return new NotDerivable('CUTOFF_MOVED', `The cutoff of cycle ${cycleIndex} of subscription "${subscription}" lies after the stored cutoff of the run.`, { cause: error });
  }
  return error.reason === 'NOT_FOUND' ? new NotDerivable('CYCLE_MISSING', `A source record is missing: ${error.message}`, { cause: error }) : error;
}
