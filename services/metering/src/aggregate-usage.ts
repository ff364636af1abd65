/**
 * AggregateUsage: many quantities in one pass over the database.
 *
 * Each query reads one range of the primary key, so its cost follows the events it counts and not the size of the table. What comes out equals the fold of the rating
 * core over the same events to the last digit; a test holds the two together.
 */
import { commonErrors, type CallContext } from '@valora/chassis';
import type { AggregateUsageRequest, AggregateUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import { aggregateInSql } from './aggregation-store.ts';
import type { Dependencies } from './dependencies.ts';
import type { MeterCache } from './meter-store.ts';
import { refuseArchived } from './usage-archive.ts';
import { parseUsageQueries } from './usage-query.ts';

export async function aggregateUsage(
  { database, meters }: Dependencies & { readonly meters: MeterCache }, { organizationId }: CallContext, request: AggregateUsageRequest,
): Promise<AggregateUsageResponse> {
  const queries = parseUsageQueries(request.queries);
  const codes = new Set(queries.map(({ meterCode }) => meterCode));
  const known = await meters.find(organizationId, codes);
  for (const code of codes) {
    if (!known.has(code)) throw commonErrors.NOT_FOUND({ resource: 'meter', name: code });
  }
  const usages = await database.bulk(organizationId, async (sql) => {
    await refuseArchived(sql, queries.map(({ interval }) => interval));
    return await aggregateInSql(sql, organizationId, queries);
  });
  return { usages: usages.map((usage, index) => ({ queryKey: request.queries[index]?.queryKey ?? '', carriedIn: '', eventValues: [], groups: [], ...usage })) };
}
