// The work of subscription that falls due with time: opening cycles at their start, closing them at their cutoff.
import type { DueWork } from '@valora/chassis';
import { DueWorkKind } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { nextClaim } from './billing-cycle-store.ts';
import { CLOSE_CYCLES, OPEN_CYCLES } from './due-work-kind.ts';
import { nextOpening } from './opening-store.ts';

export const dueWorkKinds: Readonly<Record<number, DueWork>> = {
  [DueWorkKind.OPEN_CYCLES]: { name: OPEN_CYCLES, next: nextOpening },
  [DueWorkKind.CLOSE_CYCLES]: { name: CLOSE_CYCLES, next: nextClaim },
};
