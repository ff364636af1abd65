// The reading rpcs: invoices, their canonical form, and credit notes. A foreign id looks absent: row-level security hides it.
import { commonErrors, Fields, paged, parsePage, type Handlers } from '@valora/chassis';
import type { CreditNoteServiceService } from '@valora/contracts/valora/invoicing/v1/credit_note';
import type { InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import type { InvoicingDatabase } from './database.ts';
import { creditNoteToProto, invoiceToProto } from './invoice.ts';
import { findCreditNote, findInvoice, listCreditNotes, listInvoices } from './invoice-store.ts';

type InvoiceReads = Pick<Handlers<typeof InvoiceServiceService>, 'getInvoice' | 'listInvoices' | 'getCanonicalInvoice'>;

const PAGE_LIMITS = { sizeDefault: 50, sizeMax: 200 } as const;
const MICROS = /^-?\d{1,18}$/;

function documentPage(request: { readonly pageSize: number; readonly pageToken: string }) {
  const page = parsePage(request, 2, PAGE_LIMITS);
  const fields = new Fields();
  if (page.after !== null && !MICROS.test(page.after[0] ?? '')) fields.refuse('page_token', 'MALFORMED', 'Is not a token of this list. Send the next_page_token of the last response.');
  fields.check();
  return page;
}

export function invoiceReads(database: InvoicingDatabase): InvoiceReads {
  return {
    async getInvoice({ organizationId }, request) {
      const fields = new Fields();
      const invoiceId = fields.reference('invoice_id', request.invoiceId);
      fields.check();
      const invoice = await database.transaction(organizationId, (tx) => findInvoice(tx, organizationId, invoiceId));
      if (invoice === null) throw commonErrors.NOT_FOUND({ resource: 'invoice', name: invoiceId });
      return { invoice: invoiceToProto(invoice) };
    },
    async listInvoices({ organizationId }, request) {
      const page = documentPage(request);
      const fields = new Fields();
      const subscriptionReference = request.subscription === '' ? null : fields.reference('subscription', request.subscription);
      fields.check();
      const found = await database.transaction(organizationId, (tx) => listInvoices(tx, organizationId, { page, subscriptionReference }));
      const { rows, nextPageToken } = paged(found, page, ({ issueTime, invoiceId }) => [String(issueTime), invoiceId]);
      return { invoices: rows.map(invoiceToProto), nextPageToken };
    },
    async getCanonicalInvoice({ organizationId }, request) {
      const fields = new Fields();
      const invoiceId = fields.reference('invoice_id', request.invoiceId);
      fields.check();
      const invoice = await database.transaction(organizationId, (tx) =>
        tx.invoice.findUnique({ where: { organizationId_invoiceId: { organizationId, invoiceId } }, select: { run: { select: { canonicalInvoice: true, digest: true } } } }));
      if (invoice === null) throw commonErrors.NOT_FOUND({ resource: 'invoice', name: invoiceId });
      return { canonicalInvoice: Buffer.from(invoice.run.canonicalInvoice), digest: invoice.run.digest };
    },
  };
}

export function creditNoteReads(database: InvoicingDatabase): Handlers<typeof CreditNoteServiceService> {
  return {
    async getCreditNote({ organizationId }, request) {
      const fields = new Fields();
      const creditNoteId = fields.reference('credit_note_id', request.creditNoteId);
      fields.check();
      const creditNote = await database.transaction(organizationId, (tx) => findCreditNote(tx, organizationId, creditNoteId));
      if (creditNote === null) throw commonErrors.NOT_FOUND({ resource: 'credit note', name: creditNoteId });
      return { creditNote: creditNoteToProto(creditNote) };
    },
    async listCreditNotes({ organizationId }, request) {
      const page = documentPage(request);
      const found = await database.transaction(organizationId, (tx) => listCreditNotes(tx, organizationId, page));
      const { rows, nextPageToken } = paged(found, page, ({ issueTime, creditNoteId }) => [String(issueTime), creditNoteId]);
      return { creditNotes: rows.map(creditNoteToProto), nextPageToken };
    },
  };
}
