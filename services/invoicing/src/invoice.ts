// The documents a billing run makes: an invoice, or a credit note when its lines sum below zero. An invoice is composed
// once, as a draft without a number, and finalized once, by getting one; nothing else of it ever changes. Ids derive from
// the run, so composing it again makes the same ones.
import { timestampFromInstant } from '@valora/chassis';
import type { CreditNote as CreditNoteMessage } from '@valora/contracts/valora/invoicing/v1/credit_note';
import { InvoiceState, LineKind, type Invoice as InvoiceMessage, type InvoiceLine as InvoiceLineMessage } from '@valora/contracts/valora/invoicing/v1/invoice';
import { canonicalJson, derivedId, sha256Hex, type Instant, type Interval, type RunLine as ComposedLine } from '@valora/rating';

/** A composed line as it is stored and shown. */
export interface RunLine extends Omit<ComposedLine, 'amountMinorUnits' | 'trace'> {
  /** Decimal text with exactly the currency's decimals, like every amount here. */
  readonly amount: string;
  /** The derivation as RFC 8785 text. */
  readonly trace: string;
}

/** What a document tells of its run. */
export interface BilledRun {
  readonly customerReference: string;
  readonly subscriptionReference: string;
  readonly runIndex: number;
  readonly period: Interval;
  readonly currencyCode: string;
  /** The sum of the lines. */
  readonly subtotal: string;
  readonly digest: string;
  readonly lines: readonly RunLine[];
}

export interface AppliedCredit {
  readonly creditNoteId: string;
  readonly amount: string;
}

export interface InvoiceNumber {
  readonly number: bigint;
  /** As it is stored; `numberDigestOf` says what it must be. */
  readonly digest: string;
}

export interface Invoice {
  readonly invoiceId: string;
  /** Null for a draft. */
  readonly number: InvoiceNumber | null;
  readonly run: BilledRun;
  readonly issueTime: Instant;
  readonly credits: readonly AppliedCredit[];
  readonly total: string;
}

export interface CreditNote {
  readonly creditNoteId: string;
  readonly run: BilledRun;
  readonly issueTime: Instant;
  readonly amount: string;
  readonly remaining: string;
}

export function runIdOf(subscriptionReference: string, runIndex: number): string {
  return derivedId('run', subscriptionReference, String(runIndex));
}

export function invoiceIdOf(subscriptionReference: string, runIndex: number): string {
  return derivedId('inv', subscriptionReference, String(runIndex));
}

export function creditNoteIdOf(subscriptionReference: string, runIndex: number): string {
  return derivedId('crn', subscriptionReference, String(runIndex));
}

/** What ties a number to the canonical form it numbers, which does not hold it. */
export function numberDigestOf(runDigest: string, number: bigint): string {
  return sha256Hex(canonicalJson({ canonical_invoice: runDigest, number: String(number) }));
}

export function invoiceToProto({ invoiceId, number, run, issueTime, credits, total }: Invoice): InvoiceMessage {
  const { currencyCode } = run;
  return {
    invoiceId,
    state: number === null ? InvoiceState.DRAFT : InvoiceState.FINALIZED,
    number: number?.number ?? 0n,
    numberDigest: number?.digest ?? '',
    customer: run.customerReference,
    subscription: run.subscriptionReference,
    runIndex: run.runIndex,
    period: periodToProto(run.period),
    issueTime: timestampFromInstant(issueTime),
    lines: run.lines.map((line) => lineToProto(line, currencyCode)),
    subtotal: { currencyCode, amount: run.subtotal },
    credits: credits.map(({ creditNoteId, amount }) => ({ creditNoteId, amount: { currencyCode, amount } })),
    total: { currencyCode, amount: total },
    digest: run.digest,
  };
}

export function creditNoteToProto({ creditNoteId, run, issueTime, amount, remaining }: CreditNote): CreditNoteMessage {
  const { currencyCode } = run;
  return {
    creditNoteId,
    customer: run.customerReference,
    subscription: run.subscriptionReference,
    runIndex: run.runIndex,
    issueTime: timestampFromInstant(issueTime),
    lines: run.lines.map((line) => lineToProto(line, currencyCode)),
    amount: { currencyCode, amount },
    remaining: { currencyCode, amount: remaining },
    digest: run.digest,
  };
}

function lineToProto(line: RunLine, currencyCode: string): InvoiceLineMessage {
  return {
    lineKey: line.lineKey,
    kind: line.chargeKind === 'FEE' ? LineKind.FEE : LineKind.USAGE,
    description: line.description,
    item: line.item,
    price: line.priceCode,
    priceVersion: line.priceVersion,
    cycleIndex: line.cycleIndex,
    servicePeriod: periodToProto(line.servicePeriod),
    quantity: line.quantity ?? '',
    unitAmount: line.unitAmount ?? '',
    amount: { currencyCode, amount: line.amount },
    traceJson: line.trace,
    adjustment: line.isAdjustment,
  };
}

function periodToProto({ start, end }: Interval) {
  return { startTime: timestampFromInstant(start), endTime: timestampFromInstant(end) };
}
