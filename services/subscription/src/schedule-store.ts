// The schedule of a subscription: which cycle opens next and whether a cancel ends that. A row that is moved on under its lock,
// so that opening, canceling and taking back come one after the other.
import { sqlOf, touchDueWork, type Sql } from '@valora/chassis';
import { cancelDoneTime, cycleCutoff, firstCutoff, instant, type CanceledFact, type Instant } from '@valora/rating';
import { findLastTwoCycles, moveCutoff } from './billing-cycle-store.ts';
import type { Transaction } from './database.ts';
import { CLOSE_CYCLES, OPEN_CYCLES } from './due-work-kind.ts';
import type { Subscription } from './subscription.ts';

/** Locks a subscription's schedule until the transaction ends; false if there is no such subscription. Call takeRecordedTime before and after. */
export async function holdSchedule(sql: Sql, reference: string): Promise<boolean> {
  const held = await sql.query('select next_cycle_index from subscription_schedule where organization_id = current_organization() and subscription_reference = $1 for update', [reference]);
  return held.length > 0;
}

/**
 * Goes by another cancel, or by none. A cancel that is still to come can be in the last opened cycle or later, never in an earlier
 * one: that one's end has passed. Needs holdSchedule.
 */
export async function reschedule(tx: Transaction, organizationId: string, subscription: Subscription, cancel: CanceledFact | null): Promise<void> {
  const { reference } = subscription;
  const doneTime = cancel === null ? null : cancelDoneTime(cancel);
  const { nextOpenTime } = await tx.subscriptionSchedule.update({
    where: { organizationId_subscriptionReference: { organizationId, subscriptionReference: reference } },
    data: { cancelTime: cancel?.effectiveTime ?? null, cancelDoneTime: doneTime, settlementCheckTime: canHaveLateUsage(subscription, cancel) ? doneTime : null },
  });
  const cutoff = await moveLastCutoff(tx, organizationId, subscription, doneTime);
  const sql = sqlOf(tx);
  const openingTime = doneTime !== null && doneTime < nextOpenTime ? doneTime : instant(nextOpenTime);
  await touchDueWork(sql, OPEN_CYCLES, openingTime);
  if (cutoff !== null) await touchDueWork(sql, CLOSE_CYCLES, cutoff);
}

/** Usage can be billed only of a meter, and of a time in service. */
function canHaveLateUsage({ startTime, items }: Subscription, cancel: CanceledFact | null): boolean {
  return cancel !== null && cancel.effectiveTime > startTime && items.some(({ meterCode }) => meterCode !== null);
}

/** The new cutoff of the last opened cycle; null if it stays. */
async function moveLastCutoff(tx: Transaction, organizationId: string, { reference, startTime: start, recordedTime }: Subscription, doneTime: Instant | null): Promise<Instant | null> {
  const [last, before] = await findLastTwoCycles(tx, organizationId, reference);
  if (last === undefined) return null;
  const previousCutoff = before?.cutoff ?? firstCutoff({ start, subscriptionRecordedTime: recordedTime });
  const cutoff = cycleCutoff({ previousCutoff, end: last.end, cancelDoneTime: doneTime, subscriptionRecordedTime: recordedTime, graceMicros: last.graceMicros });
  if (cutoff === last.cutoff) return null;
  await moveCutoff(tx, organizationId, last, cutoff);
  return cutoff;
}
