// CompleteCycles: CLOSING → CLOSED with the digest of the stored run, all of a request or none.
import { appendAuditRecords, commonErrors, Fields, takeRecordedTime, type CallContext } from '@valora/chassis';
import { BillingCycleServiceService, type CompleteCyclesRequest, type CompleteCyclesResponse } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { closeCycles, lockCycles } from './billing-cycle-store.ts';
import { completes } from './billing-cycle.ts';
import { cycleKey, parseCycleName, type CycleName } from './cycle-name.ts';
import type { SubscriptionDatabase } from './database.ts';

interface Completion extends CycleName {
  readonly runDigest: string;
}

const COMPLETED_MAX = 1_000;
const SHA_256_HEX = /^[0-9a-f]{64}$/;

export async function completeCycles(database: SubscriptionDatabase, context: CallContext, request: CompleteCyclesRequest): Promise<CompleteCyclesResponse> {
  const completions = parseCompletions(request);
  await database.bulk(context.organizationId, async (sql) => {
    const cycles = new Map((await lockCycles(sql, completions)).map((cycle) => [cycleKey(cycle), cycle]));
    const closed = completions.filter((completion) => {
      const cycle = cycles.get(cycleKey(completion));
      if (cycle === undefined) throw commonErrors.NOT_FOUND({ resource: 'billing cycle', name: cycleKey(completion) });
      return completes(cycle, completion.runDigest);
    });
    if (closed.length === 0) return;
    const recordedTime = await takeRecordedTime(sql);
    await closeCycles(sql, closed);
    await appendAuditRecords(sql, { context, action: BillingCycleServiceService.completeCycles.path, recordedTime }, closed.map(({ subscriptionReference, index, runDigest }) =>
      ({ subject: `billing cycle ${subscriptionReference}/${index}`, change: { state: 'CLOSED', run_digest: runDigest } })));
  });
  return {};
}

function parseCompletions({ completed }: CompleteCyclesRequest): readonly Completion[] {
  const fields = new Fields();
  fields.count('completed', completed, { min: 1, max: COMPLETED_MAX });
  const named = new Set<string>();
  const completions = completed.slice(0, COMPLETED_MAX).map(({ cycle, runDigest }, position) => {
    const field = `completed[${position}]`;
    const name = parseCycleName(fields, `${field}.cycle`, cycle);
    if (!SHA_256_HEX.test(runDigest)) fields.refuse(`${field}.run_digest`, 'MALFORMED', 'Must be SHA-256 in lower-case hexadecimal.');
    if (named.has(cycleKey(name))) fields.refuse(`${field}.cycle`, 'REPEATED', 'Must be named once.');
    named.add(cycleKey(name));
    return { ...name, runDigest };
  });
  fields.check();
  return completions;
}
