/** FindLateUsage: how far back a billing run's earlier cycles may have changed. */
import { timestampFromInstant, type CallContext } from '@valora/chassis';
import type { FindLateUsageRequest, FindLateUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import type { Dependencies } from './dependencies.ts';
import { parseLateUsageQueries } from './late-usage-query.ts';
import { findEarliestLate } from './late-usage-store.ts';
import { refuseArchivedLate } from './usage-archive.ts';

export async function findLateUsage({ database }: Dependencies, { organizationId }: CallContext, request: FindLateUsageRequest): Promise<FindLateUsageResponse> {
  const queries = parseLateUsageQueries(request.queries);
  const earliest = await database.bulk(organizationId, async (sql) => {
    await refuseArchivedLate(sql, queries);
    return await findEarliestLate(sql, organizationId, queries);
  });
  const lateUsages = request.queries.flatMap(({ queryKey }, index) => {
    const late = earliest.get(index);
    return late === undefined ? [] : [{ queryKey, earliestEventTime: timestampFromInstant(late.eventTime), earliestRecordedTime: timestampFromInstant(late.recordedTime) }];
  });
  return { lateUsages };
}
