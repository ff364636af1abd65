/** CheckUsage: whether the events that a run counts are those that were recorded. */
import type { CallContext } from '@valora/chassis';
import type { CheckUsageRequest, CheckUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import { findMisplacedCorrection } from './correction-fault-store.ts';
import type { Dependencies } from './dependencies.ts';
import { refuseArchivedQueries } from './usage-archive.ts';
import { findFirstFault } from './usage-fault-store.ts';
import { correctionFaultOf, faultOf } from './usage-fault.ts';
import { parseUsageQueries } from './usage-query.ts';

/** Of one key, what is wrong with the event comes before what is wrong with its void or release. */
export async function checkUsage({ database }: Dependencies, { organizationId }: CallContext, request: CheckUsageRequest): Promise<CheckUsageResponse> {
  const queries = parseUsageQueries(request.queries);
  return await database.bulk(organizationId, async (sql) => {
    await refuseArchivedQueries(sql, queries); // a key whose event is archived would look like one whose event is gone
    const stored = await findFirstFault(sql, organizationId, queries);
    const correction = await findMisplacedCorrection(sql, organizationId, queries);
    if (correction !== null && (stored === null || correction.idempotencyKey < stored.idempotencyKey)) return { firstFault: correctionFaultOf(correction) };
    return { firstFault: stored === null ? undefined : faultOf(stored) };
  });
}
