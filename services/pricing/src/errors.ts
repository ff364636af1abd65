// Why the catalog refuses, beyond the reasons every service shares.
import { defineErrors, type ErrorTable } from '@valora/chassis';

export const errorTable = {
  METER_UNKNOWN: { code: 'FAILED_PRECONDITION', message: 'There is no meter "{meter}" in your organization. Create the meter first, or leave it out for a fee.' },
  METER_REPEATED: { code: 'FAILED_PRECONDITION', message: 'The prices "{price}" and "{other_price}" rate the same meter "{meter}", which would bill its usage twice. Keep one of them.' },
  MODEL_MISMATCH: { code: 'FAILED_PRECONDITION', message: 'The model {model} does not fit the price "{price}": {because}. Publish another model, or use another price.' },
  PRICE_UNKNOWN: { code: 'FAILED_PRECONDITION', message: 'There is no price "{price}" in your organization. Create the price first.' },
  PRICE_VERSION_BACK_DATED: {
    code: 'FAILED_PRECONDITION',
    message: 'effective_from_time {effective_from_time} lies before now, {current_time}. Give a later one, or set allow_back_dating if it is meant; billed cycles stay as they are.',
  },
  PRICE_VERSION_OVERLAP: {
    code: 'FAILED_PRECONDITION',
    message: 'Version {version} of the price "{price}" is in force from {effective_from_time} on, which the new version would reach. End the new one there, or let it start inside a version.',
  },
} as const satisfies ErrorTable;

export const errors = defineErrors('pricing.valora', errorTable);
