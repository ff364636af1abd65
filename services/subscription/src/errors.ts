// Why subscription refuses, beyond the reasons every service shares.
import { defineErrors, type ErrorTable } from '@valora/chassis';

export const errorTable = {
  CUSTOMER_UNKNOWN: { code: 'FAILED_PRECONDITION', message: 'There is no customer "{customer}" in your organization. Create the customer first.' },
  PLAN_UNKNOWN: { code: 'FAILED_PRECONDITION', message: 'There is no plan "{plan}" in your organization. Create the plan first.' },
  METER_ALREADY_SUBSCRIBED: {
    code: 'FAILED_PRECONDITION',
    message: 'The customer "{customer}" has usage of the meter "{meter}" billed by the subscription "{subscription}", so a second one would bill it twice. Choose a plan without that meter, or end one before the other begins.',
  },
  WRONG_STATE: { code: 'FAILED_PRECONDITION', message: 'The subscription "{subscription}" is {state}; {operation} needs it to be {needed}. Nothing was changed.' },
  NOT_CANCELED: { code: 'FAILED_PRECONDITION', message: 'The subscription "{subscription}" has no cancel that could be taken back.' },
  CYCLE_NOT_CLAIMED: { code: 'FAILED_PRECONDITION', message: 'Cycle {cycle_index} of the subscription "{subscription}" was never claimed, so it can have no run. Claim it first.' },
  CYCLE_NOT_SET_ASIDE: { code: 'FAILED_PRECONDITION', message: 'Cycle {cycle_index} of the subscription "{subscription}" is not set aside, so there is nothing to put back. List those that are.' },
  RUN_DIGEST_MISMATCH: {
    code: 'FAILED_PRECONDITION',
    message: 'Cycle {cycle_index} of the subscription "{subscription}" was completed with the run digest {stored_digest}, not {run_digest}. Nothing was changed. '
      + 'This is a defect or tampering, and needs a person.',
  },
} as const satisfies ErrorTable;

export const errors = defineErrors('subscription.valora', errorTable);
