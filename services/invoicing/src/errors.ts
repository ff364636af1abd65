// Why invoicing refuses, beyond the reasons every service shares.
import { defineErrors, type ErrorTable } from '@valora/chassis';

export const errorTable = {
  SEAL_TOO_EARLY: {
    code: 'FAILED_PRECONDITION',
    message: 'seal_through_time lies before the cutoff of cycle {cycle_index} of subscription "{subscription}". Seal through the latest cutoff of the cycles.',
  },
  RUN_NOT_DERIVABLE: {
    code: 'FAILED_PRECONDITION',
    message: 'The source records no longer make this run ({run_reason}): {run_message} VerifyInvoice tells the same; it needs a person.',
  },
} as const satisfies ErrorTable;

export const errors = defineErrors('invoicing.valora', errorTable);

/** Reasons of a single run's error; they are answered beside the other runs' results. */
export const runErrorMessages = {
  RUN_DIGEST_MISMATCH: 'The stored run has another digest than the one recomputed from the same facts. Nothing was changed; this is a defect or tampering, and needs a person.',
} as const;
