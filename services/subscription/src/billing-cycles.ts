// The rpcs of billing cycles.
import { commonErrors, Fields, leaseBounds, paged, parsePage, type CallContext, type Handlers, type RecordingDependencies } from '@valora/chassis';
import {
  BillingCycleServiceService, type ClaimDueCyclesRequest, type ClaimDueCyclesResponse, type ListBillingCyclesRequest, type ListBillingCyclesResponse,
} from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { claimCycles, findSealedClock, listCyclesAfter } from './billing-cycle-store.ts';
import { billingCycleToProto } from './billing-cycle.ts';
import { batchGetBillingFacts } from './billing-facts.ts';
import { completeCycles } from './complete-cycles.ts';
import { countFailures } from './count-failures.ts';
import { expiredLeases } from './cycle-failure-store.ts';
import { parseLeaseHolder } from './cycle-name.ts';
import type { SubscriptionDatabase, Transaction } from './database.ts';
import { openDueCycles, type OpeningDependencies } from './open-due-cycles.ts';
import { openSettlementCycles, type SettlingDependencies } from './open-settlement-cycles.ts';
import { releaseCycles } from './release-cycles.ts';
import { listSetAsideCycles, retryCycle } from './set-aside-cycles.ts';
import { findSubscription } from './subscription-store.ts';

const CLAIMED_MAX = 1_000;
const INDEX = /^[0-9]{1,9}$/;

export function billingCycleHandlers(dependencies: OpeningDependencies & SettlingDependencies & RecordingDependencies<Transaction>): Handlers<typeof BillingCycleServiceService> {
  const { database } = dependencies;
  return {
    listBillingCycles: (context, request) => listBillingCycles(database, context, request),
    openDueCycles: (context, request) => openDueCycles(dependencies, context, request),
    openSettlementCycles: (context, request) => openSettlementCycles(dependencies, context, request),
    claimDueCycles: (context, request) => claimDueCycles(database, context, request),
    completeCycles: (context, request) => completeCycles(database, context, request),
    releaseCycles: (context, request) => releaseCycles(database, context, request),
    listSetAsideCycles: (context, request) => listSetAsideCycles(database, context, request),
    retryCycle: (context, request) => retryCycle(dependencies, context, request),
    batchGetBillingFacts: (context, request) => batchGetBillingFacts(database, context, request),
  };
}

async function listBillingCycles(database: SubscriptionDatabase, { organizationId }: CallContext, request: ListBillingCyclesRequest): Promise<ListBillingCyclesResponse> {
  const page = parsePage(request, 1);
  const fields = new Fields();
  const subscriptionReference = fields.reference('subscription', request.subscription);
  const [afterText = '0'] = page.after ?? [];
  if (!INDEX.test(afterText)) fields.refuse('page_token', 'MALFORMED', 'Is not a token of this list. Send the next_page_token of the last response.');
  fields.check();
  const found = await database.transaction(organizationId, async (tx) => {
    if ((await findSubscription(tx, organizationId, subscriptionReference)) === null) throw commonErrors.NOT_FOUND({ resource: 'subscription', name: subscriptionReference });
    return await listCyclesAfter(tx, organizationId, { subscriptionReference, after: Number(afterText), limit: page.size + 1 });
  });
  const { rows, nextPageToken } = paged(found, page, ({ index }) => [String(index)]);
  return { cycles: rows.map(billingCycleToProto), nextPageToken };
}

async function claimDueCycles(database: SubscriptionDatabase, context: CallContext, request: ClaimDueCyclesRequest): Promise<ClaimDueCyclesResponse> {
  const fields = new Fields();
  const batchSizeMax = fields.integer('batch_size_max', request.batchSizeMax, { min: 1, max: CLAIMED_MAX });
  const leaseMicros = fields.durationMicros('lease_duration', request.leaseDuration, leaseBounds);
  const leaseHolder = parseLeaseHolder(fields, request.leaseHolder);
  fields.check();
  const now = await findSealedClock(database, context.organizationId);
  if (now === null) return { cycles: [] };
  const cycles = await database.bulk(context.organizationId, async (sql) => {
    const expired = await expiredLeases(sql, batchSizeMax);
    await countFailures(sql, { context, action: BillingCycleServiceService.claimDueCycles.path }, expired);
    return await claimCycles(sql, { now, batchSizeMax, leaseMicros, leaseHolder, withoutRetryDelay: request.withoutRetryDelay });
  });
  return { cycles: cycles.map(billingCycleToProto) };
}
