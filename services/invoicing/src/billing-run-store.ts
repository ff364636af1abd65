// Billing runs in the database. Rows travel as one JSON text of strings and are cast by PostgreSQL, so decimals and
// instants stay exact. The primary key (organization, subscription, run) decides who was first.
import type { Sql } from '@valora/chassis';
import type { Instant } from '@valora/rating';
import type { StoredRun } from './billing-run.ts';
import { appliedCreditRows, creditNoteRows, draftRows, invoiceRows, lineRows, runRow } from './billing-run-rows.ts';

export interface StoredDigests {
  /** The digest that is stored for each run, by run id. */
  readonly digests: ReadonlyMap<string, string>;
  /** The ids of the runs that were stored just now. */
  readonly fresh: ReadonlySet<string>;
}

/** Stores those runs that are not stored yet, with their lines and documents. */
export async function storeRuns(sql: Sql, runs: readonly StoredRun[], recordedTime: Instant): Promise<StoredDigests> {
  const sorted = runs.toSorted((one, other) => (one.runId < other.runId ? -1 : 1));
  const inserted = await sql.query<{ run_id: string }>(
    `insert into billing_run (organization_id, subscription_reference, run_index, run_id, customer_reference, start_time, end_time,
       previous_cutoff_time, cutoff_time, engine_version, currency_code, subtotal, canonical_invoice, digest, recorded_time)
     select current_organization(), r.subscription_reference, r.run_index, r.run_id, r.customer_reference, r.start_time, r.end_time,
       r.previous_cutoff_time, r.cutoff_time, r.engine_version, r.currency_code, r.subtotal, r.canonical_invoice, r.digest, $2::bigint
     from jsonb_to_recordset($1::jsonb) as r (subscription_reference text, run_index integer, run_id text, customer_reference text, start_time bigint, end_time bigint,
       previous_cutoff_time bigint, cutoff_time bigint, engine_version integer, currency_code text, subtotal numeric, canonical_invoice text, digest text)
     on conflict (organization_id, subscription_reference, run_index) do nothing
     returning run_id`,
    [JSON.stringify(sorted.map(runRow)), recordedTime]);
  const insertedIds = new Set(inserted.map((row) => row.run_id));
  const fresh = sorted.filter(({ runId }) => insertedIds.has(runId));
  await storeLines(sql, fresh);
  await storeInvoices(sql, fresh, recordedTime);
  await storeCreditNotes(sql, fresh, recordedTime);
  await storeAppliedCredits(sql, fresh);
  // A statement of its own: it sees the rows of a concurrent twin that the insert waited for.
  const stored = await sql.query<{ run_id: string; digest: string }>(
    'select run_id, digest from billing_run where organization_id = current_organization() and run_id = any($1::text[])', [sorted.map(({ runId }) => runId)]);
  return { digests: new Map(stored.map((row) => [row.run_id, row.digest])), fresh: insertedIds };
}

async function storeLines(sql: Sql, runs: readonly StoredRun[]): Promise<void> {
  const rows = runs.flatMap(lineRows);
  if (rows.length === 0) return;
  await sql.query(
    `insert into run_line (organization_id, subscription_reference, run_index, line_index, line_key, cycle_index, item, price_code, price_version,
       charge_kind, is_adjustment, description, start_time, end_time, quantity, unit_amount, amount, trace)
     select current_organization(), r.*
     from jsonb_to_recordset($1::jsonb) as r (subscription_reference text, run_index integer, line_index integer, line_key text, cycle_index integer, item text,
       price_code text, price_version integer, charge_kind text, is_adjustment boolean, description text, start_time bigint, end_time bigint,
       quantity numeric, unit_amount numeric, amount numeric, trace text)`,
    [JSON.stringify(rows)]);
}

