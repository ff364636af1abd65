// A row that is a JSON text: what NDJSON and CloudEvents share. A refused one goes into the rejects as it was written, with members
// behind its own that say why; what is no JSON object goes there as text, in an object that is refused until it is mended.
import type { Piece } from './text-pieces.ts';
import { NOT_UTF_8, REJECT_COLUMNS, RowRefused, TOO_LONG, type Refusal, type Row } from './row.ts';

/** Under this name stands what was no JSON object. */
export const REJECTED_LINE = 'valora_line';

/** Throws RowRefused for a piece that can't be read, whatever its format. */
export function checkPiece({ fault }: Piece): void {
  if (fault === 'TOO_LONG') throw new RowRefused('', TOO_LONG);
  if (fault === 'NOT_UTF_8') throw new RowRefused('', NOT_UTF_8);
}

/** What an earlier refusal said of the row: `get` for the columns of a rejects file. */
export function rejectColumn({ text, fault }: Piece, values: Readonly<Record<string, unknown>> | null, column: string): string | undefined {
  const value = (values ?? objectOf(text))?.[column];
  if (typeof value !== 'string') return undefined;
  return fault === 'NOT_UTF_8' ? Buffer.from(value, 'latin1').toString() : value;
}

export function isRejectColumn(column: string): boolean {
  return REJECT_COLUMNS.some((each) => each === column);
}

/** The row of a rejects file. `isObject` says whether the piece was read as a JSON object. */
export function rejectedJson({ text, fault }: Piece, isObject: boolean): Row['rejected'] {
  return (source, number, { reason, field, message }: Refusal) => {
    const added = JSON.stringify({ valora_source: source, valora_row: number, valora_reason: reason, valora_field: field, valora_message: message }).slice(1);
    // An object that was not read is one of the rejects that nobody mended, or no UTF-8.
    const isKept = isObject || (fault !== 'TOO_LONG' && objectOf(text) !== null);
    const own = isKept ? withoutEnd(text) : `{"${REJECTED_LINE}":${JSON.stringify(text)}`;
    const comma = own.endsWith('{') ? '' : ',';
    // The text of such a row has a character for each byte.
    if (isKept && fault === 'NOT_UTF_8') return Buffer.concat([Buffer.from(`${own}${comma}`, 'latin1'), Buffer.from(`${added}\n`)]);
    return `${own}${comma}${added}\n`;
  };
}

/**
 * An object without its last bracket and without what an earlier refusal added; the rest stays as it was written, in one line: no string
 * of JSON holds a line end as it is.
 */
function withoutEnd(text: string): string {
  const line = text.trim().replaceAll(/[\r\n]+/g, ' ');
  const last = line.lastIndexOf('"valora_source":');
  return line.slice(0, last >= 0 && isAdded(line.slice(last)) ? last : -1).trimEnd().replace(/,$/, '');
}

/** Whether an object ends with nothing but the columns of a rejects file; a member of a member may have such a name too, and what was put behind them is the row's own. */
function isAdded(end: string): boolean {
  const added = objectOf(`{${end}`);
  return added !== null && Object.keys(added).every(isRejectColumn);
}

/** What was wrong with a piece of the rejects that nobody mended; null for any other piece. */
export function earlierMessage({ text }: Piece): string | null {
  const message = objectOf(text)?.['valora_message'];
  return typeof message === 'string' ? message : null;
}

function objectOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}
