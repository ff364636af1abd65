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

const TAB_SEPARATED = '.tsv';
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

/** Where a file's rejects go: beside it, under a name that is read as the file is. */
export function rejectsOf(file: string, format: Format): string {
  if (file === STDIN) return `stdin.rejects.${FORMATS[format].rejects}`;
  const unpacked = file.replace(PACKED, '');
  const extension = formats().map((each) => extensionOf(file, each)).find((each) => each !== undefined) ?? '';
  return `${unpacked.slice(0, unpacked.length - extension.length)}.rejects.${format === 'csv' && extension === TAB_SEPARATED ? 'tsv' : FORMATS[format].rejects}`;
}

/** Whether tabulators part the columns, going by the name. */
export function isTabSeparated(file: string): boolean {
  return extensionOf(file, 'csv') === TAB_SEPARATED;
}

/** CloudEvents first: the ends of their names are those of others, with more before them. */
function formats(): Format[] {
  return ['cloudevents', 'ndjson', 'csv'];
}

function extensionOf(file: string, format: Format): string | undefined {
  const name = nameOf(file).toLowerCase();
  return FORMATS[format].extensions.find((extension) => name.endsWith(extension));
}
