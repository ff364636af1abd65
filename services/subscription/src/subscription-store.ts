// All SQL of subscriptions: their identity, facts and items, and the row that says when their next cycle opens.
import { commonErrors, isUniqueViolation, type Sql } from '@valora/chassis';
import { instant, parseDecimal, type Instant, type PeriodInterval } from '@valora/rating';
import type { Transaction } from './database.ts';
import type { Prisma } from './generated/prisma/client.ts';
import { payloadOfFact, storedFact, type SubscriptionFact } from './subscription-fact.ts';
import type { SubscribedItem, Subscription } from './subscription.ts';

const withItems = { items: { orderBy: { position: 'asc' } }, schedule: { select: { cancelTime: true } } } as const satisfies Prisma.SubscriptionInclude;
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
    cancelTime: row.schedule === null || row.schedule.cancelTime === null ? null : instant(row.schedule.cancelTime),
  };
}

function factFromRow({ sequence, effectiveTime, recordedTime, kind, payload }: FactRow): SubscriptionFact {
  return storedFact({ sequence, effectiveTime: instant(effectiveTime), recordedTime: instant(recordedTime) }, kind, payload);
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

/**
 * Another subscription of the customer that has one of these items' meters at some moment of [start, end), which is empty where it was canceled
 * before it began; null if there is none. Null for `end` is open. Needs lockCustomer.
 */
export async function findOtherOnMeter(
  sql: Sql,
  { reference, customerReference, items, start, end }: { reference: string; customerReference: string; items: readonly SubscribedItem[]; start: Instant; end: Instant | null },
): Promise<{ subscriptionReference: string; meterCode: string } | null> {
  const [row] = await sql.query<{ subscription_reference: string; meter_code: string }>(
    `select item.subscription_reference, item.meter_code from subscription_item item
     join subscription_schedule schedule on schedule.organization_id = item.organization_id and schedule.subscription_reference = item.subscription_reference
     where item.organization_id = current_organization() and item.customer_reference = $1 and item.meter_code = any($2::text[]) and item.subscription_reference <> $3
       and $4::bigint < coalesce($5::bigint, $4::bigint + 1) and item.start_time < coalesce($5::bigint, item.start_time + 1)
       and (schedule.cancel_time is null or schedule.cancel_time > greatest($4::bigint, item.start_time))
     order by item.subscription_reference, item.position limit 1`,
    [customerReference, items.flatMap(({ meterCode }) => meterCode ?? []), reference, start, end]);
  return row === undefined ? null : { subscriptionReference: row.subscription_reference, meterCode: row.meter_code };
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
