/** FindLateUsage: how far back a billing run's earlier cycles may have changed. */
import { timestampFromInstant, type CallContext } from '@valora/chassis';
import type { FindLateUsageRequest, FindLateUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import type { Dependencies } from './dependencies.ts';
import type { MeterCache } from './meter-store.ts';
import { parseLateUsageQueries } from './late-usage-query.ts';
import { findEarliestLate } from './late-usage-store.ts';
import { refuseArchivedLate } from './usage-archive.ts';

export async function findLateUsage({ database, meters }: Dependencies & { readonly meters: MeterCache }, { organizationId }: CallContext, request: FindLateUsageRequest): Promise<FindLateUsageResponse> {
  const queries = parseLateUsageQueries(request.queries);
  const known = await meters.find(organizationId, new Set(queries.flatMap(({ meterCodes }) => meterCodes)));
  const levelMeters = [...known.values()].flatMap(({ code, aggregation }) => (aggregation === 'WEIGHTED_SUM' ? [code] : []));
  const earliest = await database.bulk(organizationId, async (sql) => {
    await refuseArchivedLate(sql, queries);
    return await findEarliestLate(sql, organizationId, { queries, levelMeters });
  });
  const lateUsages = request.queries.flatMap(({ queryKey }, index) => {
    const late = earliest.get(index);
    return late === undefined ? [] : [{ queryKey, earliestEventTime: timestampFromInstant(late.eventTime), earliestRecordedTime: timestampFromInstant(late.recordedTime) }];
  });
  return { lateUsages };
}
