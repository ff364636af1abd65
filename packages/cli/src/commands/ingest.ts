// Usage from a file.
import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { Arguments } from '../arguments.ts';
import { CommandError, EXIT, UsageError, type Command, type ExitCode } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { fileBytes } from '../ingest/file-bytes.ts';
import { formatOf, FORMATS, isTabSeparated, rejectsOf, STDIN, type Format } from '../ingest/file-format.ts';
import { cloudEventMappingOf, rowMappingOf } from '../ingest/ingest-options.ts';
import { ingestRows, type RowCounts } from '../ingest/ingest-rows.ts';
import { FIELD_NAMES, TIME_FORMATS, type Mapping } from '../ingest/mapping.ts';
import { createProgress, type Read } from '../ingest/progress.ts';
import { openRejects } from '../ingest/rejects.ts';
import type { Row, RowReader } from '../ingest/row.ts';

const ROWS_MAX = Number.MAX_SAFE_INTEGER;

/** A file that is open, what reads its rows, and what makes events of them. */
interface Input<Source extends Row> {
  readonly file: string;
  readonly source: Readable;
  readonly reader: RowReader<Source>;
  readonly mapping: Mapping<Source>;
  readonly rejectsFile: string;
}

async function run(context: CommandContext, args: Arguments): Promise<ExitCode> {
  const file = args.positional('file');
  const format = formatOf(file, args.optional('format'));
  const mapping = format === 'cloudevents' ? cloudEventMappingOf(args) : rowMappingOf(args);
  const rejectsFile = args.optional('rejects') ?? rejectsOf(file, format);
  if (resolve(rejectsFile) === resolve(file)) throw new UsageError('The rejects would overwrite the file they come from. Name another by --rejects.');
  const source = file === STDIN ? Readable.from(context.stdin, { objectMode: false }) : createReadStream(file);
  const bytes = fileBytes(source);
  if ('cloudEvents' in mapping) {
    const { readCloudEvents } = await import('../ingest/cloud-event-rows.ts');
    return await send(context, args, { file, source, rejectsFile, reader: readCloudEvents(bytes), mapping: mapping.cloudEvents });
  }
  return await send(context, args, { file, source, rejectsFile, reader: await rowReader(bytes, format, args), mapping: mapping.rows });
}

async function rowReader(bytes: AsyncGenerator<Buffer, void, undefined>, format: Format, args: Arguments): Promise<RowReader> {
  if (format === 'ndjson') return (await import('../ingest/ndjson-rows.ts')).readNdjson(bytes);
  const delimiter = args.optional('delimiter') ?? (isTabSeparated(args.positional('file')) ? 'tab' : ',');
  return (await import('../ingest/csv-rows.ts')).readCsv(bytes, delimiter === 'tab' ? '\t' : delimiter);
}

