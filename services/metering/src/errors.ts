/** What metering refuses: whole requests by the table of errors, single events by their own outcomes. */
import { defineErrors, type ErrorTable } from '@valora/chassis';

export const errorTable = {
  USAGE_ARCHIVED: {
    code: 'FAILED_PRECONDITION',
    message: 'Usage from before {before_time} is archived, and this asks for usage from {time} on. Ask for a time from {before_time} on; the operator has the archived tables.',
  },
  USAGE_VOIDED: {
    code: 'FAILED_PRECONDITION',
    message: 'The event {idempotency_key} is voided, and a void is final: releasing it would change nothing. Leave it out; a replacement is an event with a new key.',
  },
  AGGREGATION_NOT_ADDITIVE: {
    code: 'FAILED_PRECONDITION',
    message: 'Query "{query_key}" wants the value of each event of a {aggregation} meter, whose quantity is not made up of them. Ask for a COUNT or SUM meter, or for no values.',
  },
  TOO_MANY_GROUPS: {
    code: 'FAILED_PRECONDITION',
    message: 'Query "{query_key}" brings the answer beyond {groups_max} groups. Group by properties with fewer values, or ask for a shorter time.',
  },
  TOO_MANY_EVENT_VALUES: {
    code: 'FAILED_PRECONDITION',
    message: 'Query "{query_key}" brings the answer beyond {event_values_max} values of events. Ask for a shorter time, or for no values.',
  },
} as const satisfies ErrorTable;

export const errors = defineErrors('metering.valora', errorTable);

/**
 * Why one usage event is refused. The reasons stand in the event's own outcome, not in an error of the call: its neighbours are recorded. Each names the field and
 * says how to mend it.
 */
export interface EventRefusal {
  readonly reason: 'FIELD_INVALID' | 'METER_UNKNOWN' | 'EVENT_TOO_FAR_AHEAD' | 'IDEMPOTENCY_KEY_REUSED' | 'USAGE_ARCHIVED';
  /** As in the contract. */
  readonly field: string;
  readonly message: string;
}

export const METER_UNKNOWN: EventRefusal = {
  reason: 'METER_UNKNOWN', field: 'meter', message: 'There is no such meter in your organization. Check the code, or create the meter and send the event again.',
};

export const EVENT_TOO_FAR_AHEAD: EventRefusal = {
  reason: 'EVENT_TOO_FAR_AHEAD', field: 'event_time',
  message: "Lies more than an hour ahead of the organization's clock. Check the clock that stamped the event, or send it when its time has come.",
};

export const IDEMPOTENCY_KEY_REUSED: EventRefusal = {
  reason: 'IDEMPOTENCY_KEY_REUSED', field: 'idempotency_key', message: 'The key is taken by an event with other content, which stands. Give another event another key.',
};

export const EVENT_ARCHIVED: EventRefusal = {
  reason: 'USAGE_ARCHIVED', field: 'event_time',
  message: 'Lies in a time whose usage is archived: nothing is billed for it any more. Check the clock that stamped the event, or bill it by hand.',
};

export const VALUE_BELOW_ZERO = fieldInvalid('value', 'Must not be below zero: the meter does not take negative values. Void the event that is too much, or record to a meter that takes them.');

export function fieldInvalid(field: string, message: string): EventRefusal {
  return { reason: 'FIELD_INVALID', field, message };
}
