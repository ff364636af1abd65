// The work of subscription that falls due with time: opening cycles at their start, closing them at their cutoff.
import { claimOrganizations, Fields, nextDueTime, releaseOrganization, sqlOf, timestampFromInstant, type Handlers } from '@valora/chassis';
import { DueWorkKind, type DueWorkServiceService } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { nextClaimTime } from './billing-cycle-store.ts';
import type { SubscriptionDatabase } from './database.ts';
import { CLOSE_CYCLES, OPEN_CYCLES } from './due-work-kind.ts';
import { errors } from './errors.ts';
import { nextOpenTime } from './opening-store.ts';

/** How long a claim may last: 1 s to 10 min. */
export const LEASE_MICROS = { microsMin: 1_000_000n, microsMax: 600_000_000n } as const;

const ORGANIZATIONS_MAX = 1_000;
const kinds = { [DueWorkKind.OPEN_CYCLES]: OPEN_CYCLES, [DueWorkKind.CLOSE_CYCLES]: CLOSE_CYCLES } as const;
const nextTimes = { [OPEN_CYCLES]: nextOpenTime, [CLOSE_CYCLES]: nextClaimTime } as const;

export function dueWorkHandlers(database: SubscriptionDatabase): Handlers<typeof DueWorkServiceService> {
  return {
    async claimOrganizations({ organizationId }, request) {
      if (organizationId !== '') throw errors.ORGANIZATION_NAMED();
      const fields = new Fields();
      const kind = fields.choice('kind', request.kind, kinds);
      const batchSizeMax = fields.integer('batch_size_max', request.batchSizeMax, { min: 1, max: ORGANIZATIONS_MAX });
      const leaseMicros = fields.durationMicros('lease_duration', request.leaseDuration, LEASE_MICROS);
      fields.check();
      const organizationIds = await database.transactionAcrossOrganizations((tx) => claimOrganizations(sqlOf(tx), { kind, batchSizeMax, leaseMicros }));
      return { organizationIds };
    },
    async releaseOrganization({ organizationId }, request) {
      const fields = new Fields();
      const kind = fields.choice('kind', request.kind, kinds);
      fields.check();
      await database.transaction(organizationId, (tx) => releaseOrganization(sqlOf(tx), kind, () => nextTimes[kind](sqlOf(tx))));
      return {};
    },
    async getNextDueTime({ organizationId }) {
      const due = await database.transaction(organizationId, (tx) => nextDueTime(sqlOf(tx)));
      return due === null ? {} : { dueTime: timestampFromInstant(due) };
    },
  };
}
