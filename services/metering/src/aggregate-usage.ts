/**
 * AggregateUsage: many quantities in one pass over the database.
 *
 * Each query reads one range of the primary key, so its cost follows the events it counts and not the size of the table. What comes out equals the fold of
 * the rating core over the same events to the last digit; a test holds the two together.
 */
import { commonErrors, Fields, type CallContext } from '@valora/chassis';
import type { AggregateUsageRequest, AggregateUsageResponse, UsageQuery as UsageQueryMessage } from '@valora/contracts/valora/metering/v1/usage';
import type { Instant, Interval } from '@valora/rating';
import { aggregateInSql } from './aggregation-store.ts';
import type { Dependencies } from './dependencies.ts';
import type { MeterCache } from './meter-store.ts';
import { parseQueryKeys, parseSubscription, QUERIES_MAX } from './query-fields.ts';

export interface UsageQuery {
  readonly meterCode: string;
  readonly customerReference: string;
  readonly subscriptionReference: string;
  /** By event time. */
  readonly interval: Interval;
  /** Events recorded at or after this instant don't count. */
  readonly knownBefore: Instant;
}

export async function aggregateUsage(
  { database, meters }: Dependencies & { readonly meters: MeterCache }, { organizationId }: CallContext, request: AggregateUsageRequest,
): Promise<AggregateUsageResponse> {
  const queries = parseRequest(request);
  const codes = new Set(queries.map(({ meterCode }) => meterCode));
  const known = await meters.find(organizationId, codes);
  for (const code of codes) {
    if (!known.has(code)) throw commonErrors.NOT_FOUND({ resource: 'meter', name: code });
  }
  const usages = await database.bulk(organizationId, (sql) => aggregateInSql(sql, organizationId, queries));
  return { usages: usages.map((usage, index) => ({ queryKey: request.queries[index]?.queryKey ?? '', ...usage })) };
}

function parseRequest({ queries }: AggregateUsageRequest): UsageQuery[] {
  const fields = new Fields();
  fields.count('queries', queries, { min: 1, max: QUERIES_MAX });
  fields.check();
  parseQueryKeys(fields, queries);
  const parsed = queries.map((query, index) => parseQuery(fields, `queries[${index}]`, query));
  fields.check();
  return parsed;
}

function parseQuery(fields: Fields, field: string, { meter, customer, subscription, period, knownBeforeTime }: UsageQueryMessage): UsageQuery {
  return {
    meterCode: fields.code(`${field}.meter`, meter),
    customerReference: fields.reference(`${field}.customer`, customer),
    subscriptionReference: parseSubscription(fields, `${field}.subscription`, subscription),
    interval: fields.period(`${field}.period`, period),
    knownBefore: fields.instant(`${field}.known_before_time`, knownBeforeTime),
  };
}
