/**
 * FindLateUsage: the earliest event of an earlier part of time that became known in a later range.
 *
 * A billing run asks this to learn how far back its earlier cycles may have changed. It looks at what was recorded, not at what counts: an event that a meter's filters
 * leave out may be found too, and then the cycle is computed again without a difference.
 */
import { Fields, timestampFromInstant, type CallContext } from '@valora/chassis';
import type { FindLateUsageRequest, FindLateUsageResponse, LateUsageQuery as LateUsageQueryMessage } from '@valora/contracts/valora/metering/v1/usage';
import type { Interval } from '@valora/rating';
import type { Dependencies } from './dependencies.ts';
import { findEarliestLate } from './late-usage-store.ts';
import { parseQueryKeys, parseSubscription, QUERIES_MAX } from './query-fields.ts';

export interface LateUsageQuery {
  readonly customerReference: string;
  readonly subscriptionReference: string;
  readonly meterCodes: readonly string[];
  readonly eventInterval: Interval;
  /** Starts at or after the end of `eventInterval`. */
  readonly recordedInterval: Interval;
}

const METERS_MAX = 100;

export async function findLateUsage({ database }: Dependencies, { organizationId }: CallContext, request: FindLateUsageRequest): Promise<FindLateUsageResponse> {
  const queries = parseRequest(request);
  const earliest = await database.bulk(organizationId, (sql) => findEarliestLate(sql, organizationId, queries));
  const lateUsages = request.queries.flatMap(({ queryKey }, index) => {
    const eventTime = earliest.get(index);
    return eventTime === undefined ? [] : [{ queryKey, earliestEventTime: timestampFromInstant(eventTime) }];
  });
  return { lateUsages };
}

function parseRequest({ queries }: FindLateUsageRequest): LateUsageQuery[] {
  const fields = new Fields();
  fields.count('queries', queries, { min: 1, max: QUERIES_MAX });
  fields.check();
  parseQueryKeys(fields, queries);
  const parsed = queries.map((query, index) => parseQuery(fields, `queries[${index}]`, query));
  fields.check();
  return parsed;
}

function parseQuery(fields: Fields, field: string, { customer, subscription, meters, eventPeriod, recordedPeriod }: LateUsageQueryMessage): LateUsageQuery {
  fields.count(`${field}.meters`, meters, { min: 1, max: METERS_MAX });
  const query = {
    customerReference: fields.reference(`${field}.customer`, customer),
    subscriptionReference: parseSubscription(fields, `${field}.subscription`, subscription),
    meterCodes: meters.slice(0, METERS_MAX).map((code, index) => fields.code(`${field}.meters[${index}]`, code)),
    eventInterval: fields.period(`${field}.event_period`, eventPeriod),
    recordedInterval: fields.period(`${field}.recorded_period`, recordedPeriod),
  };
  if (query.recordedInterval.start < query.eventInterval.end) {
    fields.refuse(`${field}.recorded_period`, 'OUT_OF_ORDER', 'Must not start before event_period ends: what is recorded within its own period is not late.');
  }
  return query;
}
