// The comparison of a stored run with its derivation: a list of (path, value) on either side, in one fixed order, and the
// first place where they part. The order: columns of the run, lines, document, applied credits, number, draft, and last the
// canonical form and the digests, so that what a person looks for (an amount) is named before the bytes that follow from it.
// JSON texts are compared leaf by leaf, then as texts. The trap: a value on one side only is a difference too.
import type { Difference } from '@valora/contracts/valora/invoicing/v1/invoice';
import { appliedCreditRows, creditNoteRows, draftRows, invoiceRows, lineRows, runRow, type Row } from './billing-run-rows.ts';
import type { StoredRun } from './billing-run.ts';
import { numberDigestOf } from './invoice.ts';
import type { Numbering, StoredRows } from './stored-run-store.ts';

type Entry = readonly [path: string, value: string];

const VALUE_CHARACTERS_MAX = 1_000;
const BYTES_LAST = ['canonical_invoice', 'digest'];

/** What is stored of a run, here and beside its cycle. */
export interface StoredFacts {
  readonly rows: StoredRows;
  /** `null` for a credit note, which has no number. */
  readonly numbering: Numbering | null;
  /** The digest that subscription holds of the complete run; null before that. */
  readonly completedDigest: string | null;
}

/** `null` where everything agrees. */
export function firstDifference({ rows, numbering, completedDigest }: StoredFacts, run: StoredRun): Difference | null {
  const derived = derivedRows(run);
  return firstOf(documentEntries(rows), documentEntries(derived))
    ?? numberDifference(numbering)
    ?? draftDifference(numbering, run)
    ?? firstOf(byteEntries(rows), byteEntries(derived))
    ?? numberDigestDifference(numbering, run)
    ?? (completedDigest === null || completedDigest === run.digest ? null : difference('billing_cycle.run_digest', completedDigest, run.digest));
}

function derivedRows(run: StoredRun): StoredRows {
  return { billing_run: [runRow(run)], run_line: lineRows(run), invoice: invoiceRows(run), credit_note: creditNoteRows(run), credit_application: appliedCreditRows(run) };
}

function documentEntries(rows: StoredRows): readonly Entry[] {
  return [
    ...rows.billing_run.flatMap((row) => rowEntries('billing_run', row).filter(([path]) => !BYTES_LAST.some((name) => path === `billing_run.${name}`))),
    ...rows.run_line.flatMap((row, position) => lineEntries(`run_line[${position + 1}]`, row)),
    ...rows.invoice.flatMap((row) => rowEntries('invoice', row)),
    ...rows.credit_note.flatMap((row) => rowEntries('credit_note', row)),
    ...rows.credit_application.flatMap((row, position) => rowEntries(`credit_application[${position + 1}]`, row)),
  ];
}

function byteEntries({ billing_run: [run] }: StoredRows): readonly Entry[] {
  if (run === undefined) return [];
  const canonical = String(run['canonical_invoice']);
  return [...jsonEntries('canonical_invoice', canonical), ['billing_run.canonical_invoice', canonical], ['billing_run.digest', String(run['digest'])]];
}

function lineEntries(path: string, row: Row): readonly Entry[] {
  return [...rowEntries(path, row), ...jsonEntries(`${path}.trace`, String(row['trace']))].toSorted((one, other) => Number(one[0] === `${path}.trace`) - Number(other[0] === `${path}.trace`));
}

/** Columns by name; a null is no value. */
function rowEntries(path: string, row: Row): readonly Entry[] {
  return Object.entries(row).filter(([, value]) => value !== null).map(([column, value]): Entry => [`${path}.${column}`, String(value)])
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** The leaves of a JSON text; none where the text was spoilt, which the comparison of the texts then tells. */
function jsonEntries(path: string, text: string): readonly Entry[] {
  try {
    return leaves(path, JSON.parse(text));
  } catch {
    return [];
  }
}

function leaves(path: string, value: unknown): readonly Entry[] {
  if (Array.isArray(value)) return value.flatMap((element, position) => leaves(`${path}[${position}]`, element));
  if (typeof value === 'object' && value !== null) return Object.entries(value).flatMap(([name, member]) => leaves(`${path}.${name}`, member));
  return [[path, String(value)]];
}

/**
 * Walks both sides in their common order: the first entry that is on one side only, or has another value. A stored JSON text
 * may have its members in another order; those are found by their path.
 */
function firstOf(stored: readonly Entry[], derived: readonly Entry[]): Difference | null {
  const storedValues = new Map(stored);
  const derivedPaths = new Set(derived.map(([path]) => path));
  const compared = new Set<string>();
  let place = 0;
  for (const [path, value] of derived) {
    while (compared.has(stored[place]?.[0] ?? '')) place += 1;
    const next = stored[place];
    if (next !== undefined && !derivedPaths.has(next[0])) return difference(next[0], next[1], undefined);
    const storedValue = storedValues.get(path);
    if (storedValue !== value) return difference(path, storedValue, value);
    compared.add(path);
  }
  const beyond = stored.slice(place).find(([path]) => !derivedPaths.has(path));
  return beyond === undefined ? null : difference(beyond[0], beyond[1], undefined);
}

/** Numbers derive from nothing but their order: no gap before one, and the last one given is the greatest. An invoice is a draft or has one. */
function numberDifference(numbering: Numbering | null): Difference | null {
  if (numbering === null) return null;
  const { invoiceId, draft, number, lastNumber, greatestNumber, followsAnother } = numbering;
  if (number === null) return draft === null ? difference('invoice_finalization.invoice_id', undefined, invoiceId) : null;
  if (draft !== null) return difference('invoice_draft.invoice_id', invoiceId, undefined);
  if (!followsAnother) return difference('invoice_finalization.number', String(number.number), undefined);
  return lastNumber === greatestNumber ? null : difference('invoice_number.last_number', textOf(lastNumber), textOf(greatestNumber));
}

/** The digest that ties a number to its invoice; after the canonical form, from whose digest it follows. */
function numberDigestDifference(numbering: Numbering | null, run: StoredRun): Difference | null {
  if (numbering === null || numbering.number === null) return null;
  const { number, digest } = numbering.number;
  const derived = numberDigestOf(run.digest, number);
  return digest === derived ? null : difference('invoice_finalization.digest', digest, derived);
}

/** A draft waits for its finalize time, and is not set aside: what is derived is possible. */
function draftDifference(numbering: Numbering | null, run: StoredRun): Difference | null {
  const entriesOf = (rows: readonly Row[]): readonly Entry[] => rows.flatMap((row) => rowEntries('invoice_draft', row));
  return numbering === null || numbering.draft === null ? null : firstOf(entriesOf([numbering.draft]), entriesOf(draftRows(run)));
}

function textOf(number: bigint | null): string | undefined {
  return number === null ? undefined : String(number);
}

/** Long values are shown from shortly before the place where they part. */
function difference(path: string, stored: string | undefined, derived: string | undefined): Difference {
  const start = stored === undefined || derived === undefined ? 0 : Math.max(0, partingPlace(stored, derived) - VALUE_CHARACTERS_MAX / 2);
  const shown = (value: string | undefined): string | undefined => value?.slice(start, start + VALUE_CHARACTERS_MAX);
  return { path, storedValue: shown(stored), derivedValue: shown(derived) };
}

function partingPlace(one: string, other: string): number {
  let place = 0;
  while (place < one.length && place < other.length && one[place] === other[place]) place += 1;
  return place;
}
