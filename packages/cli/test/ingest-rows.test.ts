/** From a file's rows to events, and from refused rows to a file that can be mended. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { UsageOutcome, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { expect, test } from 'vitest';
import { readCsv } from '../src/ingest/csv-rows.ts';
import { fileBytes } from '../src/ingest/file-bytes.ts';
import { ingestRows, rowEvents } from '../src/ingest/ingest-rows.ts';
import { createMapping, parseTime, type MappingOptions } from '../src/ingest/mapping.ts';
import { readNdjson } from '../src/ingest/ndjson-rows.ts';
import { openRejects } from '../src/ingest/rejects.ts';
import type { RowReader } from '../src/ingest/row.ts';

const plain: MappingOptions = { columns: new Map(), constants: new Map(), meterColumns: new Map(), timeFormat: 'rfc3339', keyFromRow: false, source: 'usage.csv' };
const csv = (text: string, delimiter = ','): RowReader => readCsv(fileBytes(Readable.from([text])), delimiter);
const ndjson = (text: string): RowReader => readNdjson(fileBytes(Readable.from([text], { objectMode: false })));

/** Events as short text, refusals as `row: message`. */
async function read(reader: RowReader, options: Partial<MappingOptions> = {}): Promise<string[]> {
  const mapping = createMapping({ ...plain, ...options });
  const columns = await reader.columns();
  if (columns !== null) mapping.check(columns);
  const seen: string[] = [];
  const source = { rows: reader.rows(), mapping, skip: 0, onRefused: async ({ number }: { number: number }, { message }: { message: string }) => void seen.push(`${number}: ${message}`) };
  for await (const { idempotencyKey, meter, customer, eventTime, value, properties } of rowEvents(source)) {
    seen.push([idempotencyKey, meter, customer, eventTime?.seconds, value, ...[...properties].map(([name, text]) => `${name}=${text}`)].join(' '));
  }
  return seen;
}

test('columns of the fields\' names need no mapping, and property columns become properties', async () => {
  const text = 'idempotency_key,meter,customer,event_time,value,property.region,note\nk1,requests,acme,1970-01-01T00:00:07Z,1.50,eu,x\n\nk2,requests,acme,1970-01-01T00:00:08Z,,,y\n';
  expect(await read(csv(text))).toEqual(['k1 requests acme 7 1.50 region=eu', 'k2 requests acme 8 ']);
});

test('mapped columns, constants and meter columns make an event a meter', async () => {
  const text = '\uFEFFtenant;at;input;output\r\n"a;c""me";1;5;0.25\r\n';
  const options: Partial<MappingOptions> = {
    columns: new Map([['customer', 'tenant'], ['time', 'at']]), constants: new Map([['property.app', 'chat']]), meterColumns: new Map([['in', 'input'], ['out', 'output']]), timeFormat: 'unix', keyFromRow: true,
  };
  const key = (meter: string): string => createHash('sha256').update(`usage.csv\n1\n${meter}`).digest('hex');
  expect(await read(csv(text, ';'), options)).toEqual([`${key('in')} in a;c"me 1 5 app=chat`, `${key('out')} out a;c"me 1 0.25 app=chat`]);
});

test('with several meters and a key column, each event has a key of its own', async () => {
  const text = 'key,customer,time,a,b\nk,acme,1970-01-01T00:00:00Z,1,2\n';
  expect((await read(csv(text), { meterColumns: new Map([['one', 'a'], ['two', 'b']]) })).map((each) => each.split(' ')[0])).toEqual(['k:one', 'k:two']);
});

test('NDJSON: numbers keep their digits, paths reach in, a line that is no object is refused by itself', async () => {
  const text = '{"key":"k1","meter":"m","customer":"c","time":"1970-01-01T00:00:01Z","value":123456789012345678901234567890.10,"properties":{"n":1.0}}\nnot json\n[1]\n{"key":"k2","meter":"m","data":{"tenant":"t"},"customer":{},"time":"1970-01-01T00:00:02Z","value":"5"}';
  expect(await read(ndjson(text))).toEqual([
    'k1 m c 1 123456789012345678901234567890.10 n=1.0', '2: This line is no JSON object.', '3: This line is no JSON object.', '4: "customer" must be text, a number or a boolean.',
  ]);
  expect(await read(ndjson(text.split('\n')[3] ?? ''), { columns: new Map([['customer', 'data.tenant']]) })).toEqual(['k2 m t 2 5']);
});

