// ReleaseCycles: claimed cycles go back, to be given out again after a delay. One whose run failed is counted, and waits
// longer each time or is set aside; one that was only broken off is not.
import { appendAuditRecords, commonErrors, Fields, takeRecordedTime, type CallContext } from '@valora/chassis';
import { BillingCycleServiceService, type ReleaseCyclesRequest, type ReleaseCyclesResponse } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { lockCycles, releaseLeases } from './billing-cycle-store.ts';
import { failureCounts, isSandbox, storeFailures, type CycleFailure } from './cycle-failure-store.ts';
import { afterFailure, FAILURES_MAX } from './cycle-failure.ts';
import { cycleKey, parseCycleName, type CycleName } from './cycle-name.ts';
import type { SubscriptionDatabase } from './database.ts';

const RELEASED_MAX = 1_000;
const RETRY_DELAY_MICROS_MAX = 3_600_000_000n;
const MESSAGE_LENGTH_MAX = 1_000;
const REASON = /^[A-Z][A-Z0-9_]{0,63}$/;

interface Release {
  readonly released: readonly CycleName[];
  readonly delayMicros: bigint;
  readonly failures: readonly CycleFailure[];
}

export async function releaseCycles(database: SubscriptionDatabase, context: CallContext, request: ReleaseCyclesRequest): Promise<ReleaseCyclesResponse> {
  const { released, delayMicros, failures } = parseRelease(request);
  await database.bulk(context.organizationId, async (sql) => {
    const named = [...released, ...failures];
    const found = new Set((await lockCycles(sql, named)).map(cycleKey));
    const absent = named.find((name) => !found.has(cycleKey(name)));
    if (absent !== undefined) throw commonErrors.NOT_FOUND({ resource: 'billing cycle', name: cycleKey(absent) });
    if (released.length > 0) await releaseLeases(sql, { released, delayMicros });
    if (failures.length === 0) return;
    const sandbox = await isSandbox(sql);
    const counts = await failureCounts(sql, failures);
    const counted = failures.map((failure, position) => {
      const failureCount = (counts[position] ?? 0) + 1;
      return { failure, failureCount, after: afterFailure(failureCount, { sandbox }) };
    });
    const setAside = counted.filter(({ failureCount, after }) => after.kind === 'SET_ASIDE' && failureCount === FAILURES_MAX);
    const recordedTime = setAside.length > 0 ? await takeRecordedTime(sql) : null;
    await storeFailures(sql, counted);
    if (recordedTime === null) return;
    await appendAuditRecords(sql, { context, action: BillingCycleServiceService.releaseCycles.path, recordedTime }, setAside.map(({ failure: { subscriptionReference, index, reason } }) =>
      ({ subject: `billing cycle ${subscriptionReference}/${index}`, change: { set_aside: true, reason } })));
  });
  return {};
}

function parseRelease({ cycles, failed, retryDelay }: ReleaseCyclesRequest): Release {
  const fields = new Fields();
  fields.count('cycles', [...cycles, ...failed], { min: 1, max: RELEASED_MAX });
  const released = cycles.slice(0, RELEASED_MAX).map((cycle, position) => parseCycleName(fields, `cycles[${position}]`, cycle));
  const failures = failed.slice(0, RELEASED_MAX).map(({ cycle, reason, message }, position) => {
    if (!REASON.test(reason)) fields.refuse(`failed[${position}].reason`, 'MALFORMED', 'Must be 1 to 64 of A-Z, 0-9 and `_`, starting with a letter.');
    return { ...parseCycleName(fields, `failed[${position}].cycle`, cycle), reason, message: fields.text(`failed[${position}].message`, message, { lengthMax: MESSAGE_LENGTH_MAX }) };
  });
  const named = new Set<string>();
  for (const name of [...released, ...failures]) {
    if (named.has(cycleKey(name))) fields.refuse('cycles', 'REPEATED', `Each cycle must be named once; ${cycleKey(name)} is named again.`);
    named.add(cycleKey(name));
  }
  const delayMicros = fields.durationMicros('retry_delay', retryDelay, { microsMax: RETRY_DELAY_MICROS_MAX });
  fields.check();
  return { released, delayMicros, failures };
}
