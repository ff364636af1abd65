// Rows of a file, whatever its format: what a mapping may ask of one, and how one that was refused is written back, so that
// it can be mended and sent again.

/** Columns that a rejects file has besides the row's own; they are never taken for the row's. */
export const REJECT_COLUMNS = ['valora_source', 'valora_row', 'valora_reason', 'valora_field', 'valora_message'] as const;

export interface Refusal {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

export interface Row {
  /** From 1, without the heading. */
  readonly number: number;
  /** The text under a name; undefined where there is none. */
  get(column: string): string | undefined;
  /** Every name, for properties that are taken by their prefix. */
  names(): readonly string[];
  /** As a line of a rejects file. */
  rejected(source: string, number: string, refusal: Refusal): string;
}

export interface RowReader {
  /** The first lines of a rejects file. Known once a row was read. */
  rejectsHeading(): string;
  /** The names of the columns, where they are known before the first row. */
  columns(): Promise<readonly string[] | null>;
  rows(): AsyncIterable<Row>;
}

/** A row that can't be made an event of; it is refused before it is sent. */
export class RowRefused extends Error {
  override readonly name = 'RowRefused';
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** A row may not be longer: an event never is. */
export const ROW_BYTES_MAX = 1024 * 1024;
