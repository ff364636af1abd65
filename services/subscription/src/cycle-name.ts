// How callers name a billing cycle, by its subscription and index, and themselves as the holders of its lease.
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

/** How the taker of cycles names itself; empty: nobody in particular. */
export function parseLeaseHolder(fields: Fields, value: string | undefined): string {
  return value === undefined ? '' : fields.reference('lease_holder', value);
}

/** The name as one text; references have no spaces. */
export function cycleKey({ subscriptionReference, index }: CycleName): string {
  return `${subscriptionReference} ${index}`;
}