async function storeInvoices(sql: Sql, runs: readonly StoredRun[], recordedTime: Instant): Promise<void> {
  const rows = runs.flatMap(invoiceRows);
  if (rows.length === 0) return;
  await sql.query(
    `insert into invoice (organization_id, invoice_id, subscription_reference, run_index, issue_time, total, recorded_time)
     select current_organization(), r.invoice_id, r.subscription_reference, r.run_index, r.issue_time, r.total, $2::bigint
     from jsonb_to_recordset($1::jsonb) as r (invoice_id text, subscription_reference text, run_index integer, issue_time bigint, total numeric)`,
    [JSON.stringify(rows), recordedTime]);
  await sql.query(
    `insert into invoice_draft (organization_id, finalize_time, issue_time, invoice_id, refused)
     select current_organization(), r.finalize_time, r.issue_time, r.invoice_id, r.refused
     from jsonb_to_recordset($1::jsonb) as r (finalize_time bigint, issue_time bigint, invoice_id text, refused boolean)`,
    [JSON.stringify(runs.flatMap(draftRows))]);
}

async function storeCreditNotes(sql: Sql, runs: readonly StoredRun[], recordedTime: Instant): Promise<void> {
  const rows = runs.flatMap(creditNoteRows);
  if (rows.length === 0) return;
  await sql.query(
    `insert into credit_note (organization_id, credit_note_id, subscription_reference, run_index, issue_time, amount, recorded_time)
     select current_organization(), r.credit_note_id, r.subscription_reference, r.run_index, r.issue_time, r.amount, $2::bigint
     from jsonb_to_recordset($1::jsonb) as r (credit_note_id text, subscription_reference text, run_index integer, issue_time bigint, amount numeric)`,
    [JSON.stringify(rows), recordedTime]);
}

async function storeAppliedCredits(sql: Sql, runs: readonly StoredRun[]): Promise<void> {
  const rows = runs.flatMap(appliedCreditRows);
  if (rows.length === 0) return;
  await sql.query(
    `insert into credit_application (organization_id, credit_note_id, invoice_id, amount)
     select current_organization(), r.credit_note_id, r.invoice_id, r.amount
     from jsonb_to_recordset($1::jsonb) as r (credit_note_id text, invoice_id text, amount numeric)`,
    [JSON.stringify(rows)]);
}

/** The engine version of those of the runs that are stored, by run id. */
export async function findEngineVersions(sql: Sql, runIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.query<{ run_id: string; engine_version: number }>(
    'select run_id, engine_version from billing_run where organization_id = current_organization() and run_id = any($1::text[])', [runIds]);
  return new Map(rows.map((row) => [row.run_id, row.engine_version]));
}

export interface OpenCredit {
  readonly runIndex: number;
  /** Decimal text. */
  readonly remaining: string;
}

/**
 * What earlier runs of the subscriptions owe that runs before each given one have not used, by subscription, oldest first.
 * Runs of a subscription are composed strictly in order, so this is a function of the earlier runs alone, on any day.
 */
export async function openCredits(sql: Sql, runs: readonly { readonly subscriptionReference: string; readonly runIndex: number }[]): Promise<ReadonlyMap<string, readonly OpenCredit[]>> {
  const rows = await sql.query<{ subscription_reference: string; run_index: number; remaining: string }>(
    `select note.subscription_reference, note.run_index, (note.amount - coalesce(sum(used.amount) filter (where spender.run_index < run.run_index), 0))::text as remaining
     from unnest($1::text[], $2::integer[]) as run (subscription_reference, run_index)
     join credit_note note on note.organization_id = current_organization() and note.subscription_reference = run.subscription_reference and note.run_index < run.run_index
     left join credit_application used on used.organization_id = note.organization_id and used.credit_note_id = note.credit_note_id
     left join invoice spender on spender.organization_id = used.organization_id and spender.invoice_id = used.invoice_id
     group by note.subscription_reference, note.run_index, note.issue_time, note.amount, run.run_index
     having note.amount > coalesce(sum(used.amount) filter (where spender.run_index < run.run_index), 0)
     order by note.subscription_reference, note.issue_time, note.run_index`,
    [runs.map(({ subscriptionReference }) => subscriptionReference), runs.map(({ runIndex }) => runIndex)]);
  return Map.groupBy(rows.map((row) => ({ subscriptionReference: row.subscription_reference, runIndex: row.run_index, remaining: row.remaining })), ({ subscriptionReference }) => subscriptionReference);
}
