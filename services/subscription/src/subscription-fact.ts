// What happened in the life of a subscription. A fact has the time from which it holds and the time at which it was
// recorded, is numbered in the order of recording, and is never changed. A union to grow.
import { timestampFromInstant } from '@valora/chassis';
import type { SubscriptionFact as SubscriptionFactMessage } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { parseDecimal, type Instant } from '@valora/rating';
import { itemToProto, type SubscribedItem } from './subscription.ts';

export interface SubscriptionFact {
  readonly sequence: number;
  readonly kind: 'STARTED';
  readonly effectiveTime: Instant;
  readonly recordedTime: Instant;
  readonly items: readonly SubscribedItem[];
}

export function subscriptionFactToProto({ sequence, effectiveTime, recordedTime, items }: SubscriptionFact): SubscriptionFactMessage {
  return {
    sequence,
    effectiveTime: timestampFromInstant(effectiveTime),
    recordedTime: timestampFromInstant(recordedTime),
    fact: { $case: 'started', value: { items: items.map(itemToProto) } },
  };
}

/** The part of a fact that jsonb holds: decimals as text. */
export interface StoredPayload {
  readonly items: { item: string; priceCode: string; quantity: string; meterCode: string | null }[];
}

export function payloadOfFact({ items }: SubscriptionFact): { items: StoredPayload['items'] } {
  return { items: items.map(({ item, priceCode, quantity, meterCode }) => ({ item, priceCode, quantity, meterCode })) };
}

export function itemsFromPayload(json: unknown): readonly SubscribedItem[] {
  const { items } = json as StoredPayload; // written by payloadOfFact and never changed
  return items.map((item) => ({ ...item, quantity: parseDecimal(item.quantity) }));
}
