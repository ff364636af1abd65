// The work of invoicing that falls due with time: finalizing drafts.
import type { DueWork, NextDue, Sql } from '@valora/chassis';
import { DueWorkKind } from '@valora/contracts/valora/invoicing/v1/invoice';
import { instant } from '@valora/rating';

export const ISSUE_INVOICES = 'ISSUE_INVOICES';

async function nextFinalization(sql: Sql): Promise<NextDue> {
  const [row] = await sql.query<{ micros: bigint | null }>('select min(finalize_time) as micros from invoice_draft where organization_id = current_organization() and not refused');
  return { dueTime: row === undefined || row.micros === null ? null : instant(row.micros), notBefore: null };
}

export const dueWorkKinds: Readonly<Record<number, DueWork>> = { [DueWorkKind.ISSUE_INVOICES]: { name: ISSUE_INVOICES, next: nextFinalization } };
