// CSV with a heading, as RFC 4180 has it.
import { pipeline, type Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { CommandError } from '../command.ts';
import { REJECT_COLUMNS, ROW_BYTES_MAX, RowRefused, type Refusal, type Row, type RowReader } from './row.ts';

export function readCsv(source: Readable, delimiter: string): RowReader {
  const parser = parse({ bom: true, delimiter, relax_column_count: true, max_record_size: ROW_BYTES_MAX });
  // Also an error of the source ends the parser, and with it the loop over its records.
  pipeline(source, parser, () => {});
  const records: AsyncIterator<string[]> = parser[Symbol.asyncIterator]();
  let heading: Promise<readonly string[]> | undefined;

  async function next(): Promise<readonly string[] | null> {
    try {
      const next = await records.next();
      return next.done === true ? null : next.value;
    } catch (error) {
      if (error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_')) throw new CommandError(`The file is no CSV that can be read: ${error.message}. Mend that place; --skip goes on behind what was recorded.`);
      throw error;
    }
  }

  async function readHeading(): Promise<readonly string[]> {
    const names = await next();
    if (names === null) throw new CommandError('The file is empty; a CSV file begins with the names of its columns.');
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
        const isBlank = cells.length === 1 && cells[0] === '';
        if (!isBlank) yield csvRow({ number, names, positions, cells, delimiter });
      }
    },
  };
}

interface CsvCells {
  readonly number: number;
  readonly names: readonly string[];
  readonly positions: ReadonlyMap<string, number>;
  readonly cells: readonly string[];
  readonly delimiter: string;
}

function csvRow({ number, names, positions, cells, delimiter }: CsvCells): Row {
  // A comma that was not quoted, as in 1,000, moves every cell behind it: what stands under a name is then not what it says.
  const isShifted = cells.length < names.length || cells.slice(names.length).some((cell) => cell !== '');
  return {
    number,
    get(column) {
      if (isShifted && !isOwn(column)) return undefined;
      if (isShifted) throw new RowRefused('', `The row has ${cells.length} cells and the heading ${names.length}. Quote cells that hold the delimiter.`);
      return cells[positions.get(column) ?? -1];
    },
    names: () => names,
    rejected(source, row, { reason, field, message }: Refusal) {
      // A shifted row stands in the first cell as a whole: sent again before it is mended, it must be refused again.
      const own = names.filter(isOwn).map((name, position) => (!isShifted ? cells[positions.get(name) ?? -1] ?? '' : position === 0 ? cells.join(delimiter) : ''));
      return csvLine([...own, source, row, reason, field, message], delimiter);
    },
  };
}

function isOwn(name: string): boolean {
  return !REJECT_COLUMNS.some((column) => column === name);
}

function csvLine(cells: readonly string[], delimiter: string): string {
  return `${cells.map((cell) => (cell.includes(delimiter) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(delimiter)}\n`;
}
