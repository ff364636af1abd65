// CreateSubscription: pins plan version, zone and anchor, and records the start. What other services know is asked before
// the transaction; plans and prices never change, so it is still true when the transaction commits.
import { Fields, mutate, sqlOf, touchDueWork, type CallContext, type RecordingDependencies } from '@valora/chassis';
import {
  Subscription as SubscriptionMessage, SubscriptionServiceService, type CreateSubscriptionRequest, type CreateSubscriptionResponse,
} from '@valora/contracts/valora/subscription/v1/subscription';
import { findCustomer, lockCustomer } from './customer-store.ts';
import type { Transaction } from './database.ts';
import { OPEN_CYCLES } from './due-work-kind.ts';
import { errors } from './errors.ts';
import { requireFreeMeters } from './free-meters.ts';
import type { Sources } from './sources.ts';
import { insertFact, insertItems, insertSubscription } from './subscription-store.ts';
import { cadenceFromStart, itemsOfPlan, parseStart, parseSubscription, subscriptionToProto, type Subscription } from './subscription.ts';

export interface SubscribingDependencies extends RecordingDependencies<Transaction> {
  readonly sources: Pick<Sources, 'findPlan' | 'findTimeZone'>;
}

export async function createSubscription(dependencies: SubscribingDependencies, context: CallContext, request: CreateSubscriptionRequest): Promise<CreateSubscriptionResponse> {
  const { organizationId } = context;
  const fields = new Fields();
  fields.requestId(request.requestId);
  const draft = parseSubscription(fields, request.subscription ?? SubscriptionMessage.fromPartial({}));
  fields.check();
  const [plan, organizationZone] = await Promise.all([
    dependencies.sources.findPlan(context, draft.planCode),
    dependencies.sources.findTimeZone(context),
  ]);
  if (plan === null) throw errors.PLAN_UNKNOWN({ plan: draft.planCode });
  const items = itemsOfPlan(fields, plan, draft);
  fields.check();

  return await mutate(dependencies, { context, method: SubscriptionServiceService.createSubscription, request }, async (tx, recordedTime) => {
    const customer = await findCustomer(tx, organizationId, draft.customerReference);
    if (customer === null) throw errors.CUSTOMER_UNKNOWN({ customer: draft.customerReference });
    const startTime = parseStart(fields, draft, recordedTime);
    fields.check();
    const subscription: Subscription = {
      reference: draft.reference,
      customerReference: customer.reference,
      planCode: plan.code,
      planVersion: plan.version,
      cadence: cadenceFromStart(plan, { startTime, zone: customer.timeZone ?? organizationZone, isCalendarAligned: draft.isCalendarAligned }),
      startTime,
      items,
      recordedTime,
      cancelTime: null,
    };
    await insertSubscription(tx, organizationId, subscription);
    await lockCustomer(tx, customer.reference);
    await requireFreeMeters(sqlOf(tx), subscription, { end: null });
    await insertItems(tx, organizationId, subscription);
    await insertFact(tx, organizationId, subscription.reference, { sequence: 1, kind: 'STARTED', effectiveTime: startTime, recordedTime, items });
    await touchDueWork(sqlOf(tx), OPEN_CYCLES, startTime);
    return { subscription: subscriptionToProto(subscription, recordedTime) };
  });
}
