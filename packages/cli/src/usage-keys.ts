// Keys of usage events, from the command line or from a file with one a line, however many.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Arguments } from './arguments.ts';
import { CommandError, UsageError, type OptionDeclaration, type PositionalDeclaration } from './command.ts';
import type { CommandContext } from './context.ts';
import { fileBytes } from './ingest/file-bytes.ts';
import { linesOf } from './ingest/text-pieces.ts';

/** What one request takes. */
const KEYS_MAX = 1_000;
const KEY = /^[\x21-\x7e]{1,128}$/;

export const keysPositional: PositionalDeclaration = { name: 'key', description: "The events' keys.", optional: true, repeated: true };
export const keysOption: Readonly<Record<string, OptionDeclaration>> = { keys: { value: 'file', description: 'A file with a key a line, or - for standard input.' } };

/** The keys in requests of at most 1,000, none twice in one. Throws UsageError, CommandError. */
export async function* keyBatches({ stdin }: Pick<CommandContext, 'stdin'>, args: Arguments): AsyncGenerator<string[], void, undefined> {
  const [named, file] = [args.positionals('key'), args.optional('keys')];
  if (named.length > 0 === (file !== null)) throw new UsageError('Name the keys, or give --keys <file>.');
  let batch = new Set<string>();
  for await (const key of file === null ? named : keysOf(file, stdin)) {
    batch.add(key);
    if (batch.size < KEYS_MAX) continue;
    yield [...batch];
    batch = new Set();
  }
  if (batch.size > 0) yield [...batch];
}

async function* keysOf(file: string, stdin: NodeJS.ReadableStream): AsyncGenerator<string, void, undefined> {
  try {
    for await (const { text, number, fault } of linesOf(fileBytes(file === '-' ? Readable.from(stdin, { objectMode: false }) : createReadStream(file)))) {
      const key = text.trim();
      if (key === '') continue;
      if (fault !== null || !KEY.test(key)) throw new CommandError(`Line ${number} is no key: 1 to 128 printable ASCII characters without spaces. Mend it and repeat: nothing is done twice.`);
      yield key;
    }
  } catch (error) {
    if (error instanceof Error && 'path' in error) throw new CommandError(`${file} can't be read: ${error.message}`);
    throw error;
  }
}