test('a row with more or fewer cells than the heading is refused, not read shifted; empty cells behind the last are none', async () => {
  const text = 'key,meter,customer,time,value\nk1,m,c,1970-01-01T00:00:01Z,1,000\nk2,m,c,1970-01-01T00:00:02Z\nk3,m,c,1970-01-01T00:00:03Z,3,,\n';
  expect(await read(csv(text))).toEqual([
    '1: The row has 6 cells and the heading 5. Quote cells that hold the delimiter.', '2: The row has 4 cells and the heading 5. Quote cells that hold the delimiter.', 'k3 m c 3 3',
  ]);
});

test('a byte order mark before the first line of NDJSON is not part of it', async () => {
  expect(await read(ndjson('\uFEFF{"key":"k1","meter":"m","customer":"c","time":"1970-01-01T00:00:01Z","value":"1"}\r\n'))).toEqual(['k1 m c 1 1']);
});

test.each([
  ['rfc3339', '2026-01-31T09:30:00.1234567+01:00', 1_769_848_200n, 123_456_000],
  ['sql', '2023-11-16 18:17:03.9799600', 1_700_158_623n, 979_960_000],
  ['unix', '1700158623.9799609', 1_700_158_623n, 979_960_000],
  ['unix', '-0.0000005', -1n, 999_999_000],
  ['unix-ms', '1700158623979', 1_700_158_623n, 979_000_000],
  ['unix-us', '-1', -1n, 999_999_000],
] as const)('%s %s = %d s + %d ns', (format, text, seconds, nanos) => {
  expect(parseTime(text, format)).toEqual({ seconds, nanos });
});

test.each([['rfc3339', '2026-01-31 09:30'], ['sql', '2026-01-31T09:30:00Z'], ['unix', '1e9'], ['unix-ms', ''], ['unix-us', '１']] as const)('%s refuses "%s"', (format, text) => {
  expect(() => parseTime(text, format)).toThrow(/The time format is/);
});

test.each<{ title: string; options: Partial<MappingOptions>; says: RegExp }>([
  { title: 'a field that no event has', options: { columns: new Map([['colour', 'x']]) }, says: /^An event has no "colour"\./ },
  { title: 'a constant key', options: { constants: new Map([['key', 'k']]) }, says: /^A constant key would make every event the same one\./ },
  { title: 'a key from two places', options: { columns: new Map([['key', 'id']]), keyFromRow: true }, says: /^Give either a column/ },
  { title: 'a column that is not there', options: { columns: new Map([['value', 'amount']]) }, says: /^The file has no column "amount"\. It has idempotency_key/ },
])('$title is said before anything is read', async ({ options, says }) => {
  await expect(read(csv('idempotency_key,meter,customer,time\n'), options)).rejects.toThrow(says);
});

test.each(['a,b\n1,"2\n', 'a,a\n', ''])('the file %j is said to be unreadable', async (text) => {
  await expect(read(csv(text), { constants: new Map(['customer', 'time', 'meter'].map((name) => [name, '1970-01-01T00:00:00Z'])), keyFromRow: true })).rejects.toThrow(/CSV|empty|twice/);
});

