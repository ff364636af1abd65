// All SQL of subscriptions: their identity, facts and items, and the row that says when their next cycle opens.
import { commonErrors, isUniqueViolation } from '@valora/chassis';
import { instant, parseDecimal, type Instant, type PeriodInterval } from '@valora/rating';
import type { Transaction } from './database.ts';
import type { Prisma } from './generated/prisma/client.ts';
import { itemsFromPayload, payloadOfFact, type SubscriptionFact } from './subscription-fact.ts';
import type { SubscribedItem, Subscription } from './subscription.ts';

const withItems = { items: { orderBy: { position: 'asc' } } } as const satisfies Prisma.SubscriptionInclude;
const withItemsAndFacts = { ...withItems, facts: { orderBy: { sequence: 'asc' } } } as const satisfies Prisma.SubscriptionInclude;
type SubscriptionRow = Prisma.SubscriptionGetPayload<{ include: typeof withItems }>;
type FactRow = Prisma.SubscriptionFactGetPayload<object>;

export interface SubscriptionWithFacts {
  readonly subscription: Subscription;
  /** In the order of recording. */
  readonly facts: readonly SubscriptionFact[];
}

function subscriptionFromRow(row: SubscriptionRow): Subscription {
  return {
    reference: row.reference,
    customerReference: row.customerReference,
    planCode: row.planCode,
    planVersion: row.planVersion,
    cadence: { anchor: instant(row.anchorTime), interval: row.interval as PeriodInterval, count: row.intervalCount, zone: row.timeZone },
    startTime: instant(row.startTime),
    items: row.items.map(({ item, priceCode, quantity, meterCode }) => ({ item, priceCode, quantity: parseDecimal(quantity.toFixed()), meterCode })),
    recordedTime: instant(row.recordedTime),
  };
}

function factFromRow({ sequence, kind, effectiveTime, recordedTime, payload }: FactRow): SubscriptionFact {
  if (kind !== 'STARTED') throw new Error(`a subscription has a fact of the unknown kind ${kind}`);
  return { sequence, kind, effectiveTime: instant(effectiveTime), recordedTime: instant(recordedTime), items: itemsFromPayload(payload) };
}

/** Stores who subscribes to what, with its first cycle to be opened at its start. Errors: ALREADY_EXISTS. */
export async function insertSubscription(tx: Transaction, organizationId: string, subscription: Subscription): Promise<void> {
  const { reference, customerReference, planCode, planVersion, cadence, startTime, recordedTime } = subscription;
  try {
    await tx.subscription.create({
      data: {
        organizationId, reference, customerReference, planCode, planVersion, startTime, recordedTime,
        timeZone: cadence.zone, anchorTime: cadence.anchor, interval: cadence.interval, intervalCount: cadence.count,
      },
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw commonErrors.ALREADY_EXISTS({ resource: 'subscription', name: reference });
    throw error;
  }
  await tx.subscriptionSchedule.create({ data: { organizationId, subscriptionReference: reference, nextCycleIndex: 1, nextOpenTime: startTime } });
}

export async function insertItems(tx: Transaction, organizationId: string, { reference, customerReference, startTime, items }: Subscription): Promise<void> {
  await tx.subscriptionItem.createMany({
    data: items.map((item, position) => ({ organizationId, subscriptionReference: reference, position, customerReference, startTime, ...item })),
  });
}

export async function insertFact(tx: Transaction, organizationId: string, subscriptionReference: string, fact: SubscriptionFact): Promise<void> {
  const { sequence, kind, effectiveTime, recordedTime } = fact;
  await tx.subscriptionFact.create({ data: { organizationId, subscriptionReference, sequence, kind, effectiveTime, recordedTime, payload: payloadOfFact(fact) } });
}

/** An item of the customer on one of these meters that is live at `from` or later; null if there is none. Needs lockCustomer. */
export async function findLiveItemOnMeter(
  tx: Transaction,
  organizationId: string,
  { customerReference, items, from }: { customerReference: string; items: readonly SubscribedItem[]; from: Instant },
): Promise<{ subscriptionReference: string; meterCode: string } | null> {
  const meterCodes = items.flatMap(({ meterCode }) => meterCode ?? []);
  const row = await tx.subscriptionItem.findFirst({
    where: { organizationId, customerReference, meterCode: { in: meterCodes }, OR: [{ endTime: null }, { endTime: { gt: from } }] },
    orderBy: [{ subscriptionReference: 'asc' }, { position: 'asc' }],
  });
  return row === null || row.meterCode === null ? null : { subscriptionReference: row.subscriptionReference, meterCode: row.meterCode };
}

export async function findSubscription(tx: Transaction, organizationId: string, reference: string): Promise<Subscription | null> {
  const row = await tx.subscription.findUnique({ where: { organizationId_reference: { organizationId, reference } }, include: withItems });
  return row === null ? null : subscriptionFromRow(row);
}

/** Those of the references that exist, with their facts. */
export async function findSubscriptionsWithFacts(tx: Transaction, organizationId: string, references: readonly string[]): Promise<readonly SubscriptionWithFacts[]> {
  const rows = await tx.subscription.findMany({ where: { organizationId, reference: { in: [...references] } }, include: withItemsAndFacts });
  return rows.map((row) => ({ subscription: subscriptionFromRow(row), facts: row.facts.map(factFromRow) }));
}

/** Up to `limit` subscriptions after a reference, by reference; of one customer if named. */
export async function listSubscriptionsAfter(
  tx: Transaction,
  organizationId: string,
  { customerReference, after, limit }: { customerReference: string | null; after: string | null; limit: number },
): Promise<readonly Subscription[]> {
  const rows = await tx.subscription.findMany({
    where: { organizationId, ...(customerReference === null ? {} : { customerReference }), ...(after === null ? {} : { reference: { gt: after } }) },
    include: withItems,
    orderBy: { reference: 'asc' },
    take: limit,
  });
  return rows.map(subscriptionFromRow);
}
