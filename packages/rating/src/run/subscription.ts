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
import { type Instant, type Interval, laterOf } from '../time/instant.ts';

export type SubscriptionFact = StartedFact | CanceledFact | CancelUndoneFact;

export type StartedFact = {
  readonly kind: 'STARTED';
  readonly effectiveTime: Instant;
  readonly recordedTime: Instant;
  readonly items: readonly SubscriptionItem[];
};

/** From its effective time on nothing is in service. The cancel recorded last is the one that counts. */
export type CanceledFact = {
  readonly kind: 'CANCELED';
  readonly effectiveTime: Instant;
  readonly recordedTime: Instant;
};

/** Takes back every cancel recorded up to it. */
export type CancelUndoneFact = {
  readonly kind: 'CANCEL_UNDONE';
  readonly effectiveTime: Instant;
  readonly recordedTime: Instant;
};

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

/**
 * When the subscription is canceled, by facts recorded strictly before `knownBefore`; `null` if it isn't. Of several
 * cancels the one recorded last counts; of two recorded in one microsecond, the earlier end.
 */
export function cancelTimeKnownBefore(facts: readonly SubscriptionFact[], knownBefore: Instant): Instant | null {
  const known = facts.filter(({ recordedTime }) => recordedTime < knownBefore);
  const undone = known.flatMap(({ kind, recordedTime }) => (kind === 'CANCEL_UNDONE' ? [recordedTime] : []));
  const [last] = known
    .filter(({ kind, recordedTime }) => kind === 'CANCELED' && undone.every((moment) => recordedTime > moment))
    .toSorted((one, other) => compare(other.recordedTime, one.recordedTime) || compare(one.effectiveTime, other.effectiveTime));
  return last?.effectiveTime ?? null;
}

function compare(one: Instant, other: Instant): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
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
