// Finalizing: a draft whose time has come gets the organization's next number. The number's row lock puts finalizations of
// one organization in a row, and the number moves in the transaction that uses it: no gap, no double, after any crash. A
// last check sets aside what must be impossible, with an alert; it never repairs, and the other drafts go on.
import { appendAuditRecords, Fields, recordFacts, sqlOf, type CallContext, type Log, type RecordingDependencies, type Sql } from '@valora/chassis';
import { InvoiceServiceService, type FinalizeDueInvoicesRequest, type FinalizeDueInvoicesResponse } from '@valora/contracts/valora/invoicing/v1/invoice';
import type { Instant } from '@valora/rating';
import type { Transaction } from './database.ts';
import { numberDigestOf, type InvoiceNumber } from './invoice.ts';
import type { BillingMetrics } from './metrics.ts';

export interface FinalizingDependencies extends RecordingDependencies<Transaction> {
  readonly log: Log;
  readonly metrics: BillingMetrics;
}

interface Finalized {
  readonly finalizedCount: number;
  readonly refusedInvoiceIds: string[];
}

interface Numbered extends InvoiceNumber {
  readonly invoiceId: string;
}

const INVOICES_MAX = 1_000;

export async function finalizeDueInvoices(dependencies: FinalizingDependencies, context: CallContext, request: FinalizeDueInvoicesRequest): Promise<FinalizeDueInvoicesResponse> {
  const fields = new Fields();
  const batchSizeMax = fields.integer('batch_size_max', request.batchSizeMax, { min: 1, max: INVOICES_MAX });
  fields.check();
  const finalized = await recordFacts(dependencies, context, (tx, recordedTime) => finalizeBatch(sqlOf(tx), { context, batchSizeMax, recordedTime }));
  dependencies.metrics.finalized(finalized.finalizedCount);
  for (const invoiceId of finalized.refusedInvoiceIds) {
    dependencies.metrics.alert('INVOICE_SET_ASIDE');
    dependencies.log.error("ALERT: an invoice that can't be was set aside", { organization: context.organizationId, invoice_id: invoiceId });
  }
  return finalized;
}

async function finalizeBatch(sql: Sql, { context, batchSizeMax, recordedTime }: { context: CallContext; batchSizeMax: number; recordedTime: Instant }): Promise<Finalized> {
  const lastNumber = await lockLastNumber(sql);
  // After the lock: whoever held it before has committed, so its drafts are gone from what this statement sees.
  const due = await findDue(sql, { recordedTime, batchSizeMax });
  const refusedInvoiceIds = await findImpossible(sql, due.map(({ invoiceId }) => invoiceId));
  const numbered = due.filter(({ invoiceId }) => !refusedInvoiceIds.includes(invoiceId)).map(({ invoiceId, runDigest }, position): Numbered => {
    const number = lastNumber + BigInt(position + 1);
    return { invoiceId, number, digest: numberDigestOf(runDigest, number) };
  });
  if (refusedInvoiceIds.length > 0) await setAside(sql, refusedInvoiceIds);
  if (numbered.length > 0) await giveNumbers(sql, numbered, recordedTime);
  await appendAuditRecords(sql, { context, action: InvoiceServiceService.finalizeDueInvoices.path, recordedTime }, [
    ...numbered.map(({ invoiceId, number }) => ({ subject: `invoice ${invoiceId}`, change: { state: 'FINALIZED', number: String(number) } })),
    ...refusedInvoiceIds.map((invoiceId) => ({ subject: `invoice ${invoiceId}`, change: { set_aside: true } })),
  ]);
  return { finalizedCount: numbered.length, refusedInvoiceIds };
}

async function findDue(sql: Sql, { recordedTime, batchSizeMax }: { recordedTime: Instant; batchSizeMax: number }): Promise<readonly { readonly invoiceId: string; readonly runDigest: string }[]> {
  const rows = await sql.query<{ invoice_id: string; digest: string }>(
    `select draft.invoice_id, run.digest
     from (select * from invoice_draft where organization_id = current_organization() and finalize_time <= $1::bigint and not refused
       order by issue_time, invoice_id limit $2::bigint) as draft
     join invoice using (organization_id, invoice_id)
     join billing_run run using (organization_id, subscription_reference, run_index)
     order by draft.issue_time, draft.invoice_id`, [recordedTime, BigInt(batchSizeMax)]);
  return rows.map((row) => ({ invoiceId: row.invoice_id, runDigest: row.digest }));
}

async function lockLastNumber(sql: Sql): Promise<bigint> {
  await sql.query('insert into invoice_number (organization_id, last_number) values (current_organization(), 0) on conflict do nothing');
  const [row] = await sql.query<{ last_number: bigint }>('select last_number from invoice_number where organization_id = current_organization() for update');
  if (row === undefined) throw new Error('the organization has no invoice number');
  return row.last_number;
}

async function giveNumbers(sql: Sql, numbered: readonly Numbered[], recordedTime: Instant): Promise<void> {
  const invoiceIds = numbered.map(({ invoiceId }) => invoiceId);
  await sql.query(
    `insert into invoice_finalization (organization_id, invoice_id, number, digest, recorded_time)
     select current_organization(), invoice_id, number, digest, $4::bigint from unnest($1::text[], $2::bigint[], $3::text[]) as due (invoice_id, number, digest)`,
    [invoiceIds, numbered.map(({ number }) => number), numbered.map(({ digest }) => digest), recordedTime]);
  await sql.query('delete from invoice_draft where organization_id = current_organization() and invoice_id = any($1::text[])', [invoiceIds]);
  await sql.query('update invoice_number set last_number = last_number + $1::bigint where organization_id = current_organization()', [BigInt(numbered.length)]);
}

async function setAside(sql: Sql, invoiceIds: readonly string[]): Promise<void> {
  await sql.query('update invoice_draft set refused = true where organization_id = current_organization() and invoice_id = any($1::text[])', [invoiceIds]);
}

/** Lines that do not sum, credits that do not add up, a line outside its cycle, an issue time that is not the cutoff. */
async function findImpossible(sql: Sql, invoiceIds: readonly string[]): Promise<string[]> {
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
  return wrong.map((row) => row.invoice_id);
}
