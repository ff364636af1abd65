// VerifyInvoice and ExplainInvoice: the run of a document, derived again from the source records, compared with what is
// stored or told as a tree. Both only read.
import { commonErrors, Fields, sqlOf, type CallContext } from '@valora/chassis';
import type { ExplainInvoiceRequest, ExplainInvoiceResponse, VerifyInvoiceRequest, VerifyInvoiceResponse } from '@valora/contracts/valora/invoicing/v1/invoice';
import { storedRun } from './billing-run.ts';
import { derivedRows, firstDifference } from './compare-run.ts';
import type { InvoicingDatabase } from './database.ts';
import { deriveRun, NotDerivable, type DerivedRun } from './derive-run.ts';
import { errors } from './errors.ts';
import { explanationToProto } from './explanation.ts';
import type { Sources } from './load-run-facts.ts';
import { findEngineVersionsThrough, findNumbering, findRunOfDocument, findStoredRows, type DocumentName, type Numbering, type RunName, type StoredRows } from './stored-run-store.ts';

export interface VerifyingDependencies {
  readonly database: InvoicingDatabase;
  readonly sources: Sources;
}

interface Found {
  readonly run: RunName;
  readonly engineVersions: ReadonlyMap<number, number>;
  readonly rows: StoredRows;
  readonly numbering: Numbering | null;
}

export async function verifyInvoice(dependencies: VerifyingDependencies, context: CallContext, request: VerifyInvoiceRequest): Promise<VerifyInvoiceResponse> {
  const found = await findStored(dependencies, context, request);
  const response = { subscription: found.run.subscriptionReference, runIndex: found.run.runIndex };
  try {
    const { facts, composed } = await derive(dependencies, context, found);
    const difference = firstDifference(found.rows, derivedRows(storedRun(facts, composed)), found.numbering);
    return { ...response, result: difference === null ? { $case: 'match', value: { digest: composed.digest } } : { $case: 'firstDifference', value: difference } };
  } catch (error) {
    if (error instanceof NotDerivable) return { ...response, result: { $case: 'error', value: { reason: error.reason, message: error.message } } };
    throw error;
  }
}

export async function explainInvoice(dependencies: VerifyingDependencies, context: CallContext, request: ExplainInvoiceRequest): Promise<ExplainInvoiceResponse> {
  const found = await findStored(dependencies, context, request);
  try {
    const { facts, composed } = await derive(dependencies, context, found);
    return { explanation: explanationToProto(facts, composed) };
  } catch (error) {
    if (error instanceof NotDerivable) throw errors.RUN_NOT_DERIVABLE({ run_reason: error.reason, run_message: error.message });
    throw error;
  }
}

async function derive({ sources }: VerifyingDependencies, context: CallContext, { run, engineVersions }: Found): Promise<DerivedRun> {
  const { subscriptionReference, runIndex, cutoff: sealedThrough } = run;
  return await deriveRun(sources, context, { subscriptionReference, runIndex, sealedThrough, engineVersions });
}

async function findStored({ database }: VerifyingDependencies, { organizationId }: CallContext, request: VerifyInvoiceRequest): Promise<Found> {
  const document = parseDocument(request);
  const found = await database.transaction(organizationId, async (tx): Promise<Found | null> => {
    const sql = sqlOf(tx);
    const run = await findRunOfDocument(sql, document);
    if (run === null) return null;
    return {
      run,
      engineVersions: await findEngineVersionsThrough(sql, run),
      rows: await findStoredRows(sql, run),
      numbering: document.kind === 'INVOICE' ? await findNumbering(sql, document.id) : null,
    };
  });
  if (found === null) throw commonErrors.NOT_FOUND({ resource: document.kind === 'INVOICE' ? 'invoice' : 'credit note', name: document.id });
  return found;
}

function parseDocument({ document }: VerifyInvoiceRequest): DocumentName {
  const fields = new Fields();
  const named: DocumentName = document?.$case === 'creditNoteId'
    ? { kind: 'CREDIT_NOTE', id: fields.reference('credit_note_id', document.value) }
    : { kind: 'INVOICE', id: fields.reference('invoice_id', document?.value ?? '') };
  fields.check();
  return named;
}
