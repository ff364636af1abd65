// The bytes of a file or a pipe: unpacked where they are gzip, without a byte order mark, and UTF-8 where they were UTF-16, which is
// what spreadsheets call Unicode text. Whether they really are UTF-8 is looked at row by row.
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CommandError } from '../command.ts';

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const UTF_16_MARKS = { 'utf-16le': Buffer.from([0xff, 0xfe]), 'utf-16be': Buffer.from([0xfe, 0xff]) } as const;
const GZIP_MARK = Buffer.from([0x1f, 0x8b]);
const MARK_BYTES_MAX = 3;

export type Bytes = AsyncIterable<Buffer>;

/** Throws CommandError where the bytes can't be unpacked or decoded. */
export async function* fileBytes(source: Readable): AsyncGenerator<Buffer, void, undefined> {
  const packed = chunksOf(source);
  const head = await headOf(packed);
  if (startsWith(head, GZIP_MARK)) yield* decoded(unpacked(head, packed));
  else yield* decoded(joined(head, packed));
}

async function* decoded(chunks: AsyncGenerator<Buffer, void, undefined>): AsyncGenerator<Buffer, void, undefined> {
  const head = await headOf(chunks);
  const utf16 = (['utf-16le', 'utf-16be'] as const).find((encoding) => startsWith(head, UTF_16_MARKS[encoding]));
  if (utf16 !== undefined) yield* fromUtf16(utf16, joined(head, chunks));
  else yield* joined(startsWith(head, BYTE_ORDER_MARK) ? head.subarray(BYTE_ORDER_MARK.length) : head, chunks);
}

async function* fromUtf16(encoding: keyof typeof UTF_16_MARKS, chunks: Bytes): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
    yield Buffer.from(decoder.decode());
  } catch (error) {
    if (error instanceof TypeError) throw new CommandError(`The file begins as ${encoding.toUpperCase()} and does not stay so. Save it as UTF-8.`);
    throw error;
  }
}

async function* unpacked(head: Buffer, chunks: Bytes): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip();
  // Also an error of the source ends the unpacking, and with it the loop over its output.
  pipeline(joined(head, chunks), gunzip, () => {});
  try {
    yield* chunksOf(gunzip);
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) throw new CommandError(`The gzip file is damaged or cut off: ${error.message}. Rows before that place may be recorded; mend the file and send it again, which records nothing twice.`);
    throw error;
  }
}

async function* joined(head: Buffer, chunks: Bytes): AsyncGenerator<Buffer, void, undefined> {
  if (head.length > 0) yield head;
  yield* chunks;
}

/** The first bytes, as many as a mark may have; fewer only where there are no more. */
async function headOf(chunks: AsyncGenerator<Buffer, void, undefined>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < MARK_BYTES_MAX) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

async function* chunksOf(source: Readable): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of source) yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
}

function startsWith(bytes: Buffer, mark: Buffer): boolean {
  return bytes.subarray(0, mark.length).equals(mark);
}
