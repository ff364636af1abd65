// How callers name a billing cycle: by its subscription and index.
import type { Fields } from '@valora/chassis';
import type { BillingCycleName } from '@valora/contracts/valora/subscription/v1/billing_cycle';

export interface CycleName {
  readonly subscriptionReference: string;
  readonly index: number;
}

const INDEX_MAX = 2_147_483_647;

export function parseCycleName(fields: Fields, field: string, message: BillingCycleName | undefined): CycleName {
  return {
    subscriptionReference: fields.reference(`${field}.subscription`, message?.subscription ?? ''),
    index: fields.integer(`${field}.cycle_index`, message?.cycleIndex ?? 0, { min: 1, max: INDEX_MAX }),
  };
}

/** The name as one text; references have no spaces. */
export function cycleKey({ subscriptionReference, index }: CycleName): string {
  return `${subscriptionReference} ${index}`;
}
