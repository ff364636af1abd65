// The rpcs of subscriptions.
import { commonErrors, currentTime, Fields, paged, parsePage, sqlOf, type Handlers } from '@valora/chassis';
import type { SubscriptionServiceService } from '@valora/contracts/valora/subscription/v1/subscription';
import type { Instant } from '@valora/rating';
import { cancelSubscription, uncancelSubscription } from './cancel-subscription.ts';
import { createSubscription, type SubscribingDependencies } from './create-subscription.ts';
import type { Transaction } from './database.ts';
import { findSubscription, listSubscriptionsAfter } from './subscription-store.ts';
import { subscriptionToProto } from './subscription.ts';

export function subscriptionHandlers(dependencies: SubscribingDependencies): Handlers<typeof SubscriptionServiceService> {
  const { database } = dependencies;
  return {
    createSubscription: (context, request) => createSubscription(dependencies, context, request),
    cancelSubscription: (context, request) => cancelSubscription(dependencies, context, request),
    uncancelSubscription: (context, request) => uncancelSubscription(dependencies, context, request),
    async getSubscription({ organizationId }, request) {
      const fields = new Fields();
      const reference = fields.reference('reference', request.reference);
      fields.check();
      return await database.transaction(organizationId, async (tx) => {
        const subscription = await findSubscription(tx, organizationId, reference);
        if (subscription === null) throw commonErrors.NOT_FOUND({ resource: 'subscription', name: reference });
        return { subscription: subscriptionToProto(subscription, await clockOf(tx)) };
      });
    },
    async listSubscriptions({ organizationId }, request) {
      const page = parsePage(request, 1);
      const fields = new Fields();
      const customerReference = request.customer === '' ? null : fields.reference('customer', request.customer);
      fields.check();
      return await database.transaction(organizationId, async (tx) => {
        const found = await listSubscriptionsAfter(tx, organizationId, { customerReference, after: page.after?.[0] ?? null, limit: page.size + 1 });
        const { rows, nextPageToken } = paged(found, page, ({ reference }) => [reference]);
        if (rows.length === 0) return { subscriptions: [], nextPageToken };
        const now = await clockOf(tx);
        return { subscriptions: rows.map((subscription) => subscriptionToProto(subscription, now)), nextPageToken };
      });
    },
  };
}

/** The organization's clock. There is one as soon as there is a subscription. */
function clockOf(tx: Transaction): Promise<Instant> {
  return currentTime(sqlOf(tx));
}
