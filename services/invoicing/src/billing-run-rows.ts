// A run as the rows that are stored of it, column by column, as PostgreSQL prints them. Storing and verifying use these same
// rows, so a column that is stored is a column that is compared. The organization and recorded times are not here: they are
// no part of what a run comes to.
import type { StoredRun } from './billing-run.ts';

export type Row = Readonly<Record<string, string | boolean | null>>;

export function runRow(run: StoredRun): Row {
  return {
    ...runKey(run),
    run_id: run.runId,
    customer_reference: run.customerReference,
    start_time: String(run.cycle.start),
    end_time: String(run.cycle.end),
    previous_cutoff_time: String(run.previousCutoff),
    cutoff_time: String(run.cycle.cutoff),
    engine_version: String(run.engineVersion),
    currency_code: run.currencyCode,
    subtotal: run.subtotal,
    canonical_invoice: run.canonicalInvoice,
    digest: run.digest,
  };
}

function runKey({ subscriptionReference, runIndex }: StoredRun): Row {
  return { subscription_reference: subscriptionReference, run_index: String(runIndex) };
}

export function lineRows(run: StoredRun): readonly Row[] {
  return run.lines.map((line, position) => ({
    ...runKey(run),
    line_index: String(position + 1),
    line_key: line.lineKey,
    cycle_index: String(line.cycleIndex),
    item: line.item,
    price_code: line.priceCode,
    price_version: String(line.priceVersion),
    charge_kind: line.chargeKind,
    is_adjustment: line.isAdjustment,
    description: line.description,
    start_time: String(line.servicePeriod.start),
    end_time: String(line.servicePeriod.end),
    quantity: line.quantity,
    unit_amount: line.unitAmount,
    amount: line.amount,
    trace: line.trace,
  }));
}

export function invoiceRows(run: StoredRun): readonly Row[] {
  if (run.document.kind !== 'INVOICE') return [];
  return [{ ...runKey(run), invoice_id: run.document.invoiceId, issue_time: String(run.cycle.cutoff), total: run.document.total }];
}

/** The work of finalizing it, which is there until it is done. */
export function draftRows(run: StoredRun): readonly Row[] {
  if (run.document.kind !== 'INVOICE') return [];
  const issueTime = String(run.cycle.cutoff);
  return [{ finalize_time: issueTime, issue_time: issueTime, invoice_id: run.document.invoiceId, refused: false }];
}

export function creditNoteRows(run: StoredRun): readonly Row[] {
  if (run.document.kind !== 'CREDIT_NOTE') return [];
  return [{ ...runKey(run), credit_note_id: run.document.creditNoteId, issue_time: String(run.cycle.cutoff), amount: run.document.amount }];
}

export function appliedCreditRows({ document }: StoredRun): readonly Row[] {
  if (document.kind !== 'INVOICE') return [];
  return document.credits.map(({ creditNoteId, amount }) => ({ credit_note_id: creditNoteId, invoice_id: document.invoiceId, amount }));
}
