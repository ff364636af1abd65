/**
 * A late usage query: what became known in a later range about an earlier part of time.
 *
 * What became known are events, voids and releases. It is asked about what was recorded, not about what counts: an event that a meter's filters leave out may be found too, and then the cycle is computed again without
 * a difference.
 */
import type { Fields } from '@valora/chassis';
import type { LateUsageQuery as LateUsageQueryMessage } from '@valora/contracts/valora/metering/v1/usage';
import type { Interval } from '@valora/rating';
import { parseQueries, parseSubscription } from './query-fields.ts';

export interface LateUsageQuery {
  readonly customerReference: string;
  /** Empty: only events that name no subscription. */
  readonly subscriptionReference: string;
  readonly meterCodes: readonly string[];
  readonly eventInterval: Interval;
  /** Starts at or after the end of `eventInterval`. */
  readonly recordedInterval: Interval;
}

const METERS_MAX = 100;

export function parseLateUsageQueries(messages: readonly LateUsageQueryMessage[]): LateUsageQuery[] {
  return parseQueries(messages, parseQuery);
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
