// CancelSubscription and UncancelSubscription: a fact, and what follows from it for the cycles to come. The subscription is held
// first and the time taken afterwards, so facts are numbered in the order of their recorded times.
import { commonErrors, Fields, mutate, sqlOf, takeRecordedTime, type CallContext, type RecordingDependencies } from '@valora/chassis';
import {
  CancelTiming, SubscriptionServiceService, type CancelSubscriptionRequest, type CancelSubscriptionResponse, type UncancelSubscriptionRequest, type UncancelSubscriptionResponse,
} from '@valora/contracts/valora/subscription/v1/subscription';
import { cancelInForce, cycleBounds, cycleIndexAt, laterOf, type Instant } from '@valora/rating';
import { findLastTwoCycles } from './billing-cycle-store.ts';
import { lockCustomer } from './customer-store.ts';
import type { Transaction } from './database.ts';
import { errors } from './errors.ts';
import { requireFreeMeters } from './free-meters.ts';
import { holdSchedule, reschedule } from './schedule-store.ts';
import type { SubscriptionFact } from './subscription-fact.ts';
import { findSubscriptionsWithFacts, insertFact, type SubscriptionWithFacts } from './subscription-store.ts';
import { DISTANCE_MICROS_MAX, stateAt, subscriptionToProto, type Subscription } from './subscription.ts';

const REASON_LENGTH_MAX = 256;

interface Cancel {
  readonly timing: 'NOW' | 'PERIOD_END' | 'AT_TIME';
  /** Of AT_TIME. */
  readonly time: Instant | null;
  readonly reason: string;
}

export async function cancelSubscription(dependencies: RecordingDependencies<Transaction>, context: CallContext, request: CancelSubscriptionRequest): Promise<CancelSubscriptionResponse> {
  const fields = new Fields();
  fields.requestId(request.requestId);
  const reference = fields.reference('reference', request.reference);
  const cancel = parseCancel(fields, request);
  fields.check();
  return await mutate(dependencies, { context, method: SubscriptionServiceService.cancelSubscription, request }, async (tx) => {
    const held = await hold(tx, context.organizationId, reference);
    requireNotCanceled(held, 'CancelSubscription');
    const cancelTime = await cancelTimeOf(tx, context.organizationId, cancel, held);
    requireInRange(fields, cancel, cancelTime, held);
    fields.check();
    return { subscription: await record(tx, context.organizationId, held, { kind: 'CANCELED', effectiveTime: cancelTime, reason: cancel.reason }) };
  });
}

export async function uncancelSubscription(dependencies: RecordingDependencies<Transaction>, context: CallContext, request: UncancelSubscriptionRequest): Promise<UncancelSubscriptionResponse> {
  const fields = new Fields();
  fields.requestId(request.requestId);
  const reference = fields.reference('reference', request.reference);
  fields.check();
  return await mutate(dependencies, { context, method: SubscriptionServiceService.uncancelSubscription, request }, async (tx) => {
    const held = await hold(tx, context.organizationId, reference);
    requireNotCanceled(held, 'UncancelSubscription');
    if (held.subscription.cancelTime === null) throw errors.NOT_CANCELED({ subscription: reference });
    return { subscription: await record(tx, context.organizationId, held, { kind: 'CANCEL_UNDONE', effectiveTime: held.now }) };
  });
}

function parseCancel(fields: Fields, { timing, cancelTime, reason }: CancelSubscriptionRequest): Cancel {
  const timings = { [CancelTiming.NOW]: 'NOW', [CancelTiming.PERIOD_END]: 'PERIOD_END', [CancelTiming.AT_TIME]: 'AT_TIME' } as const;
  const name = fields.choice('timing', timing, timings);
  if (name !== 'AT_TIME' && cancelTime !== undefined) fields.refuse('cancel_time', 'NOT_ALLOWED', 'Must be absent unless timing is AT_TIME.');
  return { timing: name, time: name === 'AT_TIME' ? fields.instant('cancel_time', cancelTime) : null, reason: fields.text('reason', reason, { lengthMax: REASON_LENGTH_MAX }) };
}

/** A subscription that nobody else changes or opens cycles of until the transaction ends. */
interface Held extends SubscriptionWithFacts {
  /** The recorded time of facts about it. */
  readonly now: Instant;
}

async function hold(tx: Transaction, organizationId: string, reference: string): Promise<Held> {
  const sql = sqlOf(tx);
  if (!(await holdSchedule(sql, reference))) throw commonErrors.NOT_FOUND({ resource: 'subscription', name: reference });
  const [known] = await findSubscriptionsWithFacts(tx, organizationId, [reference]);
  if (known === undefined) throw new Error(`subscription ${reference} has a schedule and is not there`);
  return { ...known, now: await takeRecordedTime(sql) };
}

function requireNotCanceled({ subscription, now }: Held, operation: string): void {
  const state = stateAt(subscription, now);
  if (state === 'CANCELED') throw errors.WRONG_STATE({ subscription: subscription.reference, state, operation, needed: 'PENDING or ACTIVE' });
}

async function cancelTimeOf(tx: Transaction, organizationId: string, { timing, time }: Cancel, { subscription, now }: Held): Promise<Instant> {
  if (time !== null) return time;
  return timing === 'NOW' ? now : await periodEndAfter(tx, organizationId, subscription, now);
}

/** The end of the period that is running, or of the first one: as persisted, and for cycles not opened yet as it will be. */
async function periodEndAfter(tx: Transaction, organizationId: string, { reference, cadence, startTime }: Subscription, now: Instant): Promise<Instant> {
  const [last] = await findLastTwoCycles(tx, organizationId, reference);
  if (last !== undefined && last.end > now) return last.end;
  // Reckoned and not walked to: a hundred missed years of days take seconds, and the fence is held.
  const running = cycleIndexAt(cadence, laterOf(now, startTime), startTime);
  return cycleBounds(cadence, Math.max(running, (last?.index ?? 0) + 1), startTime).end;
}

function requireInRange(fields: Fields, { timing }: Cancel, cancelTime: Instant, { subscription, now }: Held): void {
  if (timing !== 'AT_TIME') return;
  if (cancelTime < subscription.startTime) fields.refuse('cancel_time', 'OUT_OF_RANGE', "Must not lie before the subscription's start_time.");
  if (cancelTime - now > DISTANCE_MICROS_MAX) fields.refuse('cancel_time', 'OUT_OF_RANGE', "Must lie within 100 years of the organization's clock.");
}

/** What happened, before it has its number and its recorded time. */
type Happening = { readonly kind: 'CANCELED'; readonly effectiveTime: Instant; readonly reason: string } | { readonly kind: 'CANCEL_UNDONE'; readonly effectiveTime: Instant };

async function record(tx: Transaction, organizationId: string, { subscription, facts, now }: Held, happening: Happening) {
  const fact: SubscriptionFact = { ...happening, sequence: facts.length + 1, recordedTime: now };
  const cancel = cancelInForce([...facts, fact]);
  await lockCustomer(tx, subscription.customerReference);
  await requireFreeMeters(sqlOf(tx), subscription, { end: cancel?.effectiveTime ?? null });
  await insertFact(tx, organizationId, subscription.reference, fact);
  await reschedule(tx, organizationId, subscription, cancel);
  return subscriptionToProto({ ...subscription, cancelTime: cancel?.effectiveTime ?? null }, now);
}
