// A file cut into the texts of its rows: lines, or the elements of a JSON array. A piece that is too long or no UTF-8 is handed on
// as such, to be refused by itself: nothing is read into bytes that mean nothing, and one bad row stops no other.
import { isUtf8 } from 'node:buffer';
import { CommandError } from '../command.ts';
import type { Bytes } from './file-bytes.ts';
import { ROW_BYTES_MAX } from './row.ts';

export interface Piece {
  /** From 1. */
  readonly number: number;
  /** The piece as text; where it is no UTF-8, a character for each byte; where it is too long, its beginning. */
  readonly text: string;
  readonly fault: 'NOT_UTF_8' | 'TOO_LONG' | null;
}

/** Whether a line is empty, which is no row. One that is too long is none such, whatever it begins with. */
export function isBlank({ text, fault }: Piece): boolean {
  return fault === null && /^[ \t\r]*$/.test(text);
}

/** How much of a piece that is too long is kept, to be recognized. */
const BEGINNING_BYTES = 1_000;
const NEWLINE = 0x0a;
const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\,[]{}');
const WHITE_SPACE = new Set(Buffer.from(' \t\r\n'));

/** Gathers the bytes of one piece after the other, none beyond what a row may have. */
class Gatherer {
  #parts: Buffer[] = [];
  #length = 0;
  #number = 0;

  add(bytes: Buffer): void {
    if (this.#length <= ROW_BYTES_MAX) this.#parts.push(this.#length + bytes.length > ROW_BYTES_MAX ? bytes.subarray(0, ROW_BYTES_MAX + 1 - this.#length) : bytes);
    this.#length += bytes.length;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  get number(): number {
    return this.#number;
  }

  /** The piece that is gathered; the next one begins. */
  take(): Piece {
    const [only] = this.#parts;
    const bytes = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    const isTooLong = this.#length > ROW_BYTES_MAX;
    [this.#parts, this.#length] = [[], 0];
    this.#number += 1;
    if (isTooLong) return { number: this.#number, text: bytes.toString('latin1', 0, BEGINNING_BYTES), fault: 'TOO_LONG' };
    return isUtf8(bytes) ? { number: this.#number, text: bytes.toString(), fault: null } : { number: this.#number, text: bytes.toString('latin1'), fault: 'NOT_UTF_8' };
  }
}

/** The lines of a file. */
export async function* linesOf(bytes: Bytes): AsyncGenerator<Piece, void, undefined> {
  const gatherer = new Gatherer();
  for await (const chunk of bytes) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      gatherer.add(chunk.subarray(start, end));
      yield gatherer.take();
      start = end + 1;
    }
    // What stays behind must not keep the whole chunk alive, nor change with it.
    if (start < chunk.length) gatherer.add(Buffer.from(chunk.subarray(start)));
  }
  if (!gatherer.isEmpty) yield gatherer.take();
}

/** The elements of a file that is one JSON array, each as it is written, over several lines too. Throws CommandError where the array itself is broken. */
export async function* elementsOf(bytes: Bytes): AsyncGenerator<Piece, void, undefined> {
  const gatherer = new Gatherer();
  const scanner = createScanner();
  for await (const chunk of bytes) {
    let start = scanner.isWithin() ? 0 : -1;
    for (let position = 0; position < chunk.length; position += 1) {
      const byte = chunk[position] ?? 0;
      const step = scanner.step(byte);
      if (step === 'NEXT') continue;
      if (step === 'BEYOND') throw new CommandError(`The array ends after element ${gatherer.number}, and there is more behind it. A batch is one JSON array.`);
      if (step === 'BEGIN') start = position + 1;
      if (step === 'CUT' || step === 'END') {
        gatherer.add(chunk.subarray(start, position));
        // `[]` has no element; `[1,]` has a second one that is nothing, and is refused.
        if (step === 'CUT' || gatherer.number > 0 || !scanner.wasBlank()) yield gatherer.take();
        start = position + 1;
      }
    }
    if (scanner.isWithin()) gatherer.add(Buffer.from(chunk.subarray(start)));
  }
  if (!scanner.isEnded()) throw new CommandError(`The file ends within the array, after element ${gatherer.number}: it was cut off, or a bracket or quote of the next element is missing. Elements before that may be recorded; mend the file and send it again, which records nothing twice.`);
}

type Step = 'NEXT' | 'BEGIN' | 'CUT' | 'END' | 'BEYOND';

interface Scanner {
  step(byte: number): Step;
  /** Whether elements may come: behind the opening bracket, before the closing one. */
  isWithin(): boolean;
  isEnded(): boolean;
  /** Whether the element that ended last was white space only. */
  wasBlank(): boolean;
}

/** Knows of JSON what it takes to tell where an element ends: strings, and how deep brackets go. */
function createScanner(): Scanner {
  let [began, ended, isString, isEscaped, isBlank, wasBlank] = [false, false, false, false, true, true];
  let depth = 0;
  return {
    isWithin: () => began && !ended,
    isEnded: () => ended,
    wasBlank: () => wasBlank,
    step(byte) {
      if (isString) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isString = false;
        return 'NEXT';
      }
      if (WHITE_SPACE.has(byte)) return 'NEXT';
      if (!began) {
        began = true;
        return 'BEGIN';
      }
      if (ended) return 'BEYOND';
      if (depth === 0 && (byte === COMMA || byte === CLOSE_LIST)) {
        [wasBlank, isBlank, ended] = [isBlank, true, byte === CLOSE_LIST];
        return ended ? 'END' : 'CUT';
      }
      isBlank = false;
      if (byte === QUOTE) isString = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth += 1;
      // One too many is the element's own problem.
      else if ((byte === CLOSE_LIST || byte === CLOSE_OBJECT) && depth > 0) depth -= 1;
      return 'NEXT';
    },
  };
}

/** Whether a file is one JSON array: its first character that is no white space is its bracket. Answers the bytes too, all of them. */
export async function beginsWithBracket(bytes: AsyncGenerator<Buffer, void, undefined>): Promise<{ readonly isArray: boolean; readonly bytes: Bytes }> {
  const read: Buffer[] = [];
  let [isArray, length] = [false, 0];
  for (let next = await bytes.next(); next.done !== true; next = await bytes.next()) {
    read.push(next.value);
    length += next.value.length;
    const first = next.value.find((byte) => !WHITE_SPACE.has(byte));
    isArray = first === OPEN_LIST;
    // Nothing but white space for longer than a row may be: whatever that is, it is not kept.
    if (first !== undefined || length > ROW_BYTES_MAX) break;
  }
  return { isArray, bytes: (async function* () { yield* read; yield* bytes; })() };
}