/** Sends a file to a Valora that refuses some keys; answers the rejects file and the keys that were taken. */
async function send(reader: RowReader, { refuse, ...options }: Partial<MappingOptions> & { refuse: (event: UsageEvent) => boolean }): Promise<{ rejects: string; keys: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'valora-rejects-'));
  const mapping = createMapping({ ...plain, ...options });
  await reader.columns();
  const rejects = openRejects(join(folder, 'rejects'), reader, { mapping, goOn: false });
  const keys: string[] = [];
  const usage = {
    async recordUsage({ events }: { readonly events: readonly UsageEvent[] }) {
      keys.push(...events.filter((event) => !refuse(event)).map(({ idempotencyKey }) => idempotencyKey));
      return { outcomes: events.map((event) => ({ idempotencyKey: event.idempotencyKey, outcome: refuse(event) ? UsageOutcome.REFUSED : UsageOutcome.RECORDED, reason: 'METER_UNKNOWN', field: 'meter', message: 'No, "never".' })) };
    },
  };
  for await (const counts of ingestRows({ usage, rows: reader.rows(), mapping, skip: 0, onRefused: (row, refusal) => rejects.add(row, refusal), options: { batchSize: 2 } })) expect(counts.recorded).toBe(keys.length);
  await rejects.close();
  const text = rejects.count() === 0 ? '' : readFileSync(join(folder, 'rejects'), 'utf8');
  rmSync(folder, { recursive: true });
  return { rejects: text, keys };
}

test('a rejects file sent again gives the keys that the rows had in the first file, and refused again is as it was', async () => {
  const lines = ['tenant,time,n', 'acme,1970-01-01T00:00:01Z,1', '"b, c",1970-01-01T00:00:02Z,2', 'd,1970-01-01T00:00:03Z,3'];
  const options = { columns: new Map([['customer', 'tenant'], ['value', 'n']]), constants: new Map([['meter', 'm']]), keyFromRow: true };
  const key = (row: number): string => createHash('sha256').update(`usage.csv\n${row}\nm`).digest('hex');
  const first = await send(csv(lines.join('\n')), { ...options, refuse: ({ value }) => value !== '1' });
  expect(first.keys).toEqual([key(1)]);
  expect(first.rejects).toBe(
    'tenant,time,n,valora_source,valora_row,valora_reason,valora_field,valora_message\n'
    + '"b, c",1970-01-01T00:00:02Z,2,usage.csv,2,METER_UNKNOWN,meter,"No, ""never""."\n'
    + 'd,1970-01-01T00:00:03Z,3,usage.csv,3,METER_UNKNOWN,meter,"No, ""never""."\n');
  const again = await send(csv(first.rejects), { ...options, source: 'usage.rejects.csv', refuse: () => true });
  expect(again.rejects).toBe(first.rejects);
  expect((await send(csv(again.rejects), { ...options, source: 'other', refuse: () => false })).keys).toEqual([key(2), key(3)]);
});

test('the same holds for NDJSON, whose lines are kept as they were written', async () => {
  const line = '{ "customer": "acme", "time":"1970-01-01T00:00:01Z", "value": 1.50 }';
  const options = { constants: new Map([['meter', 'm']]), keyFromRow: true, source: 'u.ndjson' };
  const first = await send(ndjson(`${line}\n`), { ...options, refuse: () => true });
  expect(first.rejects).toBe('{ "customer": "acme", "time":"1970-01-01T00:00:01Z", "value": 1.50,"valora_source":"u.ndjson","valora_row":"1","valora_reason":"METER_UNKNOWN","valora_field":"meter","valora_message":"No, \\"never\\"."}\n');
  expect((await send(ndjson(first.rejects), { ...options, refuse: () => true })).rejects).toBe(first.rejects);
  expect((await send(ndjson(first.rejects), { ...options, source: 'other', refuse: () => false })).keys).toEqual([createHash('sha256').update('u.ndjson\n1\nm').digest('hex')]);
});

test.each([
  ['a member of a member has the name of an added one', '{"customer":"acme","time":"1970-01-01T00:00:01Z","properties":{"valora_source":"theirs","region":"eu"},"value":1}'],
  ['it is the last one there', '{"customer":"acme","time":"1970-01-01T00:00:01Z","value":1,"properties":{"valora_source":"theirs"}}'],
  ['what was mended stands behind the added ones', '{"customer":"acme","time":"1970-01-01T00:00:01Z","valora_source":"u.ndjson","valora_row":"1","valora_reason":"","valora_field":"","valora_message":"","value":1}'],
])('a refused line of NDJSON loses nothing: %s', async (_name, line) => {
  const options = { constants: new Map([['meter', 'm']]), keyFromRow: true, source: 'u.ndjson' };
  const { rejects } = await send(ndjson(`${line}\n`), { ...options, refuse: () => true });
  expect(JSON.parse(rejects)).toEqual({ ...JSON.parse(line), valora_source: 'u.ndjson', valora_row: '1', valora_reason: 'METER_UNKNOWN', valora_field: 'meter', valora_message: 'No, "never".' });
  expect((await send(ndjson(rejects), { ...options, refuse: () => false })).keys).toHaveLength(1);
});

