// An event belongs to one item: no customer may have two subscriptions with one meter live at one moment.
import type { Sql } from '@valora/chassis';
import type { Instant } from '@valora/rating';
import { errors } from './errors.ts';
import { findOtherOnMeter } from './subscription-store.ts';
import type { Subscription } from './subscription.ts';

/** Refuses a subscription to be in service up to `end` (null: open) if another has one of its meters by then. Needs lockCustomer. Errors: METER_ALREADY_SUBSCRIBED. */
export async function requireFreeMeters(sql: Sql, { reference, customerReference, items, startTime }: Subscription, { end }: { end: Instant | null }): Promise<void> {
  const other = await findOtherOnMeter(sql, { reference, customerReference, items, start: startTime, end });
  if (other !== null) throw errors.METER_ALREADY_SUBSCRIBED({ customer: customerReference, meter: other.meterCode, subscription: other.subscriptionReference });
}
