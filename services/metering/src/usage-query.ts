/**
 * A usage query: how much one customer used of one meter in a part of time, as it was known before an instant.
 *
 * The instant of knowledge makes the answer repeatable: once metering is sealed through it, the same query has the same answer for ever. The trap: an event that names
 * no subscription may belong to any of the customer's, so it is counted for whichever subscription asks.
 */
import type { Fields } from '@valora/chassis';
import type { UsageQuery as UsageQueryMessage } from '@valora/contracts/valora/metering/v1/usage';
import type { Instant, Interval } from '@valora/rating';
import { parseQueries, parseSubscription } from './query-fields.ts';

export interface UsageQuery {
  readonly meterCode: string;
  readonly customerReference: string;
  /** Empty: only events that name no subscription. */
  readonly subscriptionReference: string;
  /** By event time. */
  readonly interval: Interval;
  /** Events recorded at or after this instant don't count. */
  readonly knownBefore: Instant;
}

export function parseUsageQueries(messages: readonly UsageQueryMessage[]): UsageQuery[] {
  return parseQueries(messages, parseQuery);
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
