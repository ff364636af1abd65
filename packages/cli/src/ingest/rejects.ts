// The rows that were refused, each with the reason, in the format of the file they came from. Mended, the file can be sent as it
// is: the columns that were added are known and left aside.
import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import type { Mapping } from './mapping.ts';
import type { Refusal, Row, RowReader } from './row.ts';

export interface Rejects {
  /** How many rows were refused. */
  count(): number;
  /** Writes a row; a second refusal of the same row is not written again. */
  add(row: Row, refusal: Refusal): Promise<void>;
  close(): Promise<void>;
}

/** Makes the file when the first row is refused, in place of one that is there. */
export function openRejects(file: string, reader: RowReader, mapping: Mapping): Rejects {
  let stream: WriteStream | undefined;
  let count = 0;
  const written = new WeakSet<Row>();
  async function write(text: string): Promise<void> {
    if (stream === undefined) {
      stream = createWriteStream(file);
      await once(stream, 'open');
      stream.write(reader.rejectsHeading());
    }
    if (!stream.write(text)) await once(stream, 'drain');
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
      stream.end();
      await once(stream, 'close');
    },
  };
}
