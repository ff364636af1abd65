// CSV with a heading, as RFC 4180 has it. The parser is given a character for each byte, so that a row that is no UTF-8 is seen, and
// goes into the rejects with the bytes that it has.
import { isUtf8 } from 'node:buffer';
import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { CommandError } from '../command.ts';
import { boundedRecords } from './csv-records.ts';
import type { Bytes } from './file-bytes.ts';
import { NOT_UTF_8, REJECT_COLUMNS, ROW_BYTES_MAX, RowRefused, TOO_LONG, type Refusal, type Row, type RowReader } from './row.ts';

type Fault = 'SHIFTED' | 'NOT_UTF_8' | 'TOO_LONG' | null;

const BEGINNING_BYTES = 1_000;
const OTHER_THAN_ASCII = /[\x80-\xff]/;

export function readCsv(bytes: Bytes, delimiter: string): RowReader {
  const bounded = boundedRecords(bytes);
  const parser = parse({ encoding: 'latin1', delimiter: bytesOf(delimiter), relax_column_count: true, max_record_size: 2 * ROW_BYTES_MAX });
  // Also an error of the source ends the parser, and with it the loop over its records.
  pipeline(Readable.from(bounded.bytes), parser, () => {});
  const records: AsyncIterator<string[]> = parser[Symbol.asyncIterator]();
  let heading: Promise<readonly string[]> | undefined;

  async function next(): Promise<readonly string[] | null> {
    try {
      const next = await records.next();
      return next.done === true ? null : next.value;
    } catch (error) {
      if (error instanceof CsvError) throw new CommandError(`The file is no CSV that can be read: ${textOf(error.message)}. Mend that place; --skip goes on behind what was recorded.`);
      throw error;
    }
  }

  async function readHeading(): Promise<readonly string[]> {
    const cells = await next();
    if (cells === null) throw new CommandError('The file is empty; a CSV file begins with the names of its columns.');
    if (bounded.wasCut(0)) throw new CommandError(`The heading is longer than ${ROW_BYTES_MAX} bytes. Is this a CSV file?`);
    if (!cells.every(isText)) throw new CommandError('The heading is not valid UTF-8. Save the file as UTF-8.');
    const names = cells.map(textOf);
    const repeated = names.find((name, position) => names.indexOf(name) < position);
    if (repeated !== undefined) throw new CommandError(`The heading names the column "${repeated}" twice.`);
    return names;
  }

  let known: readonly string[] = [];
  const columns = async (): Promise<readonly string[]> => known = await (heading ??= readHeading());
  return {
    columns,
    rejectsHeading: () => csvLine([...known.filter(isOwn), ...REJECT_COLUMNS], delimiter),
    async *rows() {
      const names = await columns();
      const positions = new Map(names.map((name, position) => [name, position]));
      for (let number = 1; ; number += 1) {
        const cells = await next();
        if (cells === null) return;
        const [isCut, isBlank] = [bounded.wasCut(number), cells.length === 1 && cells[0] === ''];
        if (isCut || !isBlank) yield csvRow({ number, names, positions, cells, delimiter, isCut });
      }
    },
  };
}

interface CsvCells {
  readonly number: number;
  readonly names: readonly string[];
  readonly positions: ReadonlyMap<string, number>;
  /** A character for each byte. */
  readonly cells: readonly string[];
  readonly delimiter: string;
  readonly isCut: boolean;
}

function csvRow({ number, names, positions, cells, delimiter, isCut }: CsvCells): Row {
  const fault = faultOf(cells, names.length, isCut);
  return {
    number,
    hasEmptyTexts: false,
    get(column) {
      if (fault === null || (fault === 'NOT_UTF_8' && !isOwn(column))) return textAt(cells, positions.get(column));
      if (!isOwn(column)) return undefined;
      throw new RowRefused('', messageOf(fault, cells.length, names.length));
    },
    names: () => names,
    rejected(source, row, { reason, field, message }: Refusal) {
      // A row that was cut or shifted stands in the first cell: sent again before it is mended, it must be refused again.
      const whole = fault === 'SHIFTED' ? cells.join(bytesOf(delimiter).toString('latin1')) : fault === 'TOO_LONG' ? cells.join(' ').slice(0, BEGINNING_BYTES) : null;
      const own = names.filter(isOwn).map((name, position) => (whole === null ? cells[positions.get(name) ?? -1] ?? '' : position === 0 ? whole : ''));
      const added = [source, row, reason, field, message].map((text) => bytesOf(text).toString('latin1'));
      return Buffer.from(csvLine([...own, ...added], bytesOf(delimiter).toString('latin1')), 'latin1');
    },
  };
}

/** A comma that was not quoted, as in 1,000, moves every cell behind it: what stands under a name is then not what it says. */
function faultOf(cells: readonly string[], columnCount: number, isCut: boolean): Fault {
  if (isCut) return 'TOO_LONG';
  if (cells.length < columnCount || cells.slice(columnCount).some((cell) => cell !== '')) return 'SHIFTED';
  return cells.every(isText) ? null : 'NOT_UTF_8';
}

function messageOf(fault: Exclude<Fault, null>, cellCount: number, columnCount: number): string {
  switch (fault) {
    case 'TOO_LONG':
      return TOO_LONG;
    case 'NOT_UTF_8':
      return NOT_UTF_8;
    case 'SHIFTED':
      return `The row has ${cellCount} cells and the heading ${columnCount}. Quote cells that hold the delimiter.`;
  }
}

function textAt(cells: readonly string[], position: number | undefined): string | undefined {
  const cell = position === undefined ? undefined : cells[position];
  return cell === undefined ? undefined : textOf(cell);
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text);
}

/** The text whose bytes a cell holds. */
function textOf(cell: string): string {
  return OTHER_THAN_ASCII.test(cell) ? Buffer.from(cell, 'latin1').toString() : cell;
}

function isText(cell: string): boolean {
  return !OTHER_THAN_ASCII.test(cell) || isUtf8(Buffer.from(cell, 'latin1'));
}

function isOwn(name: string): boolean {
  return !REJECT_COLUMNS.some((column) => column === name);
}

function csvLine(cells: readonly string[], delimiter: string): string {
  return `${cells.map((cell) => (cell.includes(delimiter) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(delimiter)}\n`;
}
