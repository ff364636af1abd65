// Usage from a file.
import { createReadStream, statSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { parsePair, type Arguments } from '../arguments.ts';
import { CommandError, EXIT, UsageError, type Command, type ExitCode } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { ingestRows, type RowCounts } from '../ingest/ingest-rows.ts';
import { createMapping, FIELD_NAMES, TIME_FORMATS, type Mapping } from '../ingest/mapping.ts';
import { createProgress } from '../ingest/progress.ts';
import { openRejects } from '../ingest/rejects.ts';
import type { RowReader } from '../ingest/row.ts';

const STDIN = '-';
const FORMATS = { '.csv': 'csv', '.tsv': 'csv', '.ndjson': 'ndjson', '.jsonl': 'ndjson' } as const;
const ROWS_MAX = Number.MAX_SAFE_INTEGER;

type Format = 'csv' | 'ndjson';

function formatOf(file: string, args: Arguments): Format {
  const given = args.optional('format');
  if (given === 'csv' || given === 'ndjson') return given;
  const found = Object.entries(FORMATS).find(([extension]) => extension === extname(file).toLowerCase())?.[1];
  if (found === undefined) throw new UsageError(`What is ${file}? Say --format csv or --format ndjson.`);
  return found;
}

/** `target=column` pairs, several to an option where commas part them. */
function pairs(option: string, args: Arguments): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const text of args.list(option).flatMap((each) => each.split(','))) {
    const [target, value] = parsePair(`--${option}`, text);
    if (found.has(target)) throw new UsageError(`--${option} names "${target}" twice.`);
    found.set(target, value);
  }
  return found;
}

function mappingOf(file: string, args: Arguments): Mapping {
  const keyFromRow = args.flag('key-from-row');
  const source = args.optional('source') ?? basename(file);
  if (keyFromRow && source === STDIN) throw new UsageError('Keys that derive from rows need a name for standard input: --source <name>, the same for the same data.');
  const constants = new Map(args.list('constant').map((text) => parsePair('--constant', text)));
  return createMapping({
    columns: pairs('map', args), constants, meterColumns: pairs('meter-column', args), timeFormat: TIME_FORMATS.find((each) => each === args.text('time-format')) ?? 'rfc3339', keyFromRow, source,
  });
}

async function readerOf(source: Readable, format: Format, delimiter: string): Promise<RowReader> {
  if (format === 'ndjson') return (await import('../ingest/ndjson-rows.ts')).readNdjson(source);
  return (await import('../ingest/csv-rows.ts')).readCsv(source, delimiter);
}

/** Read so far, in percent; null for what has no size. */
function shareRead(file: string, source: Readable): () => number | null {
  const bytes = file === STDIN ? 0 : (statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  return () => (bytes > 0 && 'bytesRead' in source && typeof source.bytesRead === 'number' ? Math.trunc((source.bytesRead / bytes) * 100) : null);
}

async function run(context: CommandContext, args: Arguments): Promise<ExitCode> {
  const file = args.positional('file');
  const format = formatOf(file, args);
  const mapping = mappingOf(file, args);
  const rejectsFile = args.optional('rejects') ?? `${file === STDIN ? 'stdin' : file.slice(0, file.length - extname(file).length)}.rejects.${format}`;
  if (resolve(rejectsFile) === resolve(file)) throw new UsageError('The rejects would overwrite the file they come from. Name another by --rejects.');
  const source = file === STDIN ? Readable.from(context.stdin, { objectMode: false }) : createReadStream(file);
  const reader = await readerOf(source, format, args.text('delimiter') === 'tab' || extname(file) === '.tsv' ? '\t' : args.text('delimiter'));
  const columns = await reader.columns().catch((error: unknown) => { throw missingFile(error, file); });
  if (columns !== null) mapping.check(columns);
  const skip = args.integer('skip', { min: 0, max: ROWS_MAX });
  const rejects = openRejects(rejectsFile, reader, { mapping, goOn: skip > 0 });
  const progress = context.json ? null : createProgress(context.stderr, shareRead(file, source));
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
    summary: 'Records usage from a CSV or NDJSON file of any size, and writes the rows that are refused to a file of their own.',
    details: 'Sending the same file again records nothing twice: that is how a run that broke off goes on. Ends with 3 when rows were refused.',
    credential: 'an API key',
    positionals: [{ name: 'file', description: 'The file, or - for standard input.' }],
    options: {
      format: { value: 'format', description: 'What the file is; otherwise its extension says it (.csv, .tsv, .ndjson, .jsonl).', choices: ['csv', 'ndjson'] },
      map: { value: 'field=column', description: `Which column is what: ${FIELD_NAMES.join(', ')}, property.<name>. Several with commas between. Unmapped, columns of these names are taken, and event_time, idempotency_key.`, repeated: true },
      constant: { value: 'field=text', description: 'The same for every row, for example meter=requests.', repeated: true },
      'meter-column': { value: 'meter=column', description: 'For a row with values of several meters: the column with the value of this one.', repeated: true },
      'time-format': { value: 'format', description: 'How times are written; sql is 2026-01-31 09:30:00.123 in UTC, unix counts since 1970.', choices: TIME_FORMATS, default: 'rfc3339' },
      'key-from-row': { value: null, description: "Derives each event's key from the file's name, the row's number and the meter. Only for a file that never changes." },
      source: { value: 'name', description: "The name that keys from rows derive from; otherwise the file's." },
      delimiter: { value: 'character', description: 'What parts the columns of a CSV file; `tab` for a tabulator.', default: ',' },
      skip: { value: 'n', description: 'Passes over the first n rows.', default: '0' },
      rejects: { value: 'file', description: 'Where refused rows go; otherwise beside the file, as <name>.rejects.<format>. With --skip a file that is there is continued.' },
      'batch-size': { value: 'n', description: 'Events to a request, 1 to 5000.', default: '1000' },
      'in-flight': { value: 'n', description: 'Requests under way at a time, 1 to 64.', default: '4' },
    },
    run,
  },
];
