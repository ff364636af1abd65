// Why the scheduler refuses, beyond the reasons every service shares.
import { defineErrors, type ErrorTable } from '@valora/chassis';

export const errorTable = {
  NOT_A_SANDBOX: { code: 'FAILED_PRECONDITION', message: 'The organization is not a sandbox; its clock is the real one. Create a sandbox organization to move time.' },
  BILLING_RUN_FAILED: {
    code: 'FAILED_PRECONDITION',
    message: 'The clock stands at {current_time}: the run of cycle {cycle_index} of subscription "{subscription}" failed with {reason}: {detail} Mend that and advance again.',
  },
} as const satisfies ErrorTable;

export const errors = defineErrors('scheduler.valora', errorTable);
