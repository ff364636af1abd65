/**
 * AggregateUsage: many quantities in one pass over the database.
 *
 * Each query reads one range of the primary key, so its cost follows the events it counts and not the size of the table. What comes out equals the fold of the rating
 * core over the same events to the last digit; a test holds the two together.
 */
import type { CallContext } from '@valora/chassis';
import type { AggregateUsageRequest, AggregateUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import type { AggregationLimits } from './answer-budget.ts';
import type { Dependencies } from './dependencies.ts';
import { aggregatedUsageToProto } from './usage-answer.ts';
import { refuseArchivedQueries } from './usage-archive.ts';
import { parseUsageQueries } from './usage-query.ts';
import { readUsage } from './usage-reading.ts';

/** `limits` other than the usual ones are for tests. */
export async function aggregateUsage(
  { database, limits }: Dependencies & { readonly limits?: AggregationLimits }, { organizationId }: CallContext, request: AggregateUsageRequest,
): Promise<AggregateUsageResponse> {
  const queries = parseUsageQueries(request.queries);
  const options = { needsDigest: true, storedLevels: request.useStoredLevels ? 'KEEP' : 'IGNORE', ...(limits === undefined ? {} : { limits }) } as const;
  const read = await database.bulk(organizationId, async (sql) => {
    await refuseArchivedQueries(sql, queries);
    return await readUsage(sql, organizationId, queries, options);
  });
  return { usages: queries.flatMap((query, index) => {
    const usage = read[index];
    return usage === undefined ? [] : [aggregatedUsageToProto(usage, query)];
  }) };
}