/** How much of the file is read; null for what has no size. A packed file's bytes count as they are packed. */
function readOf(file: string, source: Readable): () => Read | null {
  const ofBytes = file === STDIN ? 0 : (statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  return () => (ofBytes > 0 && 'bytesRead' in source && typeof source.bytesRead === 'number' ? { bytes: source.bytesRead, ofBytes } : null);
}

async function send<Source extends Row>(context: CommandContext, args: Arguments, { file, source, reader, mapping, rejectsFile }: Input<Source>): Promise<ExitCode> {
  const columns = await reader.columns().catch((error: unknown) => { throw missingFile(error, file); });
  if (columns !== null) mapping.check(columns);
  const skip = args.integer('skip', { min: 0, max: ROWS_MAX });
  const rejects = openRejects(rejectsFile, reader, { mapping, goOn: skip > 0 });
  const progress = context.json ? null : createProgress(context.stderr, readOf(file, source));
  const started = performance.now();
  let counts: RowCounts = { recorded: 0, duplicate: 0, refused: 0, doneRow: skip };
  try {
    const acknowledged = ingestRows({
      usage: context.client().usage, rows: reader.rows(), mapping, skip, onRefused: (row, refusal) => rejects.add(row, refusal),
      options: { batchSize: args.integer('batch-size', { min: 1, max: 5_000 }), inFlight: args.integer('in-flight', { min: 1, max: 64 }), signal: context.stopSignal() },
    });
    for await (const each of acknowledged) {
      counts = each;
      progress?.update(each);
    }
  } catch (error) {
    if (counts.doneRow > skip) context.note(`\n${counts.doneRow} rows are done. Send the file again, which records nothing twice, or go on with --skip ${counts.doneRow}.`);
    throw missingFile(error, file);
  } finally {
    progress?.end();
    await rejects.close();
  }
  const seconds = (performance.now() - started) / 1000;
  const { recorded, duplicate } = counts;
  const rows = rejects.count();
  context.output.value(
    () => ({ recorded, duplicate, refusedRows: rows, rejectsFile: rows === 0 ? null : rejectsFile, milliseconds: Math.trunc(seconds * 1000) }),
    () => [
      `${recorded} events recorded, ${duplicate} known before, in ${seconds.toFixed(1)} s (${Math.trunc((recorded + duplicate) / seconds)}/s).`,
      ...(rows === 0 ? [] : [`${rows} ${rows === 1 ? 'row was' : 'rows were'} refused: ${rejectsFile} says why. Mend it and send it in the same way.`]),
    ]);
  return rows === 0 ? EXIT.OK : EXIT.PARTLY;
}

function missingFile(error: unknown, file: string): unknown {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code) && 'path' in error ? new CommandError(`${file} can't be read: ${error.message}`) : error;
}

export const ingestCommands: readonly Command[] = [
  {
    name: 'ingest',
    summary: 'Records usage from a CSV, NDJSON or CloudEvents file of any size, and writes the rows that are refused to a file of their own.',
    details: 'Sending the same file again records nothing twice: that is how a run that broke off, by kill -9 even, goes on. No file remembers how far it came; the keys do. A gzip file is unpacked. Ends with 3 when rows were refused.',
    credential: 'an API key',
    positionals: [{ name: 'file', description: 'The file, or - for standard input.' }],
    options: {
      format: { value: 'format', description: 'What the file is; otherwise its name says it (.csv, .tsv, .ndjson, .jsonl, .cloudevents.json, .cloudevents.ndjson, each with .gz or without).', choices: Object.keys(FORMATS) },
      map: { value: 'field=column', description: `Which column is what: ${FIELD_NAMES.join(', ')}, property.<name>. Several with commas between. Unmapped, columns of these names are taken, and event_time, idempotency_key. Of CloudEvents only value, subscription and property.<name> are mapped, to data.<member> or an attribute.`, repeated: true },
      meter: { value: 'type=meter', description: "The meter of a type of CloudEvents; otherwise the type is the meter's code.", repeated: true },
      value: { value: 'type=place', description: 'Where the value of a type of CloudEvents is, for example prompt=data.tokens; otherwise where --map value says, otherwise data.value.', repeated: true },
      constant: { value: 'field=text', description: 'The same for every row, for example meter=requests.', repeated: true },
      'meter-column': { value: 'meter=column', description: "For a row with values of several meters: the column with the value of this one. Of several, each event's key is the row's with : and the meter behind it; so name all of them the first time, since a row that was sent with one alone has another key.", repeated: true },
      'time-format': { value: 'format', description: 'How times are written; sql is 2026-01-31 09:30:00.123 in UTC, unix counts since 1970. Otherwise rfc3339.', choices: TIME_FORMATS },
      'key-from-row': { value: null, description: "Derives each event's key from the file's name, the row's number and the meter. Only for a file that never changes." },
      source: { value: 'name', description: "The name that keys from rows derive from; otherwise the file's, without .gz." },
      delimiter: { value: 'character', description: 'What parts the columns of a CSV file; `tab` for a tabulator. Otherwise a comma.' },
      skip: { value: 'n', description: 'Passes over the first n rows.', default: '0' },
      rejects: { value: 'file', description: 'Where refused rows go; otherwise beside the file, as <name>.rejects.<format>. With --skip a file that is there is continued.' },
      'batch-size': { value: 'n', description: 'Events to a request, 1 to 5000.', default: '1000' },
      'in-flight': { value: 'n', description: 'Requests under way at a time, 1 to 64.', default: '4' },
    },
    run,
  },
];
