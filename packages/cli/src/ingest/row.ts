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
  /** Whether a text may be empty and still be there; in CSV an empty cell is what an absent one looks like. */
  readonly hasEmptyTexts: boolean;
  /** The text under a name; undefined where there is none. */
  get(column: string): string | undefined;
  /** Every name, for properties that are taken by their prefix. */
  names(): readonly string[];
  /** As a line of a rejects file; as bytes where they are not UTF-8, so that they stay what they are. */
  rejected(source: string, number: string, refusal: Refusal): string | Uint8Array;
}

export interface RowReader<Source extends Row = Row> {
  /** The first lines of a rejects file. Known once a row was read. */
  rejectsHeading(): string;
  /** The names of the columns, where they are known before the first row. */
  columns(): Promise<readonly string[] | null>;
  rows(): AsyncIterable<Source>;
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

export const TOO_LONG = `This row is longer than ${ROW_BYTES_MAX} bytes, and only its beginning is kept in the rejects. Mend it in the file that it comes from.`;
export const NOT_UTF_8 = 'This row is not valid UTF-8. Its bytes stand in the rejects as they are: save them as UTF-8 and send them again.';

/** Where a row came from first: a rejects file that is sent again keeps it, and with it the keys that derive from it. */
export function originOf(row: Row, source: string): { readonly source: string; readonly number: string } {
  const [firstSource, firstRow] = [row.get('valora_source'), row.get('valora_row')];
  return firstSource !== undefined && firstRow !== undefined ? { source: firstSource, number: firstRow } : { source, number: String(row.number) };
}