test('a row with too many cells is in the rejects as a whole, and refused again as long as it is not mended', async () => {
  const options = { refuse: () => false };
  const first = await send(csv('key,value,meter,customer,time,property.r\nk1,1,000,m,c,1970-01-01T00:00:01Z,eu\n'), options);
  expect([first.keys, first.rejects.split('\n')[1]]).toEqual([[], expect.stringMatching(/^"k1,1,000,m,c,1970-01-01T00:00:01Z,eu",,,,,,usage\.csv,1,ROW_MALFORMED,,/)]);
  expect((await send(csv(first.rejects), options)).keys).toEqual([]);
});

const refusal = { reason: 'METER_UNKNOWN', field: 'meter', message: 'No.' };

test.each([{ goOn: false, rows: ['c'] }, { goOn: true, rows: ['a', 'b', 'c'] }])('what a run that broke off refused is kept when it goes on: $goOn', async ({ goOn, rows }) => {
  const folder = mkdtempSync(join(tmpdir(), 'valora-rejects-'));
  const refuse = async (text: string, again: boolean): Promise<void> => {
    const reader = csv(text);
    const rejects = openRejects(join(folder, 'rejects'), reader, { mapping: createMapping({ ...plain, keyFromRow: true }), goOn: again });
    for await (const row of reader.rows()) await rejects.add(row, refusal);
    await rejects.close();
  };
  await refuse('meter\na\nb\n', goOn);
  await refuse('meter\nc\n', goOn);
  const lines = readFileSync(join(folder, 'rejects'), 'utf8').trimEnd().split('\n').map((line) => line.split(',')[0]);
  rmSync(folder, { recursive: true });
  expect(lines).toEqual(['meter', ...rows]);
});

test('rejects that cannot be written are said, by name, and do not keep the command', async () => {
  const reader = csv('meter\na\n');
  const rejects = openRejects('/nowhere/at/all/rejects.csv', reader, { mapping: createMapping({ ...plain, keyFromRow: true }), goOn: false });
  for await (const row of reader.rows()) await rejects.add(row, refusal).catch(() => {});
  await expect(rejects.close()).rejects.toThrow(/can't be written to \/nowhere\/at\/all\/rejects\.csv: ENOENT/);
});

test('a row with two refused events is written once', async () => {
  const { rejects } = await send(csv('customer,time,a,b\nacme,1970-01-01T00:00:01Z,1,2\n'), { meterColumns: new Map([['one', 'a'], ['two', 'b']]), keyFromRow: true, refuse: () => true });
  expect(rejects.trimEnd().split('\n')).toHaveLength(2);
});

test('a file of 300,000 rows takes no more memory than one of 100,000', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap: number[] = [];
  function* chunks(): Generator<string> {
    yield 'customer,time,value\n';
    for (let chunk = 0; chunk < 3_000; chunk += 1) {
      yield 'acme,1970-01-01T00:00:01Z,1\n'.repeat(100);
      if (chunk % 1_000 !== 999) continue;
      collect();
      heap.push(process.memoryUsage().heapUsed);
    }
  }
  const reader = readCsv(fileBytes(Readable.from(chunks())), ',');
  let count = 0;
  const source = { rows: reader.rows(), mapping: createMapping({ ...plain, constants: new Map([['meter', 'm']]), keyFromRow: true }), skip: 0, onRefused: async () => {} };
  for await (const event of rowEvents(source)) count += event.row.number > 0 ? 1 : 0;
  expect(count).toBe(300_000);
  expect((heap.at(-1) ?? Infinity) - (heap[0] ?? 0)).toBeLessThan(15_000_000);
}, 60_000);
