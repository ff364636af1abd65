// Rows in, acknowledgements out: what the command and bill-trace share. Rows that make no event are refused here, before they
// are sent; the others by Valora. Memory does not grow with the file.
import { ingest, type IngestCounts, type IngestOptions, type UsageRecorder } from '@valora/client';
import { UsageOutcome, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import type { Mapping } from './mapping.ts';
import { RowRefused, type Refusal, type Row } from './row.ts';

export interface RowIngest<Source extends Row = Row> {
  readonly usage: UsageRecorder;
  readonly rows: AsyncIterable<Source>;
  readonly mapping: Mapping<Source>;
  /** Rows with a number up to this are passed over. */
  readonly skip: number;
  readonly onRefused: (row: Source, refusal: Refusal) => Promise<void>;
  readonly options: IngestOptions;
}

export interface RowCounts extends IngestCounts {
  /** Every row with a number up to this is acknowledged or refused. */
  readonly doneRow: number;
}

export type RowEvent<Source extends Row = Row> = UsageEvent & { readonly row: Source };

/** The events of rows; rows that make none are handed over. */
export async function* rowEvents<Source extends Row>({ rows, mapping, skip, onRefused }: Pick<RowIngest<Source>, 'rows' | 'mapping' | 'skip' | 'onRefused'>): AsyncGenerator<RowEvent<Source>, void, undefined> {
  for await (const row of rows) {
    if (row.number <= skip) continue;
    let events: readonly UsageEvent[] = [];
    try {
      events = mapping.eventsOf(row);
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      await onRefused(row, { reason: 'ROW_MALFORMED', field: error.field, message: error.message });
    }
    for (const event of events) yield { ...event, row };
  }
}

/** Records the rows; yields the counts after each acknowledged batch. */
export async function* ingestRows<Source extends Row>({ usage, options, onRefused, ...source }: RowIngest<Source>): AsyncGenerator<RowCounts, void, undefined> {
  const counts = { recorded: 0, duplicate: 0, refused: 0 };
  let doneRow = source.skip;
  for await (const acknowledged of ingest(usage, rowEvents({ ...source, onRefused }), options)) {
    for (const { event: { row }, outcome: { outcome, reason, field, message } } of acknowledged) {
      if (outcome === UsageOutcome.REFUSED) {
        counts.refused += 1;
        await onRefused(row, { reason, field, message });
      } else {
        counts[outcome === UsageOutcome.DUPLICATE ? 'duplicate' : 'recorded'] += 1;
      }
      // A row may make several events, and the last of them may be in the next batch.
      doneRow = row.number - 1;
    }
    yield { ...counts, doneRow };
  }
}
