// What happened in the life of a subscription. A fact has the time from which it holds and the time at which it was
// recorded, is numbered in the order of recording, and is never changed. A union to grow.
import { timestampFromInstant } from '@valora/chassis';
import type { SubscriptionFact as SubscriptionFactMessage } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { parseDecimal, type CanceledFact, type CancelUndoneFact, type StartedFact } from '@valora/rating';
import { itemToProto, type SubscribedItem } from './subscription.ts';

export type SubscriptionFact =
  | (Omit<StartedFact, 'items'> & { readonly items: readonly SubscribedItem[] })
  | (CanceledFact & { readonly reason: string })
  | CancelUndoneFact;

export function subscriptionFactToProto(fact: SubscriptionFact): SubscriptionFactMessage {
  const { sequence, effectiveTime, recordedTime } = fact;
  return { sequence, effectiveTime: timestampFromInstant(effectiveTime), recordedTime: timestampFromInstant(recordedTime), fact: happeningToProto(fact) };
}

function happeningToProto(fact: SubscriptionFact): NonNullable<SubscriptionFactMessage['fact']> {
  switch (fact.kind) {
    case 'STARTED':
      return { $case: 'started', value: { items: fact.items.map(itemToProto) } };
    case 'CANCELED':
      return { $case: 'canceled', value: { reason: fact.reason } };
    case 'CANCEL_UNDONE':
      return { $case: 'cancelUndone', value: {} };
  }
}

/** The part of a start that jsonb holds: decimals as text. */
interface StoredStart {
  readonly items: { item: string; priceCode: string; quantity: string; meterCode: string | null }[];
}

interface StoredCancel {
  readonly reason: string;
}

/** What of a fact stands in the column for its kind's own parts. */
export function payloadOfFact(fact: SubscriptionFact): { items: StoredStart['items'] } | { reason: string } | Record<string, never> {
  switch (fact.kind) {
    case 'STARTED':
      return { items: fact.items.map(({ item, priceCode, quantity, meterCode }) => ({ item, priceCode, quantity, meterCode })) };
    case 'CANCELED':
      return { reason: fact.reason };
    case 'CANCEL_UNDONE':
      return {};
  }
}

/** Back from storage: the payload was written by payloadOfFact and never changed. */
export function storedFact(times: Omit<CancelUndoneFact, 'kind'>, kind: string, payload: unknown): SubscriptionFact {
  switch (kind) {
    case 'STARTED': {
      const { items } = payload as StoredStart;
      return { ...times, kind, items: items.map((item) => ({ ...item, quantity: parseDecimal(item.quantity) })) };
    }
    case 'CANCELED': {
      const { reason } = payload as StoredCancel;
      return { ...times, kind, reason };
    }
    case 'CANCEL_UNDONE':
      return { ...times, kind };
    default:
      throw new Error(`a subscription has a fact of the unknown kind ${kind}`);
  }
}
