/** What tenancy refuses beyond the reasons that every service shares. */
import { defineErrors, type ErrorTable } from '@valora/chassis';

export const errorTable = {
  API_KEY_LIMIT_REACHED: {
    code: 'FAILED_PRECONDITION',
    message: 'The organization has {live_max} API keys that are neither revoked nor expired. Revoke those that are not used any more.',
  },
  SETTINGS_LIMIT_REACHED: {
    code: 'FAILED_PRECONDITION',
    message: 'The organization has changed its settings {versions_max} times; every version is kept for ever. Create another organization.',
  },
} as const satisfies ErrorTable;

export const errors = defineErrors('tenancy.valora', errorTable);
