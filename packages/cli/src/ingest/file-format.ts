// What a file is, by its name or as the caller says.
import { basename } from 'node:path';
import { UsageError } from '../command.ts';

/** Standard input, as it is named on the command line. */
export const STDIN = '-';

/** The names that files of each format end with, and those of its rejects. */
export const FORMATS = {
  csv: { extensions: ['.csv', '.tsv'], rejects: 'csv' },
  ndjson: { extensions: ['.ndjson', '.jsonl'], rejects: 'ndjson' },
  cloudevents: { extensions: ['.cloudevents.json', '.cloudevents.ndjson', '.cloudevents.jsonl', '.cloudevents'], rejects: 'cloudevents.ndjson' },
} as const;
export type Format = keyof typeof FORMATS;

const PACKED = /\.gz$/i;

export function formatOf(file: string, given: string | null): Format {
  const found = formats().find((format) => (given === null ? extensionOf(file, format) !== undefined : format === given));
  if (found === undefined) throw new UsageError(`What is ${file}? Say --format ${formats().toReversed().join(', --format ')}.`);
  return found;
}

/** The file's name without its folder and without .gz: packed or not, it is one source. */
export function nameOf(file: string): string {
  return basename(file).replace(PACKED, '');
}

export function withoutExtension(file: string): string {
  const unpacked = file.replace(PACKED, '');
  const extension = formats().map((format) => extensionOf(file, format)).find((each) => each !== undefined) ?? '';
  return unpacked.slice(0, unpacked.length - extension.length);
}

/** CloudEvents first: the ends of their names are those of others, with more before them. */
function formats(): Format[] {
  return ['cloudevents', 'ndjson', 'csv'];
}

function extensionOf(file: string, format: Format): string | undefined {
  const name = nameOf(file).toLowerCase();
  return FORMATS[format].extensions.find((extension) => name.endsWith(extension));
}
