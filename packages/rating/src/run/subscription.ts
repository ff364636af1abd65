/**
 * What a subscription is, as a fold of its facts: which items are in service when.
 *
 * A fact is appended, never changed, and has two times: when it takes effect and when it was recorded. What holds at a
 * moment as known before an instant follows from the facts recorded before that instant and from nothing else. Of facts
 * of one kind the one that took effect last holds, and of those that took effect together the one recorded last.
 * The traps: "before" is strict, so a fact recorded exactly at a cutoff belongs to the next run; a cancel may be recorded
 * long after it takes effect, so the fold never looks at what was billed; and of cancels the one *recorded* last counts,
 * wherever it takes effect, since a cancel can be moved.
 */
import { invariant } from '../errors.ts';
import type { Decimal } from '../number/decimal.ts';
import { knownFrom } from '../time/cutoff.ts';
import { type Instant, type Interval, laterOf } from '../time/instant.ts';

export type SubscriptionFact = StartedFact | ItemsChangedFact | PausedFact | ResumedFact | CanceledFact | CancelUndoneFact;

interface FactTimes {
  /** Unique in the subscription and ascending in the order of recording, which times can't tell: a clock may stand. */
  readonly sequence: number;
  readonly effectiveTime: Instant;
  readonly recordedTime: Instant;
}

export interface StartedFact extends FactTimes {
  readonly kind: 'STARTED';
  readonly items: readonly SubscriptionItem[];
  /** Up to here nothing is in service, though usage is recorded. Absent: no trial. */
  readonly trialEndTime?: Instant;
}

/** From its effective time on these are the items, all of them: a change of plan, of an item or of a quantity. */
export interface ItemsChangedFact extends FactTimes {
  readonly kind: 'ITEMS_CHANGED';
  readonly items: readonly SubscriptionItem[];
}

/** From its effective time on nothing is in service, until it is resumed. */
export interface PausedFact extends FactTimes {
  readonly kind: 'PAUSED';
}

export interface ResumedFact extends FactTimes {
  readonly kind: 'RESUMED';
}

/** From its effective time on nothing is in service. The cancel recorded last is the one that counts. */
export interface CanceledFact extends FactTimes {
  readonly kind: 'CANCELED';
}

/** Takes back every cancel recorded before it. */
export interface CancelUndoneFact extends FactTimes {
  readonly kind: 'CANCEL_UNDONE';
}

export interface SubscriptionItem {
  /** The item's own code, unique within the subscription. */
  readonly item: string;
  readonly priceCode: string;
  /** Seats or copies of a fee; the usage of a metered price is not multiplied by it. */
  readonly quantity: Decimal;
}

/** A stretch of time in which the same items are in service. */
export interface ServiceStretch {
  readonly interval: Interval;
  readonly items: readonly SubscriptionItem[];
}

/**
 * The stretches of an interval in which anything is in service, by facts recorded strictly before `knownBefore`, in
 * order and none of them empty. They leave out the time before the start, in trial, paused and after the cancel.
 */
export function serviceStretches(facts: readonly SubscriptionFact[], interval: Interval, knownBefore: Instant): readonly ServiceStretch[] {
  const known = factsKnownBefore(facts, knownBefore);
  const within = turningPoints(known).filter((moment) => moment > interval.start && moment < interval.end);
  const bounds = [interval.start, ...within, interval.end];
  const itemsAt = serviceOf(known);
  return bounds.slice(0, -1).flatMap((start, position) => {
    const end = bounds[position + 1] ?? interval.end;
    const items = start < end ? itemsAt(start) : [];
    return items.length === 0 ? [] : [{ interval: { start, end }, items }];
  });
}

/** When the subscription is canceled, by facts recorded strictly before `knownBefore`; `null` if it isn't. */
export function cancelTimeKnownBefore(facts: readonly SubscriptionFact[], knownBefore: Instant): Instant | null {
  return cancelInForce(factsKnownBefore(facts, knownBefore))?.effectiveTime ?? null;
}

/** The cancel that counts by all these facts: the last one, unless it was taken back. */
export function cancelInForce(facts: readonly SubscriptionFact[]): CanceledFact | null {
  let last: CanceledFact | CancelUndoneFact | null = null;
  for (const fact of facts) {
    if ((fact.kind === 'CANCELED' || fact.kind === 'CANCEL_UNDONE') && (last === null || fact.sequence > last.sequence)) last = fact;
  }
  return last?.kind === 'CANCELED' ? last : null;
}

