// Finalizing: a draft whose time has come gets the organization's next number. The number's row lock puts finalizations of
// one organization in a row, and the number moves in the transaction that uses it: no gap, no double, after any crash. A
// last check refuses what must be impossible; it stops with an error and never repairs.
import { Fields, recordFacts, sqlOf, type CallContext, type RecordingDependencies, type Sql } from '@valora/chassis';
import type { FinalizeDueInvoicesRequest, FinalizeDueInvoicesResponse } from '@valora/contracts/valora/invoicing/v1/invoice';
import type { Instant } from '@valora/rating';
import type { Transaction } from './database.ts';

const INVOICES_MAX = 1_000;

export async function finalizeDueInvoices(dependencies: RecordingDependencies<Transaction>, context: CallContext, request: FinalizeDueInvoicesRequest): Promise<FinalizeDueInvoicesResponse> {
  const fields = new Fields();
  const batchSizeMax = fields.integer('batch_size_max', request.batchSizeMax, { min: 1, max: INVOICES_MAX });
  fields.check();
  const finalizedCount = await recordFacts(dependencies, context, (tx, recordedTime) => finalizeBatch(sqlOf(tx), batchSizeMax, recordedTime));
  return { finalizedCount };
}

async function finalizeBatch(sql: Sql, batchSizeMax: number, recordedTime: Instant): Promise<number> {
  const lastNumber = await lockLastNumber(sql);
  // After the lock: whoever held it before has committed, so its drafts are gone from what this statement sees.
  const due = await sql.query<{ invoice_id: string }>(
    `select invoice_id from invoice_draft where organization_id = current_organization() and finalize_time <= $1::bigint
     order by issue_time, invoice_id limit $2::bigint`, [recordedTime, BigInt(batchSizeMax)]);
  const invoiceIds = due.map((row) => row.invoice_id);
  if (invoiceIds.length === 0) return 0;
  await refuseImpossible(sql, invoiceIds);
  await sql.query(
    `insert into invoice_finalization (organization_id, invoice_id, number, recorded_time)
     select current_organization(), invoice_id, $2::bigint + position, $3::bigint from unnest($1::text[]) with ordinality as due (invoice_id, position)`,
    [invoiceIds, lastNumber, recordedTime]);
  await sql.query('delete from invoice_draft where organization_id = current_organization() and invoice_id = any($1::text[])', [invoiceIds]);
  await sql.query('update invoice_number set last_number = last_number + $1::bigint where organization_id = current_organization()', [BigInt(invoiceIds.length)]);
  return invoiceIds.length;
}

async function lockLastNumber(sql: Sql): Promise<bigint> {
  await sql.query('insert into invoice_number (organization_id, last_number) values (current_organization(), 0) on conflict do nothing');
  const [row] = await sql.query<{ last_number: bigint }>('select last_number from invoice_number where organization_id = current_organization() for update');
  if (row === undefined) throw new Error('the organization has no invoice number');
  return row.last_number;
}

/** Lines that do not sum, credits that do not add up, a line outside its run's cycles, a total below zero. */
async function refuseImpossible(sql: Sql, invoiceIds: readonly string[]): Promise<void> {
  const wrong = await sql.query<{ invoice_id: string }>(
    `select invoice.invoice_id
     from invoice
     join billing_run run using (organization_id, subscription_reference, run_index)
     left join lateral (
       select coalesce(sum(amount), 0) as amount, count(*) filter (where cycle_index = run_index and (line.start_time < run.start_time or line.end_time > run.end_time)) as outside
       from run_line line where (line.organization_id, line.subscription_reference, line.run_index) = (run.organization_id, run.subscription_reference, run.run_index)) lines on true
     left join lateral (
       select coalesce(sum(amount), 0) as amount from credit_application credit
       where credit.organization_id = invoice.organization_id and credit.invoice_id = invoice.invoice_id) credits on true
     where invoice.organization_id = current_organization() and invoice.invoice_id = any($1::text[])
       and (lines.amount <> run.subtotal or run.subtotal - credits.amount <> invoice.total or lines.outside > 0 or invoice.issue_time <> run.cutoff_time)`,
    [invoiceIds]);
  if (wrong.length > 0) throw new Error(`ALERT: invoices that can't be: ${wrong.map((row) => row.invoice_id).join(', ')}; nothing was finalized`);
}
