// A billing run as it is stored: the composed lines, the canonical form, and the document they make. What is stored is
// decided here, from the composed run alone, so two workers that compose the same run store the same rows.
import { canonicalJson, formatMinorUnits, type ComposedRun, type CycleFact, type Instant, type RunFacts } from '@valora/rating';
import { creditNoteIdOf, invoiceIdOf, runIdOf, type AppliedCredit, type RunLine } from './invoice.ts';

export interface StoredRun {
  readonly runId: string;
  readonly subscriptionReference: string;
  readonly customerReference: string;
  readonly runIndex: number;
  readonly cycle: CycleFact;
  readonly previousCutoff: Instant;
  readonly engineVersion: number;
  readonly currencyCode: string;
  readonly subtotal: string;
  readonly canonicalInvoice: string;
  readonly digest: string;
  readonly lines: readonly RunLine[];
  readonly document: Document;
}

/** What a run makes of its lines. */
export type Document =
  | { readonly kind: 'NONE' }
  | { readonly kind: 'INVOICE'; readonly invoiceId: string; readonly total: string; readonly credits: readonly AppliedCredit[] }
  | { readonly kind: 'CREDIT_NOTE'; readonly creditNoteId: string; readonly amount: string };

export function storedRun(facts: RunFacts, composed: ComposedRun): StoredRun {
  const { reference, customerReference } = facts.subscription;
  const cycle = facts.cycles.find(({ index }) => index === facts.runIndex);
  if (cycle === undefined) throw new Error(`run ${facts.runIndex} of ${reference} has no cycle`);
  return {
    runId: runIdOf(reference, facts.runIndex),
    subscriptionReference: reference,
    customerReference,
    runIndex: facts.runIndex,
    cycle,
    previousCutoff: cycle.previousCutoff,
    engineVersion: facts.engineVersion,
    currencyCode: composed.currencyCode,
    subtotal: formatMinorUnits(composed.subtotalMinorUnits, composed.exponent),
    canonicalInvoice: composed.canonicalInvoice,
    digest: composed.digest,
    lines: composed.lines.map(({ amountMinorUnits, trace, ...line }) => ({ ...line, amount: formatMinorUnits(amountMinorUnits, composed.exponent), trace: canonicalJson(trace) })),
    document: documentOf(reference, facts.runIndex, composed),
  };
}

function documentOf(subscriptionReference: string, runIndex: number, composed: ComposedRun): Document {
  const money = (minorUnits: bigint): string => formatMinorUnits(minorUnits, composed.exponent);
  if (composed.creditMinorUnits > 0n) {
    return { kind: 'CREDIT_NOTE', creditNoteId: creditNoteIdOf(subscriptionReference, runIndex), amount: money(composed.creditMinorUnits) };
  }
  if (composed.lines.length === 0) return { kind: 'NONE' };
  const credits = composed.appliedCredits.map(({ runIndex: from, amountMinorUnits }) =>
    ({ creditNoteId: creditNoteIdOf(subscriptionReference, from), amount: money(amountMinorUnits) }));
  return { kind: 'INVOICE', invoiceId: invoiceIdOf(subscriptionReference, runIndex), total: money(composed.totalMinorUnits), credits };
}
