/**
 * Lateness: what becomes of usage recorded at or after the cutoff of the cycle it belongs to.
 *
 * ADJUST: it counts in that cycle, and the next run bills the difference. HOLD: the same, but not before a person
 * releases it. CARRY_FORWARD: it counts in the cycle in whose window, from cutoff to cutoff, it was recorded, if the
 * same item is in service there at the same price; otherwise as ADJUST. The policy of a cycle is the one known at its
 * cutoff, and usage is carried only from a cycle with that policy into a cycle with it. So every event counts in one
 * cycle at most, and with CARRY_FORWARD in exactly one.
 * A level (WEIGHTED_SUM) can't be carried, as it lasts anyway; and it is made up of earlier cycles, each with its policy.
 * The traps: carried usage is rated in the first part of its item in the cycle that takes it, at that part's price; and
 * a service that ends in hindsight sends what was carried back to where it happened, so earlier cycles may differ too.
 */
import { invariant } from '../errors.ts';
import type { Instant, Interval } from '../time/instant.ts';
import type { CycleFact, RunFacts } from './run.ts';
import { settingsKnownBefore } from './settings.ts';
import { serviceStretches } from './subscription.ts';

export type LatenessPolicy = 'ADJUST' | 'HOLD' | 'CARRY_FORWARD';

/** What a question to metering says of late usage; nothing for ADJUST. */
export type Lateness = HeldUsage | CarriedUsage;

export interface HeldUsage {
  readonly policy: 'HOLD';
  /** What was recorded at or after this instant counts only if its release is known too; `null`: nothing is held. */
  readonly cutoff: Instant | null;
  /**
   * For a level, which is made up of earlier cycles too: ascending, an event that happened before `end` and not before
   * the end of the one above is held by this cutoff instead.
   */
  readonly earlier?: readonly { readonly end: Instant; readonly cutoff: Instant | null }[];
}

export interface CarriedUsage {
  readonly policy: 'CARRY_FORWARD';
  /** What happened in the interval of the question counts only if it was recorded before this instant … */
  readonly cutoff: Instant;
  /** … or lies in one of these, which may be of other times. An event counts once. */
  readonly carried: readonly CarriedRange[];
}

export interface CarriedRange {
  readonly events: Interval;
  readonly recorded: Interval;
}

/** The part of an item that is asked about, in a cycle as known before an instant. */
export interface LatenessQuestion {
  readonly cycle: CycleFact;
  readonly knownBefore: Instant;
  readonly item: string;
  readonly priceCode: string;
  readonly meterCode: string;
  readonly interval: Interval;
  /** Whether carried usage is counted in this part: the first of its item that rates usage. */
  readonly takesCarried: boolean;
}

/** `undefined` for ADJUST. Breaks off if CARRY_FORWARD has no history of cycles to look at. */
export function latenessOf(facts: RunFacts, question: LatenessQuestion): Lateness | undefined {
  const { cycle, meterCode } = question;
  if (facts.levelMeters?.includes(meterCode)) return heldLevel(facts, cycle);
  switch (policyOf(facts, cycle)) {
    case 'ADJUST': return undefined;
    case 'HOLD': return { policy: 'HOLD', cutoff: cycle.cutoff };
    case 'CARRY_FORWARD': return { policy: 'CARRY_FORWARD', cutoff: cycle.cutoff, carried: [...stayingRanges(facts, question), ...(question.takesCarried ? takenRanges(facts, question) : [])] };
  }
}

function policyOf({ settings }: RunFacts, { cutoff }: CycleFact): LatenessPolicy {
  return settingsKnownBefore(settings, cutoff).latenessPolicy;
}

/** A level lasts over cycles of other policies. What happened before the first cycle belongs to none and is never held. */
function heldLevel(facts: RunFacts, cycle: CycleFact): HeldUsage | undefined {
  if (facts.settings.every(({ latenessPolicy }) => latenessPolicy !== 'HOLD')) return undefined;
  const through = historyOf(facts).filter(({ index }) => index <= cycle.index);
  const bounds = through.map((one) => ({ end: one.end, cutoff: policyOf(facts, one) === 'HOLD' ? one.cutoff : null }));
  const [first] = through;
  if (first === undefined || bounds.every(({ cutoff }) => cutoff === null)) return undefined;
  const earlier = [{ end: first.start, cutoff: null }, ...bounds.slice(0, -1)];
  // Neighbours of which nothing is held are one.
  return { policy: 'HOLD', cutoff: bounds.at(-1)?.cutoff ?? null, earlier: earlier.filter(({ cutoff }, position) => cutoff !== null || earlier[position + 1]?.cutoff !== null) };
}

/** The part's own late usage that no later cycle takes. */
function stayingRanges(facts: RunFacts, question: LatenessQuestion): readonly CarriedRange[] {
  const { cycle, knownBefore, interval } = question;
  const later = historyOf(facts).filter(({ index, previousCutoff }) => index > cycle.index && previousCutoff < knownBefore);
  const windows = later.filter((taker) => !takes(facts, question, taker)).map(windowOf);
  return joined(windows).map((recorded) => ({ events: interval, recorded }));
}

/** What the cycle takes of earlier ones. */
function takenRanges(facts: RunFacts, question: LatenessQuestion): readonly CarriedRange[] {
  const { cycle } = question;
  const earlier = historyOf(facts).filter((one) => one.index < cycle.index && policyOf(facts, one) === 'CARRY_FORWARD');
  const recorded = windowOf(cycle);
  if (recorded.start === recorded.end) return [];
  return joined(earlier.flatMap((one) => serviceWithin(facts, question, one))).map((events) => ({ events, recorded }));
}

function takes(facts: RunFacts, question: LatenessQuestion, taker: CycleFact): boolean {
  return policyOf(facts, taker) === 'CARRY_FORWARD' && serviceWithin(facts, question, taker).length > 0;
}

/** When the item was in service at its price in a cycle. */
function serviceWithin({ subscription }: RunFacts, { item, priceCode, knownBefore }: LatenessQuestion, { start, end }: CycleFact): readonly Interval[] {
  return serviceStretches(subscription.facts, { start, end }, knownBefore)
    .filter(({ items }) => items.some((one) => one.item === item && one.priceCode === priceCode))
    .map(({ interval }) => interval);
}

/** When an event has to be recorded to be late usage that this cycle may take. */
function windowOf({ previousCutoff, cutoff }: CycleFact): Interval {
  return { start: previousCutoff, end: cutoff };
}

/** Ascending intervals with neighbours made one, and empty ones left out. */
function joined(intervals: readonly Interval[]): readonly Interval[] {
  const found: Interval[] = [];
  for (const { start, end } of intervals) {
    const last = found.at(-1);
    if (start === end) continue;
    if (last?.end === start) found[found.length - 1] = { start: last.start, end };
    else found.push({ start, end });
  }
  return found;
}

function historyOf({ history, cycles }: RunFacts): readonly CycleFact[] {
  invariant(history !== undefined && cycles.every(({ index }) => history.some((one) => one.index === index)), 'late usage depends on all cycles, and the run lacks some of them');
  return history;
}
