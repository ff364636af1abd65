// What is done to the bytes of a CSV file before they are parsed: a record that is too long is cut, and its number kept, so that the
// parser, which would stop there, goes on with the next one. Memory does not grow with a record, however long it is.
import { CommandError } from '../command.ts';
import type { Bytes } from './file-bytes.ts';
import { ROW_BYTES_MAX } from './row.ts';

const [QUOTE = 0, NEWLINE = 0, CARRIAGE_RETURN = 0] = Buffer.from('"\n\r');

export interface CsvRecords {
  readonly bytes: Bytes;
  /** Whether the record with a number, from 0 for the heading, was cut; asked once, in their order. */
  wasCut(number: number): boolean;
}

export function boundedRecords(source: Bytes, bytesMax = ROW_BYTES_MAX): CsvRecords {
  const cut = new Set<number>();
  return { bytes: bounded(source, cut, bytesMax), wasCut: (number) => cut.delete(number) };
}

async function* bounded(source: Bytes, cut: Set<number>, bytesMax: number): AsyncGenerator<Buffer, void, undefined> {
  let end: number | undefined;
  let [record, length, lastByte, isQuoted, isCut, isOpenAtCut] = [0, 0, 0, false, false, false];
  for await (const chunk of source) {
    end ??= recordEnd(chunk);
    const kept: Buffer[] = [];
    let [start, nextQuote] = [0, chunk.indexOf(QUOTE)];
    while (start < chunk.length) {
      if (nextQuote >= 0 && nextQuote < start) nextQuote = chunk.indexOf(QUOTE, start);
      const nextEnd = isQuoted ? -1 : chunk.indexOf(end, start);
      const isEnd = nextEnd >= 0 && (nextQuote < 0 || nextEnd < nextQuote);
      const stop = isEnd ? nextEnd : nextQuote >= 0 ? nextQuote : chunk.length - 1;
      const wasQuoted = isQuoted;
      // A quote within a quoted cell is written twice, which leaves and enters again.
      if (!isEnd && stop === nextQuote) isQuoted = !isQuoted;
      const piece = chunk.subarray(start, stop + 1);
      start = stop + 1;
      length += piece.length;
      if (!isCut && length > bytesMax) {
        [isCut, isOpenAtCut] = [true, wasQuoted];
        cut.add(record);
        // Something of it must stay, or the parser would see no record. Quotes and ends stand last in a piece.
        kept.push(piece.subarray(0, Math.min(piece.length - 1, bytesMax)));
      }
      if (!isCut) kept.push(piece);
      else if (isEnd) kept.push(Buffer.from([...(isOpenAtCut ? [QUOTE] : []), ...((piece.at(-2) ?? lastByte) === CARRIAGE_RETURN ? [CARRIAGE_RETURN] : []), end]));
      lastByte = piece.at(-1) ?? 0;
      if (isEnd) [record, length, isCut] = [record + 1, 0, false];
    }
    if (kept.length > 0) yield kept.length === 1 && kept[0] !== undefined ? kept[0] : Buffer.concat(kept);
  }
  // Of a record that was not cut the parser sees it for itself.
  if (isCut && isQuoted) throw new CommandError(`The file is no CSV that can be read: a quote in row ${record} is never closed, so everything behind it is one cell. Mend that place; --skip goes on behind what was recorded.`);
  if (isCut && isOpenAtCut) yield Buffer.from([QUOTE]);
}

/** What ends records: a newline, as in most files, or a carriage return alone. */
function recordEnd(chunk: Buffer): number {
  const [newline, carriageReturn] = [chunk.indexOf(NEWLINE), chunk.indexOf(CARRIAGE_RETURN)];
  const isAlone = carriageReturn >= 0 && carriageReturn < chunk.length - 1 && chunk[carriageReturn + 1] !== NEWLINE;
  return isAlone && (newline < 0 || carriageReturn < newline) ? CARRIAGE_RETURN : NEWLINE;
}
