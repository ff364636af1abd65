// ListSetAsideCycles and RetryCycle: what keeps failing is shown with its error, and tried again when somebody says so.
import { commonErrors, Fields, mutate, paged, parsePage, sqlOf, timestampFromInstant, touchDueWork, type CallContext, type RecordingDependencies } from '@valora/chassis';
import {
  BillingCycleServiceService, type ListSetAsideCyclesRequest, type ListSetAsideCyclesResponse, type RetryCycleRequest, type RetryCycleResponse,
} from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { lockCycles } from './billing-cycle-store.ts';
import { billingCycleToProto } from './billing-cycle.ts';
import { listSetAsideAfter, putBack } from './cycle-failure-store.ts';
import { cycleKey, parseCycleName, type CycleName } from './cycle-name.ts';
import type { SubscriptionDatabase, Transaction } from './database.ts';
import { CLOSE_CYCLES } from './due-work-kind.ts';
import { errors } from './errors.ts';

const INDEX = /^[0-9]{1,9}$/;

export async function listSetAsideCycles(database: SubscriptionDatabase, { organizationId }: CallContext, request: ListSetAsideCyclesRequest): Promise<ListSetAsideCyclesResponse> {
  const page = parsePage(request, 2);
  const after = cycleAfter(page.after);
  const found = await database.transaction(organizationId, (tx) => listSetAsideAfter(tx, organizationId, { after, limit: page.size + 1 }));
  const { rows, nextPageToken } = paged(found, page, ({ cycle }) => [cycle.subscriptionReference, String(cycle.index)]);
  return {
    cycles: rows.map(({ cycle, failureCount, reason, message, failureTime }) =>
      ({ cycle: billingCycleToProto(cycle), failureCount, reason, message, failureTime: timestampFromInstant(failureTime) })),
    nextPageToken,
  };
}

function cycleAfter(key: readonly string[] | null): CycleName | null {
  const [subscriptionReference, index] = key ?? [];
  if (subscriptionReference === undefined || index === undefined) return null;
  const fields = new Fields();
  if (!INDEX.test(index)) fields.refuse('page_token', 'MALFORMED', 'Is not a token of this list. Send the next_page_token of the last response.');
  fields.check();
  return { subscriptionReference, index: Number(index) };
}

export async function retryCycle(dependencies: RecordingDependencies<Transaction>, context: CallContext, request: RetryCycleRequest): Promise<RetryCycleResponse> {
  const fields = new Fields();
  fields.requestId(request.requestId);
  const name = parseCycleName(fields, 'cycle', request.cycle);
  fields.check();
  return await mutate(dependencies, { context, method: BillingCycleServiceService.retryCycle, request }, async (tx) => {
    const sql = sqlOf(tx);
    const [cycle] = await lockCycles(sql, [name]);
    if (cycle === undefined) throw commonErrors.NOT_FOUND({ resource: 'billing cycle', name: cycleKey(name) });
    if (!(await putBack(sql, name))) throw errors.CYCLE_NOT_SET_ASIDE({ subscription: name.subscriptionReference, cycle_index: String(name.index) });
    await touchDueWork(sql, CLOSE_CYCLES, cycle.cutoff);
    return {};
  });
}
