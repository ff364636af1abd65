/**
 * What a subscription is, as a fold of its facts.
 *
 * A fact is appended, never changed, and has two times: when it takes effect and when it was recorded. What holds in an
 * interval as known before an instant follows from the facts recorded before that instant and from nothing else. The
 * trap: "before" is strict. A fact recorded exactly at a cutoff belongs to the next run.
 */
import { invariant } from '../errors.ts';
import type { Decimal } from '../number/decimal.ts';
import type { Instant, Interval } from '../time/instant.ts';

export type SubscriptionFact = {
  readonly kind: 'STARTED';
  readonly effectiveTime: Instant;
  readonly recordedTime: Instant;
  readonly items: readonly SubscriptionItem[];
};

export interface SubscriptionItem {
  /** The item's own code, unique within the subscription. */
  readonly item: string;
  readonly priceCode: string;
  /** Seats or copies of a fee; the usage of a metered price is not multiplied by it. */
  readonly quantity: Decimal;
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
  const items = facts
    .filter((fact) => fact.recordedTime < knownBefore && fact.effectiveTime < interval.end)
    .flatMap((fact) => fact.items);
  invariant(new Set(items.map(({ item }) => item)).size === items.length, 'a subscription has two items of one code');
  return items;
}
