// The rows that were refused, each with the reason, in the format of the file they came from. Mended, the file can be sent as it
// is: the columns that were added are known and left aside.
import { createWriteStream, statSync, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { CommandError } from '../command.ts';
import type { Mapping } from './mapping.ts';
import type { Refusal, Row, RowReader } from './row.ts';

export interface Rejects<Source extends Row = Row> {
  /** How many rows were refused. */
  count(): number;
  /** Writes a row; a second refusal of the same row is not written again. */
  add(row: Source, refusal: Refusal): Promise<void>;
  close(): Promise<void>;
}

/** Makes the file when the first row is refused, in place of one that is there; with `goOn`, behind what a run that broke off wrote into it. */
export function openRejects<Source extends Row>(file: string, reader: RowReader<Source>, { mapping, goOn }: { mapping: Mapping<Source>; goOn: boolean }): Rejects<Source> {
  let stream: WriteStream | undefined;
  let count = 0;
  const written = new WeakSet<Source>();
  let failure: CommandError | undefined;
  function open(): WriteStream {
    const isBegun = goOn && (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
    const opened = createWriteStream(file, { flags: isBegun ? 'a' : 'w' });
    opened.on('error', (error) => { failure ??= new CommandError(`The rejects can't be written to ${file}: ${error.message}. Name another file by --rejects.`); });
    if (!isBegun) opened.write(reader.rejectsHeading());
    return opened;
  }
  async function write(text: string | Uint8Array): Promise<void> {
    stream ??= open();
    // What can't be written is said by the next row, and at the end.
    if (!stream.write(text) && failure === undefined) await once(stream, 'drain').catch(() => {});
    if (failure !== undefined) throw failure;
  }
  return {
    count: () => count,
    async add(row, refusal) {
      if (written.has(row)) return;
      written.add(row);
      count += 1;
      const { source, number } = mapping.origin(row);
      await write(row.rejected(source, number, refusal));
    },
    async close() {
      if (stream === undefined) return;
      if (!stream.closed) {
        stream.end();
        await once(stream, 'close').catch(() => {});
      }
      if (failure !== undefined) throw failure;
    },
  };
}
