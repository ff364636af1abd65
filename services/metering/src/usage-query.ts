/**
 * A usage query: how much one customer used of one meter in a part of time, as it was known before an instant.
 *
 * The instant of knowledge makes the answer repeatable: once metering is sealed through it, the same query has the same answer for ever. The trap: an event that names
 * no subscription may belong to any of the customer's, so it is counted for whichever subscription asks.
 */
import type { Fields } from '@valora/chassis';
import type { HoldLateUsage, Lateness as LatenessMessage } from '@valora/contracts/valora/metering/v1/lateness';
import type { UsageQuery as UsageQueryMessage } from '@valora/contracts/valora/metering/v1/usage';
import type { Instant, Interval } from '@valora/rating';
import { PROPERTY_NAME_LENGTH_MAX } from './meter.ts';
import { parseQueries, parseSubscription } from './query-fields.ts';

export interface UsageQuery {
  /** The caller's name for it. */
  readonly queryKey: string;
  readonly meterCode: string;
  readonly customerReference: string;
  /** Empty: only events that name no subscription. Null: all of the customer's, whichever they name. */
  readonly subscriptionReference: string | null;
  /** By event time. */
  readonly interval: Interval;
  /** The full period around it, by whose length a level is divided. */
  readonly period: Interval;
  /** Facts recorded at or after this instant don't count. */
  readonly knownBefore: Instant;
  /** Properties by which the usage is grouped too. */
  readonly groupBy: readonly string[];
  readonly needsEventValues: boolean;
  readonly lateness: Lateness;
}

/** What becomes of events recorded at or after the cutoff of the cycle that is asked about; see the contract. */
export type Lateness =
  | { readonly kind: 'ADJUST' }
  | { readonly kind: 'HOLD'; readonly cutoff: Instant | null; readonly earlier: readonly HeldCycle[] }
  | { readonly kind: 'CARRY_FORWARD'; readonly cutoff: Instant; readonly carried: readonly CarriedUsage[] };

/** Events of one part of time that were recorded within another. */
export interface CarriedUsage {
  readonly eventInterval: Interval;
  readonly recordedInterval: Interval;
}

/** An earlier cycle, for the level that is carried in; a cutoff of `null` holds nothing. */
export interface HeldCycle {
  readonly end: Instant;
  readonly cutoff: Instant | null;
}

const GROUP_BY_MAX = 10;
const EARLIER_MAX = 10_000;
const CARRIED_MAX = 1_000;

export function parseUsageQueries(messages: readonly UsageQueryMessage[]): UsageQuery[] {
  return parseQueries(messages, parseQuery);
}

function parseQuery(fields: Fields, field: string, message: UsageQueryMessage): UsageQuery {
  const interval = fields.period(`${field}.period`, message.period);
  return {
    queryKey: message.queryKey,
    meterCode: fields.code(`${field}.meter`, message.meter),
    customerReference: fields.reference(`${field}.customer`, message.customer),
    subscriptionReference: parseSubscription(fields, `${field}.subscription`, message.subscription),
    interval,
    period: message.fullPeriod === undefined ? interval : fields.period(`${field}.full_period`, message.fullPeriod),
    knownBefore: fields.instant(`${field}.known_before_time`, message.knownBeforeTime),
    groupBy: parseGroupBy(fields, `${field}.group_by`, message.groupBy),
    needsEventValues: message.needsEventValues,
    lateness: parseLateness(fields, `${field}.lateness`, message.lateness),
  };
}

/** In the order of their names, in which groups tell them. */
export function parseGroupBy(fields: Fields, field: string, names: readonly string[]): readonly string[] {
  fields.count(field, names, { min: 0, max: GROUP_BY_MAX });
  names.slice(0, GROUP_BY_MAX).forEach((name, index) => {
    fields.text(`${field}[${index}]`, name, { lengthMin: 1, lengthMax: PROPERTY_NAME_LENGTH_MAX });
    if (names.indexOf(name) !== index) fields.refuse(`${field}[${index}]`, 'REPEATED', 'Name each property once.');
  });
  return names.toSorted((one, other) => (one < other ? -1 : 1));
}

function parseLateness(fields: Fields, field: string, message: LatenessMessage | undefined): Lateness {
  const policy = message?.policy;
  switch (policy?.$case) {
    case undefined: return { kind: 'ADJUST' };
    case 'adjust': return { kind: 'ADJUST' };
    case 'hold': return parseHold(fields, `${field}.hold`, policy.value);
    case 'carryForward': {
      const { cutoffTime, carried } = policy.value;
      fields.count(`${field}.carry_forward.carried`, carried, { min: 0, max: CARRIED_MAX });
      return {
        kind: 'CARRY_FORWARD',
        cutoff: fields.instant(`${field}.carry_forward.cutoff_time`, cutoffTime),
        carried: carried.slice(0, CARRIED_MAX).map(({ eventPeriod, recordedPeriod }, index) => ({
          eventInterval: fields.period(`${field}.carry_forward.carried[${index}].event_period`, eventPeriod),
          recordedInterval: fields.period(`${field}.carry_forward.carried[${index}].recorded_period`, recordedPeriod),
        })),
      };
    }
  }
}

function parseHold(fields: Fields, field: string, { cutoffTime, earlier }: HoldLateUsage): Lateness {
  fields.count(`${field}.earlier`, earlier, { min: 0, max: EARLIER_MAX });
  const cycles = earlier.slice(0, EARLIER_MAX).map((cycle, index) => ({
    end: fields.instant(`${field}.earlier[${index}].end_time`, cycle.endTime), cutoff: fields.optionalInstant(`${field}.earlier[${index}].cutoff_time`, cycle.cutoffTime),
  }));
  const unordered = cycles.findIndex(({ end }, index) => end < (cycles[index - 1]?.end ?? end));
  if (unordered !== -1) fields.refuse(`${field}.earlier[${unordered}].end_time`, 'OUT_OF_ORDER', 'Must not lie before the end of the one above.');
  return { kind: 'HOLD', cutoff: fields.optionalInstant(`${field}.cutoff_time`, cutoffTime), earlier: cycles };
}
