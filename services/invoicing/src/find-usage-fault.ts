// What was changed in the records of usage behind an amount, before the amount is looked at: two changes that cancel out, or
// one made before the close, move no sum.
import type { OutgoingContext } from '@valora/chassis';
import type { Difference } from '@valora/contracts/valora/invoicing/v1/invoice';
import type { UsageQuery } from '@valora/rating';
import type { Sources } from './load-run-facts.ts';
import { usageQueryToProto } from './usage-answer.ts';

/** As many as a run of 100 metered items in 50 cycles asks. */
const QUERIES_PER_CALL_MAX = 5_000;

/** The first event or key, in byte order of the keys within a call, that is not as it was recorded; `null` if all are. */
export async function findUsageFault({ usage }: Sources, context: OutgoingContext, queries: readonly UsageQuery[]): Promise<Difference | null> {
  for (let start = 0; start < queries.length; start += QUERIES_PER_CALL_MAX) {
    const messages = queries.slice(start, start + QUERIES_PER_CALL_MAX).map((query) => usageQueryToProto(query, query.queryKey));
    const { firstFault } = await usage.checkUsage(context, { queries: messages });
    if (firstFault === undefined) continue;
    const { idempotencyKey, column, storedValue, derivedValue } = firstFault;
    return { path: column.replace('.', `[${idempotencyKey}].`), storedValue, derivedValue };
  }
  return null;
}
