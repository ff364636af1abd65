// BatchGetBillingFacts: for each named cycle everything of its subscription that its run is computed from.
import { commonErrors, currentTime, Fields, sqlOf, type CallContext } from '@valora/chassis';
import type { BatchGetBillingFactsRequest, BatchGetBillingFactsResponse, BillingFacts } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import type { Instant } from '@valora/rating';
import { findCycles } from './billing-cycle-store.ts';
import { billingCycleToProto, type BillingCycle } from './billing-cycle.ts';
import { cycleKey, parseCycleName, type CycleName } from './cycle-name.ts';
import type { SubscriptionDatabase } from './database.ts';
import { subscriptionFactToProto } from './subscription-fact.ts';
import { findSubscriptionsWithFacts, type SubscriptionWithFacts } from './subscription-store.ts';
import { subscriptionToProto } from './subscription.ts';

const CYCLES_MAX = 1_000;

interface Found {
  readonly subscriptions: ReadonlyMap<string, SubscriptionWithFacts>;
  /** By subscription, ascending. */
  readonly cycles: ReadonlyMap<string, readonly BillingCycle[]>;
  readonly now: Instant;
}

export async function batchGetBillingFacts(database: SubscriptionDatabase, { organizationId }: CallContext, request: BatchGetBillingFactsRequest): Promise<BatchGetBillingFactsResponse> {
  const fields = new Fields();
  fields.count('cycles', request.cycles, { min: 1, max: CYCLES_MAX });
  const names = request.cycles.slice(0, CYCLES_MAX).map((name, position) => parseCycleName(fields, `cycles[${position}]`, name));
  fields.check();
  const references = [...new Set(names.map(({ subscriptionReference }) => subscriptionReference))];
  const found = await database.transaction(organizationId, async (tx): Promise<Found | null> => {
    const subscriptions = await findSubscriptionsWithFacts(tx, organizationId, references);
    if (subscriptions.length === 0) return null;
    const cycles = Map.groupBy(await findCycles(tx, organizationId, references), ({ subscriptionReference }) => subscriptionReference);
    return { subscriptions: new Map(subscriptions.map((each) => [each.subscription.reference, each])), cycles, now: await currentTime(sqlOf(tx)) };
  });
  return { billingFacts: names.map((name) => billingFactsOf(name, found)) };
}

function billingFactsOf(name: CycleName, found: Found | null): BillingFacts {
  const known = found?.subscriptions.get(name.subscriptionReference);
  const cycles = found?.cycles.get(name.subscriptionReference)?.filter(({ index }) => index <= name.index) ?? [];
  if (found === null || known === undefined || cycles.at(-1)?.index !== name.index) throw commonErrors.NOT_FOUND({ resource: 'billing cycle', name: cycleKey(name) });
  return {
    subscription: subscriptionToProto(known.subscription, found.now),
    facts: known.facts.map(subscriptionFactToProto),
    cycles: cycles.map(billingCycleToProto),
  };
}
