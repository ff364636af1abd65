// VerifyInvoice and ExplainInvoice: the run of a document, derived again from the source records, compared with what is
// stored or told as a tree. Both only read.
import { commonErrors, Fields, sqlOf, type CallContext } from '@valora/chassis';
import type { Difference, ExplainInvoiceRequest, ExplainInvoiceResponse, VerifyInvoiceRequest, VerifyInvoiceResponse } from '@valora/contracts/valora/invoicing/v1/invoice';
import { storedRun } from './billing-run.ts';
import { firstDifference } from './compare-run.ts';
import type { InvoicingDatabase } from './database.ts';
import { deriveRun, type RunToDerive } from './derive-run.ts';
import { errors } from './errors.ts';
import { explanationToProto } from './explanation.ts';
import { findUsageFault } from './find-usage-fault.ts';
import type { Sources } from './load-run-facts.ts';
import { NotDerivable } from './not-derivable.ts';
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
  const result = await verdictOf(dependencies, context, found);
  return { subscription: found.run.subscriptionReference, runIndex: found.run.runIndex, result };
}

async function verdictOf({ sources }: VerifyingDependencies, context: CallContext, found: Found): Promise<VerifyInvoiceResponse['result']> {
  try {
    const { facts, composed, completedDigest } = await deriveRun(sources, context, runToDerive(found), async (queries) => {
      const fault = await findUsageFault(sources, context, queries);
      if (fault !== null) throw new SourceChanged(fault);
    });
    const difference = firstDifference({ ...found, completedDigest }, storedRun(facts, composed));
    return difference === null ? { $case: 'match', value: { digest: composed.digest } } : { $case: 'firstDifference', value: difference };
  } catch (error) {
    if (error instanceof SourceChanged) return { $case: 'firstDifference', value: error.difference };
    if (error instanceof NotDerivable) return { $case: 'error', value: { reason: error.reason, message: error.message } };
    throw error;
  }
}

/** A source record shows by itself that it was changed; what would be composed from it is not looked at. */
class SourceChanged extends Error {
  override readonly name = 'SourceChanged';
  readonly difference: Difference;
  constructor(difference: Difference) {
    super(`${difference.path} is not as it was recorded`);
    this.difference = difference;
  }
}

export async function explainInvoice(dependencies: VerifyingDependencies, context: CallContext, request: ExplainInvoiceRequest): Promise<ExplainInvoiceResponse> {
  const found = await findStored(dependencies, context, request);
  try {
    const { facts, composed } = await deriveRun(dependencies.sources, context, runToDerive(found));
    return { explanation: explanationToProto(facts, composed) };
  } catch (error) {
    if (error instanceof NotDerivable) throw errors.RUN_NOT_DERIVABLE({ run_reason: error.reason, run_message: error.message });
    throw error;
  }
}

function runToDerive({ run: { subscriptionReference, runIndex, cutoff }, engineVersions }: Found): RunToDerive {
  return { subscriptionReference, runIndex, sealedThrough: cutoff, engineVersions };
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
