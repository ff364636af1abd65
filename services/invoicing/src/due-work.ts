// The work of invoicing that falls due with time: finalizing drafts.
import { claimOrganizations, Fields, nextDueTime, releaseOrganization, sqlOf, timestampFromInstant, type Handlers, type Sql } from '@valora/chassis';
import { DueWorkKind, type DueWorkServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { instant, type Instant } from '@valora/rating';
import type { InvoicingDatabase } from './database.ts';

export const ISSUE_INVOICES = 'ISSUE_INVOICES';

const kinds = { [DueWorkKind.ISSUE_INVOICES]: ISSUE_INVOICES } as const;
const ORGANIZATIONS_MAX = 1_000;
const LEASE_MICROS = { microsMin: 1_000_000n, microsMax: 600_000_000n } as const;

async function nextFinalizeTime(sql: Sql): Promise<Instant | null> {
  const [row] = await sql.query<{ micros: bigint | null }>('select min(finalize_time) as micros from invoice_draft where organization_id = current_organization()');
  return row === undefined || row.micros === null ? null : instant(row.micros);
}

export function dueWorkHandlers(database: InvoicingDatabase): Handlers<typeof DueWorkServiceService> {
  return {
    async claimOrganizations(_context, request) {
      const fields = new Fields();
      const kind = fields.choice('kind', request.kind, kinds);
      const batchSizeMax = fields.integer('batch_size_max', request.batchSizeMax, { min: 1, max: ORGANIZATIONS_MAX });
      const leaseMicros = fields.durationMicros('lease_duration', request.leaseDuration, LEASE_MICROS);
      fields.check();
      const organizationIds = await database.transactionAcrossOrganizations((tx) => claimOrganizations(sqlOf(tx), { kind, batchSizeMax, leaseMicros }));
      return { organizationIds };
    },
    async releaseOrganization(context, request) {
      const fields = new Fields();
      const kind = fields.choice('kind', request.kind, kinds);
      fields.check();
      await database.transaction(context.organizationId, (tx) => releaseOrganization(sqlOf(tx), kind, () => nextFinalizeTime(sqlOf(tx))));
      return {};
    },
    async getNextDueTime(context) {
      const due = await database.transaction(context.organizationId, (tx) => nextDueTime(sqlOf(tx)));
      return due === null ? {} : { dueTime: timestampFromInstant(due) };
    },
  };
}
