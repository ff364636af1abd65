// Reading documents back, with the lines of their runs in order.
import type { Page } from '@valora/chassis';
import { currencyExponent, formatMinorUnits, instant, parseDecimal, parseMinorUnits, type ChargeKind } from '@valora/rating';
import type { Transaction } from './database.ts';
import type { Prisma } from './generated/prisma/client.ts';
import type { BilledRun, CreditNote, Invoice, RunLine } from './invoice.ts';

const withLines = { include: { lines: { orderBy: { lineIndex: 'asc' } } } } as const;

type RunRow = Prisma.BillingRunGetPayload<typeof withLines>;
type InvoiceRow = Prisma.InvoiceGetPayload<object>;
type CreditNoteRow = Prisma.CreditNoteGetPayload<object>;

export async function findInvoice(tx: Transaction, organizationId: string, invoiceId: string): Promise<Invoice | null> {
  const row = await tx.invoice.findUnique({ where: { organizationId_invoiceId: { organizationId, invoiceId } } });
  const [invoice] = await invoicesFromRows(tx, organizationId, row === null ? [] : [row]);
  return invoice ?? null;
}

/** One more than a page holds, by (issue time, id). */
export async function listInvoices(tx: Transaction, organizationId: string, { page, subscriptionReference }: { page: Page; subscriptionReference: string | null }): Promise<readonly Invoice[]> {
  const rows = await tx.invoice.findMany({
    where: { organizationId, ...(subscriptionReference === null ? {} : { subscriptionReference }), ...afterIssueTime(page, 'invoiceId') },
    orderBy: [{ issueTime: 'asc' }, { invoiceId: 'asc' }],
    take: page.size + 1,
  });
  return await invoicesFromRows(tx, organizationId, rows);
}

export async function findCreditNote(tx: Transaction, organizationId: string, creditNoteId: string): Promise<CreditNote | null> {
  const row = await tx.creditNote.findUnique({ where: { organizationId_creditNoteId: { organizationId, creditNoteId } } });
  const [creditNote] = await creditNotesFromRows(tx, organizationId, row === null ? [] : [row]);
  return creditNote ?? null;
}

/** One more than a page holds, by (issue time, id). */
export async function listCreditNotes(tx: Transaction, organizationId: string, page: Page): Promise<readonly CreditNote[]> {
  const rows = await tx.creditNote.findMany({
    where: { organizationId, ...afterIssueTime(page, 'creditNoteId') },
    orderBy: [{ issueTime: 'asc' }, { creditNoteId: 'asc' }],
    take: page.size + 1,
  });
  return await creditNotesFromRows(tx, organizationId, rows);
}

function afterIssueTime<Id extends string>({ after }: Page, idName: Id) {
  const [micros, id] = after ?? [];
  if (micros === undefined || id === undefined) return {};
  const issueTime = BigInt(micros);
  return { OR: [{ issueTime: { gt: issueTime } }, { issueTime, [idName]: { gt: id } }] };
}

// What belongs to documents is read one query after the other: a transaction has one connection, and Prisma would run
// sibling relations on it at once.
async function invoicesFromRows(tx: Transaction, organizationId: string, rows: readonly InvoiceRow[]): Promise<readonly Invoice[]> {
  const invoiceId = { in: rows.map((row) => row.invoiceId) };
  const runOf = await runsOf(tx, organizationId, rows);
  const finalizations = await tx.invoiceFinalization.findMany({ where: { organizationId, invoiceId } });
  const numberOf = new Map(finalizations.map(({ invoiceId: id, number, digest }) => [id, { number, digest }]));
  const credits = await tx.creditApplication.findMany({ where: { organizationId, invoiceId }, include: { creditNote: true } });
  const creditsOf = Map.groupBy(credits.toSorted((one, other) => one.creditNote.runIndex - other.creditNote.runIndex), (credit) => credit.invoiceId);
  return rows.map((row) => {
    const run = runOf(row);
    const exponent = currencyExponent(run.currencyCode);
    return {
      invoiceId: row.invoiceId,
      number: numberOf.get(row.invoiceId) ?? null,
      run,
      issueTime: instant(row.issueTime),
      credits: (creditsOf.get(row.invoiceId) ?? []).map(({ creditNoteId, amount }) => ({ creditNoteId, amount: amount.toFixed(exponent) })),
      total: row.total.toFixed(exponent),
    };
  });
}

