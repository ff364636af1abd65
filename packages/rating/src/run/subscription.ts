/**
 * What a subscription is, as a fold of its facts: its items from its start until it is canceled.
 *
 * A fact is appended, never changed, and has two times: when it takes effect and when it was recorded. What holds in an
 * interval as known before an instant follows from the facts recorded before that instant and from nothing else. The
 * traps: "before" is strict, so a fact recorded exactly at a cutoff belongs to the next run; and a cancel may be recorded
 * long after it takes effect, so the fold never looks at what was billed.
 */
import { invariant } from '../errors.ts';
import type { Decimal } from '../number/decimal.ts';
import { knownFrom } from '../time/cutoff.ts';
import { type Instant, type Interval, laterOf } from '../time/instant.ts';

export type SubscriptionFact = StartedFact | CanceledFact | CancelUndoneFact;

interface FactTimes {
  /** Unique in the subscription and ascending in the order of recording, which times can't tell: a clock may stand. */
  readonly sequence: number;
  readonly effectiveTime: Instant;
  readonly recordedTime: Instant;
}

export interface StartedFact extends FactTimes {
  readonly kind: 'STARTED';
  readonly items: readonly SubscriptionItem[];
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

/**
 * The part of an interval in which the subscription is in service, by facts recorded strictly before `knownBefore`: up
 * to the cancel, where one falls into it. `null` if there is no such part.
 */
export function partInService(
  facts: readonly SubscriptionFact[],
  interval: Interval,
  knownBefore: Instant,
): Interval | null {
  const cancelTime = cancelTimeKnownBefore(facts, knownBefore);
  const end = cancelTime !== null && cancelTime < interval.end ? laterOf(cancelTime, interval.start) : interval.end;
  return end === interval.start ? null : { start: interval.start, end };
}

/** When the subscription is canceled, by facts recorded strictly before `knownBefore`; `null` if it isn't. */
export function cancelTimeKnownBefore(facts: readonly SubscriptionFact[], knownBefore: Instant): Instant | null {
  return cancelInForce(facts.filter(({ recordedTime }) => recordedTime < knownBefore))?.effectiveTime ?? null;
}

/** The cancel that counts by all these facts: the last one, unless it was taken back. */
export function cancelInForce(facts: readonly SubscriptionFact[]): CanceledFact | null {
  let last: CanceledFact | CancelUndoneFact | null = null;
  for (const fact of facts) {
    if (fact.kind !== 'STARTED' && (last === null || fact.sequence > last.sequence)) last = fact;
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
  const billed = cancelTimeKnownBefore(facts, since);
  const settled = cancelTimeKnownBefore(facts, before);
  if (billed === settled) return null;
  if (billed === null) return settled;
  return settled === null || billed < settled ? billed : settled;
}

/**
 * The items live at any moment of the interval, by facts recorded strictly before `knownBefore`, in the subscription's
 * order.
 */
export function liveItems(
  facts: readonly SubscriptionFact[],
  interval: Interval,
  knownBefore: Instant,
): readonly SubscriptionItem[] {
  if (partInService(facts, interval, knownBefore) === null) return [];
  const items = facts
    .filter((fact) => fact.recordedTime < knownBefore && fact.effectiveTime < interval.end)
    .flatMap((fact) => (fact.kind === 'STARTED' ? fact.items : []));
  invariant(new Set(items.map(({ item }) => item)).size === items.length, 'a subscription has two items of one code');
  return items;
}
