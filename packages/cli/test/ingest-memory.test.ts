/** The process `valora ingest` with a heap that 300,000 rows would not fit into, given as many of each format. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startUsageServer, type UsageServer } from './usage-server.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const ROWS = 300_000;
const CHUNK = 1_000;
/** Rows that stay would be 100 MB and more, and the process would end. What it has resident says less: how far a heap grows before it is cleared is Node's own affair. */
const HEAP_MEGABYTES = 64;

let events = 0;
let server: UsageServer;
let folder: string;
beforeAll(async () => {
  server = await startUsageServer({ taken: ({ length }) => { events += length; } });
  folder = mkdtempSync(join(tmpdir(), 'valora-memory-'));
});
afterAll(() => {
  server.stop();
  rmSync(folder, { recursive: true });
});

function* chunks(row: (number: number) => string, { before, between, after }: { before: string; between: string; after: string }): Generator<string> {
  for (let start = 0; start < ROWS; start += CHUNK) yield (start === 0 ? before : between) + Array.from({ length: CHUNK }, (_, position) => row(start + position)).join(between);
  yield after;
}

const time = '2026-01-10T00:00:00Z';
const csv = (row: number): string => `k${row},requests,acme,${time},${row}.5,"eu, west"`;
const ndjson = (row: number): string => `{"key":"k${row}","meter":"requests","customer":"acme","time":"${time}","value":${row}.5,"properties":{"region":"eu"}}`;
const cloudEvent = (row: number): string => `{"specversion":"1.0","id":"${row}","source":"s","type":"requests","subject":"acme","time":"${time}","data":{"value":${row}.5}}`;

test.each([
  { title: 'CSV', format: 'csv', packed: false, source: () => chunks(csv, { before: 'key,meter,customer,time,value,property.region\n', between: '\n', after: '' }) },
  { title: 'NDJSON', format: 'ndjson', packed: false, source: () => chunks(ndjson, { before: '', between: '\n', after: '\n' }) },
  { title: 'CloudEvents a line each, packed', format: 'cloudevents', packed: true, source: () => chunks(cloudEvent, { before: '', between: '\n', after: '' }) },
  { title: 'CloudEvents in one array', format: 'cloudevents', packed: false, source: () => chunks(cloudEvent, { before: '[', between: ',', after: ']' }) },
])('$title', async ({ format, packed, source }) => {
  events = 0;
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MEGABYTES}`, '--conditions=development', MAIN, 'ingest', '-', '--format', format, '--json'], { cwd: folder, env: { PATH: process.env['PATH'], VALORA_ADDRESS: server.address, VALORA_API_KEY: 'key' } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { err += chunk.toString(); });
  const closed = once(child, 'close');
  await pipeline([Readable.from(source()), ...(packed ? [createGzip({ level: 1 })] : []), child.stdin]);
  expect([(await closed)[0], err]).toEqual([0, '']);
  expect(JSON.parse(out)).toMatchObject({ recorded: ROWS, refusedRows: 0 });
  expect(events).toBe(ROWS);
}, 240_000);