async function creditNotesFromRows(tx: Transaction, organizationId: string, rows: readonly CreditNoteRow[]): Promise<readonly CreditNote[]> {
  const runOf = await runsOf(tx, organizationId, rows);
  const applications = await tx.creditApplication.findMany({ where: { organizationId, creditNoteId: { in: rows.map((row) => row.creditNoteId) } } });
  const applicationsOf = Map.groupBy(applications, (application) => application.creditNoteId);
  return rows.map((row) => {
    const run = runOf(row);
    const exponent = currencyExponent(run.currencyCode);
    const amount = row.amount.toFixed(exponent);
    const used = (applicationsOf.get(row.creditNoteId) ?? []).map((application) => parseMinorUnits(application.amount.toFixed(exponent), exponent));
    const remaining = used.reduce((left, minorUnits) => left - minorUnits, parseMinorUnits(amount, exponent));
    return { creditNoteId: row.creditNoteId, run, issueTime: instant(row.issueTime), amount, remaining: formatMinorUnits(remaining, exponent) };
  });
}

type RunKey = Pick<InvoiceRow, 'subscriptionReference' | 'runIndex'>;

async function runsOf(tx: Transaction, organizationId: string, rows: readonly RunKey[]): Promise<(key: RunKey) => BilledRun> {
  const keys = rows.map(({ subscriptionReference, runIndex }) => ({ subscriptionReference, runIndex }));
  const runs = await tx.billingRun.findMany({ where: { organizationId, OR: keys }, ...withLines });
  const textOf = ({ subscriptionReference, runIndex }: RunKey): string => `${subscriptionReference} ${runIndex}`;
  const byKey = new Map(runs.map((run) => [textOf(run), billedRunFromRow(run)]));
  return (key) => {
    const run = byKey.get(textOf(key));
    if (run === undefined) throw new Error(`a document has no run ${textOf(key)}`);
    return run;
  };
}

function billedRunFromRow(row: RunRow): BilledRun {
  const exponent = currencyExponent(row.currencyCode);
  return {
    customerReference: row.customerReference,
    subscriptionReference: row.subscriptionReference,
    runIndex: row.runIndex,
    period: { start: instant(row.startTime), end: instant(row.endTime) },
    currencyCode: row.currencyCode,
    subtotal: row.subtotal.toFixed(exponent),
    digest: row.digest,
    lines: row.lines.map((line) => lineFromRow(line, exponent)),
  };
}

function lineFromRow(row: RunRow['lines'][number], exponent: number): RunLine {
  return {
    lineKey: row.lineKey,
    cycleIndex: row.cycleIndex,
    item: row.item,
    priceCode: row.priceCode,
    priceVersion: row.priceVersion,
    chargeKind: chargeKindFromRow(row.chargeKind),
    isAdjustment: row.isAdjustment,
    description: row.description,
    servicePeriod: { start: instant(row.startTime), end: instant(row.endTime) },
    quantity: row.quantity?.toFixed() ?? null,
    unitAmount: row.unitAmount === null ? null : parseDecimal(row.unitAmount.toFixed()),
    amount: row.amount.toFixed(exponent),
    trace: row.trace,
  };
}

function chargeKindFromRow(kind: string): ChargeKind {
  if (kind === 'FEE' || kind === 'USAGE') return kind;
  throw new Error(`charge kind ${kind} is not known`);
}
