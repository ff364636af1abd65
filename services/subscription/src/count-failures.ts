// Noting failures of cycles, reported by ReleaseCycles or found by ClaimDueCycles as expired leases: when each comes back, or
// that it is set aside, which the audit log tells in the same transaction.
import { appendAuditRecords, takeRecordedTime, type CallContext, type Sql } from '@valora/chassis';
import { isSandbox, storeFailures, type CountedFailure } from './cycle-failure-store.ts';
import { afterFailure } from './cycle-failure.ts';

/** For locked cycles that are being closed and not set aside. */
export async function countFailures(sql: Sql, { context, action }: { readonly context: CallContext; readonly action: string }, failures: readonly CountedFailure[]): Promise<void> {
  if (failures.length === 0) return;
  const sandbox = await isSandbox(sql);
  const counted = failures.map(({ failure, failureCount }) => ({ failure, failureCount, after: afterFailure(failureCount, { sandbox, reason: failure.reason }) }));
  const setAside = counted.filter(({ after }) => after.kind === 'SET_ASIDE');
  const recordedTime = setAside.length > 0 ? await takeRecordedTime(sql) : null;
  await storeFailures(sql, counted);
  if (recordedTime === null) return;
  await appendAuditRecords(sql, { context, action, recordedTime }, setAside.map(({ failure: { subscriptionReference, index, reason } }) =>
    ({ subject: `billing cycle ${subscriptionReference}/${index}`, change: { set_aside: true, reason } })));
}
