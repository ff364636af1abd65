// Everything that is stored of one run, as rows of texts: what verification compares.
import { queryOne, type Sql } from '@valora/chassis';
import { instant, type Instant } from '@valora/rating';
import type { Row } from './billing-run-rows.ts';
import type { InvoiceNumber } from './invoice.ts';

/** A table's rows, in the order in which they are compared. */
export interface StoredRows {
  readonly billing_run: readonly Row[];
  readonly run_line: readonly Row[];
  readonly invoice: readonly Row[];
  readonly credit_note: readonly Row[];
  readonly credit_application: readonly Row[];
}

export interface RunName {
  readonly subscriptionReference: string;
  readonly runIndex: number;
  readonly cutoff: Instant;
}

export interface DocumentName {
  readonly kind: 'INVOICE' | 'CREDIT_NOTE';
  readonly id: string;
}

/** A stored cutoff may have been changed to what is no instant; the column itself is compared as it is. */
const CUTOFF = `least(greatest(coalesce(run.cutoff_time, document.issue_time), -62135596800000000), 253402300799999999)`;

/** The run of a document; `null` without such a document. A run that is gone is one that was cut off when the document was issued. */
export async function findRunOfDocument(sql: Sql, { kind, id }: DocumentName): Promise<RunName | null> {
  const [table, key] = kind === 'INVOICE' ? ['invoice', 'invoice_id'] : ['credit_note', 'credit_note_id'];
  const [row] = await sql.query<{ subscription_reference: string; run_index: number; cutoff_time: bigint }>(
    `select document.subscription_reference, document.run_index, ${CUTOFF} as cutoff_time
     from ${table} document left join billing_run run using (organization_id, subscription_reference, run_index)
     where document.organization_id = current_organization() and document.${key} = $1`, [id]);
  return row === undefined ? null : { subscriptionReference: row.subscription_reference, runIndex: row.run_index, cutoff: instant(row.cutoff_time) };
}

/** With which engine version each run of the subscription up to this one was composed, by index. */
export async function findEngineVersionsThrough(sql: Sql, { subscriptionReference, runIndex }: RunName): Promise<ReadonlyMap<number, number>> {
  const rows = await sql.query<{ run_index: number; engine_version: number }>(
    'select run_index, engine_version from billing_run where organization_id = current_organization() and subscription_reference = $1 and run_index <= $2::integer', [subscriptionReference, runIndex]);
  return new Map(rows.map((row) => [row.run_index, row.engine_version]));
}

export async function findStoredRows(sql: Sql, run: RunName): Promise<StoredRows> {
  const ofRun = 'subscription_reference = $1 and run_index = $2::integer';
  return {
    billing_run: await rowsOf(sql, run, `select * from billing_run where ${ofRun}`),
    run_line: await rowsOf(sql, run, `select * from run_line where ${ofRun} order by line_index`),
    invoice: await rowsOf(sql, run, `select * from invoice where ${ofRun}`),
    credit_note: await rowsOf(sql, run, `select * from credit_note where ${ofRun}`),
    credit_application: await rowsOf(sql, run,
      `select used.* from credit_application used join invoice using (organization_id, invoice_id) left join credit_note note using (organization_id, credit_note_id)
       where invoice.subscription_reference = $1 and invoice.run_index = $2::integer order by note.run_index, credit_note_id`),
  };
}

/** Every column of the row `stored` as PostgreSQL prints it, but those that are no part of what a run comes to. */
const COLUMNS = `(select jsonb_object_agg(key, value) from jsonb_each_text(to_jsonb(stored) - array['organization_id', 'recorded_time']))::text`;

function rowFromColumns(columns: string): Row {
  return JSON.parse(columns) as Row; // an object of texts and nulls, by the statement above
}

async function rowsOf(sql: Sql, { subscriptionReference, runIndex }: RunName, select: string): Promise<readonly Row[]> {
  const rows = await sql.query<{ columns: string }>(
    `select ${COLUMNS} as columns from (${select}) as stored where stored.organization_id = current_organization()`, [subscriptionReference, runIndex]);
  return rows.map(({ columns }) => rowFromColumns(columns));
}

/** Where an invoice stands in the giving of numbers. */
export interface Numbering {
  readonly invoiceId: string;
  /** Its row among the drafts; `null` once it is finalized. */
  readonly draft: Row | null;
  /** `null` for a draft. */
  readonly number: InvoiceNumber | null;
  readonly lastNumber: bigint | null;
  readonly greatestNumber: bigint | null;
  /** Whether the number before it is given; true for 1 and for a draft. */
  readonly followsAnother: boolean;
}

/** In one statement: an invoice may be finalized meanwhile. */
export async function findNumbering(sql: Sql, invoiceId: string): Promise<Numbering> {
  const row = await queryOne<{ draft: string | null; number: bigint | null; digest: string | null; last_number: bigint | null; greatest_number: bigint | null; follows_another: boolean }>(sql,
    `select own.number, own.digest,
       (select ${COLUMNS} from invoice_draft as stored where organization_id = current_organization() and invoice_id = $1) as draft,
       (select last_number from invoice_number where organization_id = current_organization()) as last_number,
       (select max(number) from invoice_finalization where organization_id = current_organization()) as greatest_number,
       own.number is null or own.number = 1
         or exists (select from invoice_finalization before where before.organization_id = current_organization() and before.number = own.number - 1) as follows_another
     from (values (1)) as one left join invoice_finalization own on own.organization_id = current_organization() and own.invoice_id = $1`, [invoiceId]);
  return {
    invoiceId,
    draft: row.draft === null ? null : rowFromColumns(row.draft),
    number: row.number === null || row.digest === null ? null : { number: row.number, digest: row.digest },
    lastNumber: row.last_number,
    greatestNumber: row.greatest_number,
    followsAnother: row.follows_another,
  };
}
