// ReleaseCycles: claimed cycles go back, to be given out again after a delay. One whose run failed is counted, and waits
// longer each time or is set aside; one that was only broken off is not.
import { commonErrors, Fields, type CallContext } from '@valora/chassis';
import { BillingCycleServiceService, type ReleaseCyclesRequest, type ReleaseCyclesResponse } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { lockCycles, releaseLeases } from './billing-cycle-store.ts';
import { countFailures } from './count-failures.ts';
import { heldCycles, type CountedFailure, type CycleFailure } from './cycle-failure-store.ts';
import { cycleKey, parseCycleName, parseLeaseHolder, type CycleName } from './cycle-name.ts';
import type { SubscriptionDatabase } from './database.ts';

const RELEASED_MAX = 1_000;
const RETRY_DELAY_MICROS_MAX = 3_600_000_000n;
const MESSAGE_LENGTH_MAX = 1_000;
const REASON = /^[A-Z][A-Z0-9_]{0,63}$/;

interface Release {
  readonly released: readonly CycleName[];
  readonly delayMicros: bigint;
  readonly failures: readonly CycleFailure[];
  readonly leaseHolder: string;
}

export async function releaseCycles(database: SubscriptionDatabase, context: CallContext, request: ReleaseCyclesRequest): Promise<ReleaseCyclesResponse> {
  const { released, delayMicros, failures, leaseHolder } = parseRelease(request);
  await database.bulk(context.organizationId, async (sql) => {
    const named = [...released, ...failures];
    const found = new Set((await lockCycles(sql, named)).map(cycleKey));
    const absent = named.find((name) => !found.has(cycleKey(name)));
    if (absent !== undefined) throw commonErrors.NOT_FOUND({ resource: 'billing cycle', name: cycleKey(absent) });
    // What its holder no longer holds is another's by now, or back already: it is left as it is.
    const held = await heldCycles(sql, named, leaseHolder);
    await releaseLeases(sql, { released: released.filter((name) => held.has(cycleKey(name))), delayMicros });
    const counted = failures.flatMap((failure): CountedFailure[] => {
      const before = held.get(cycleKey(failure));
      return before === undefined ? [] : [{ failure, failureCount: before + 1 }];
    });
    await countFailures(sql, { context, action: BillingCycleServiceService.releaseCycles.path }, counted);
  });
  return {};
}

function parseRelease({ cycles, failed, retryDelay, leaseHolder }: ReleaseCyclesRequest): Release {
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
  const holder = parseLeaseHolder(fields, leaseHolder);
  fields.check();
  return { released, delayMicros, failures, leaseHolder: holder };
}
