/** CheckUsage: whether the events that a run counts are those that were recorded. */
import type { CallContext } from '@valora/chassis';
import type { CheckUsageRequest, CheckUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import type { Dependencies } from './dependencies.ts';
import { refuseArchivedQueries } from './usage-archive.ts';
import { findFirstFault } from './usage-fault-store.ts';
import { faultOf } from './usage-fault.ts';
import { parseUsageQueries } from './usage-query.ts';

export async function checkUsage({ database }: Dependencies, { organizationId }: CallContext, request: CheckUsageRequest): Promise<CheckUsageResponse> {
  const queries = parseUsageQueries(request.queries);
  const found = await database.bulk(organizationId, async (sql) => {
    await refuseArchivedQueries(sql, queries); // a key whose event is archived would look like one whose event is gone
    return await findFirstFault(sql, organizationId, queries);
  });
  return { firstFault: found === null ? undefined : faultOf(found) };
}