/**
 * When a cancel can't be taken back any more: in effect and known. No cycle starts at or after it, and the cycle it lies
 * in ends with it.
 */
export function cancelDoneTime({ effectiveTime, recordedTime }: Pick<CanceledFact, 'effectiveTime' | 'recordedTime'>): Instant {
  return laterOf(effectiveTime, knownFrom(recordedTime));
}

/**
 * The earliest instant at which the service differs by what was recorded in [since, before); `null` if nowhere. Of the
 * earlier cycles only those that end after it can differ by subscription facts.
 */
export function serviceChangedFrom(facts: readonly SubscriptionFact[], { since, before }: { since: Instant; before: Instant }): Instant | null {
  const billed = factsKnownBefore(facts, since);
  const settled = factsKnownBefore(facts, before);
  if (billed.length === settled.length) return null;
  const [billedAt, settledAt] = [serviceOf(billed), serviceOf(settled)];
  return turningPoints(settled).find((moment) => !sameItems(billedAt(moment), settledAt(moment))) ?? null;
}

function factsKnownBefore(facts: readonly SubscriptionFact[], knownBefore: Instant): readonly SubscriptionFact[] {
  return facts.filter(({ recordedTime }) => recordedTime < knownBefore);
}

/** The moments at which the service may change, ascending, each once. */
function turningPoints(facts: readonly SubscriptionFact[]): readonly Instant[] {
  const moments = facts.flatMap((fact) => [fact.effectiveTime, ...('trialEndTime' in fact ? [fact.trialEndTime] : [])]);
  return [...new Set(moments)].toSorted((one, other) => (one < other ? -1 : one > other ? 1 : 0));
}

/** In the subscription's order at a moment; none where it is not in service. Sorted once, as a fold has many moments. */
function serviceOf(facts: readonly SubscriptionFact[]): (moment: Instant) => readonly SubscriptionItem[] {
  const cancel = cancelInForce(facts);
  const trials = facts.flatMap((fact) => (fact.kind === 'STARTED' && fact.trialEndTime !== undefined ? [{ start: fact.effectiveTime, end: fact.trialEndTime }] : []));
  const pauses = inOrder(facts.flatMap((fact) => (fact.kind === 'PAUSED' || fact.kind === 'RESUMED' ? [fact] : [])));
  const changes = inOrder(facts.flatMap((fact) => (fact.kind === 'STARTED' || fact.kind === 'ITEMS_CHANGED' ? [fact] : [])));
  return (moment) => {
    if (cancel !== null && cancel.effectiveTime <= moment) return [];
    if (trials.some(({ start, end }) => start <= moment && moment < end)) return [];
    if (lastAt(pauses, moment)?.kind === 'PAUSED') return [];
    const { items = [] } = lastAt(changes, moment) ?? {};
    invariant(new Set(items.map(({ item }) => item)).size === items.length, 'a subscription has two items of one code');
    return items;
  };
}

/** In the order of taking effect. */
function inOrder<Fact extends FactTimes>(facts: readonly Fact[]): readonly Fact[] {
  return facts.toSorted((one, other) => {
    if (one.effectiveTime === other.effectiveTime) return one.sequence - other.sequence;
    return one.effectiveTime < other.effectiveTime ? -1 : 1;
  });
}

/** The last in effect, found by halves. */
function lastAt<Fact extends FactTimes>(ordered: readonly Fact[], moment: Instant): Fact | undefined {
  let [inEffect, upTo] = [0, ordered.length];
  while (inEffect < upTo) {
    const middle = Math.floor((inEffect + upTo) / 2);
    const fact = ordered[middle];
    if (fact !== undefined && fact.effectiveTime <= moment) inEffect = middle + 1;
    else upTo = middle;
  }
  return ordered[inEffect - 1];
}

export function sameItem(one: SubscriptionItem, other: SubscriptionItem): boolean {
  return one.item === other.item && one.priceCode === other.priceCode && one.quantity === other.quantity;
}

function sameItems(some: readonly SubscriptionItem[], others: readonly SubscriptionItem[]): boolean {
  return some.length === others.length && some.every((item, position) => {
    const other = others[position];
    return other !== undefined && sameItem(item, other);
  });
}
