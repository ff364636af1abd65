// ReleaseCycles: the run of a claimed cycle failed; it is given out again after a delay, not before.
import { commonErrors, Fields, type CallContext } from '@valora/chassis';
import type { ReleaseCyclesRequest, ReleaseCyclesResponse } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { lockCycles, releaseLeases } from './billing-cycle-store.ts';
import { cycleKey, parseCycleName } from './cycle-name.ts';
import type { SubscriptionDatabase } from './database.ts';

const RELEASED_MAX = 1_000;
const RETRY_DELAY_MICROS_MAX = 3_600_000_000n;

export async function releaseCycles(database: SubscriptionDatabase, { organizationId }: CallContext, request: ReleaseCyclesRequest): Promise<ReleaseCyclesResponse> {
  const fields = new Fields();
  fields.count('cycles', request.cycles, { min: 1, max: RELEASED_MAX });
  const released = request.cycles.slice(0, RELEASED_MAX).map((cycle, position) => parseCycleName(fields, `cycles[${position}]`, cycle));
  const delayMicros = fields.durationMicros('retry_delay', request.retryDelay, { microsMax: RETRY_DELAY_MICROS_MAX });
  fields.check();
  await database.bulk(organizationId, async (sql) => {
    const found = new Set((await lockCycles(sql, released)).map(cycleKey));
    const absent = released.find((name) => !found.has(cycleKey(name)));
    if (absent !== undefined) throw commonErrors.NOT_FOUND({ resource: 'billing cycle', name: cycleKey(absent) });
    await releaseLeases(sql, { released, delayMicros });
  });
  return {};
}
