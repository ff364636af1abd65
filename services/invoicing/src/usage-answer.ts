// What a run asks of metering and what metering answers, between the contract and the plain data of the rating package.
import { timestampFromInstant } from '@valora/chassis';
import type { AggregatedUsage as AggregatedUsageMessage, UsageQuery as UsageQueryMessage } from '@valora/contracts/valora/metering/v1/usage';
import type { Lateness as LatenessMessage } from '@valora/contracts/valora/metering/v1/lateness';
import type { GroupUsage as GroupUsageMessage } from '@valora/contracts/valora/metering/v1/usage_quantity';
import type { AggregatedUsage, ExactJson, Instant, Interval, Lateness, UsageQuery } from '@valora/rating';

export function usageQueryToProto(query: UsageQuery, queryKey: string): UsageQueryMessage {
  return {
    queryKey,
    meter: query.meterCode,
    customer: query.customerReference,
    subscription: query.subscriptionReference,
    period: periodToProto(query.interval),
    knownBeforeTime: timestampFromInstant(query.knownBefore),
    fullPeriod: periodToProto(query.period),
    groupBy: query.groupBy,
    needsEventValues: query.needsEventValues,
    lateness: query.lateness === undefined ? undefined : { policy: latenessToProto(query.lateness) },
  };
}

function latenessToProto(lateness: Lateness): NonNullable<LatenessMessage['policy']> {
  const time = (instant: Instant | null) => (instant === null ? undefined : timestampFromInstant(instant));
  const cutoffTime = time(lateness.cutoff);
  switch (lateness.policy) {
    case 'HOLD':
      return { $case: 'hold', value: { cutoffTime, earlier: (lateness.earlier ?? []).map(({ end, cutoff }) => ({ endTime: time(end), cutoffTime: time(cutoff) })) } };
    case 'CARRY_FORWARD': {
      const carried = lateness.carried.map(({ events, recorded }) => ({ eventPeriod: periodToProto(events), recordedPeriod: periodToProto(recorded) }));
      return { $case: 'carryForward', value: { cutoffTime, carried } };
    }
  }
}

/** The answer to `query`: groups and values of events are there where they were asked for, also if there are none. */
export function aggregatedUsageFromProto(answer: AggregatedUsageMessage, { groupBy, needsEventValues }: Pick<UsageQuery, 'groupBy' | 'needsEventValues'>): AggregatedUsage {
  const usage = usageFromProto(answer, needsEventValues);
  if (groupBy.length === 0) return usage;
  const groups = answer.groups.map((used) => ({
    ...usageFromProto(used, needsEventValues),
    group: Object.fromEntries(used.group.map(({ name, value }) => [name, value ?? null])),
  }));
  return { ...usage, groups };
}

function usageFromProto(message: AggregatedUsageMessage | GroupUsageMessage, needsEventValues: boolean): Omit<AggregatedUsage, 'groups'> {
  const { eventCount, usageSetDigest, carriedIn, eventValues } = message;
  return {
    eventCount, usageSetDigest, quantity: quantityFromProto(message),
    ...(carriedIn === '' ? {} : { carriedIn }),
    ...(needsEventValues ? { eventValues } : {}),
  };
}

function quantityFromProto({ quantity, quantityFraction }: Pick<AggregatedUsageMessage, 'quantity' | 'quantityFraction'>): ExactJson {
  if (quantityFraction === undefined) return quantity;
  const { numerator, denominator } = quantityFraction;
  return { numerator, denominator };
}

function periodToProto({ start, end }: Interval): NonNullable<UsageQueryMessage['period']> {
  return { startTime: timestampFromInstant(start), endTime: timestampFromInstant(end) };
}
