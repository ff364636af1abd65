/** The process `valora ingest`, given 300,000 rows of each format: its memory stays where it was after 100,000. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
/** Node's own heap breathes; 200,000 rows that stay would be 100 MB and more. */
const GROWTH_MAX = 48 * 1024 * 1024;

let events = 0;
let seen: () => void = () => {};
let server: UsageServer;
let folder: string;
beforeAll(async () => {
  server = await startUsageServer({ taken: ({ length }) => { events += length; seen(); } });
  folder = mkdtempSync(join(tmpdir(), 'valora-memory-'));
});
afterAll(() => {
  server.stop();
  rmSync(folder, { recursive: true });
});

/** The memory of a process that is resident, in bytes. */
function residentBytes(pid: number): number {
  const status = `/proc/${pid}/status`;
  const kilobytes = existsSync('/proc') ? /VmRSS:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1] : execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString().trim();
  return Number(kilobytes) * 1024;
}

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
  const child = spawn(process.execPath, ['--conditions=development', MAIN, 'ingest', '-', '--format', format, '--json'], { cwd: folder, env: { PATH: process.env['PATH'], VALORA_ADDRESS: server.address, VALORA_API_KEY: 'key' } });
  const resident: number[] = [];
  seen = () => {
    if (events === ROWS / 3 || events === ROWS) resident.push(residentBytes(child.pid ?? 0));
  };
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { err += chunk.toString(); });
  const closed = once(child, 'close');
  await pipeline([Readable.from(source()), ...(packed ? [createGzip({ level: 1 })] : []), child.stdin]);
  expect([(await closed)[0], err]).toEqual([0, '']);
  expect(JSON.parse(out)).toMatchObject({ recorded: ROWS, refusedRows: 0 });
  expect(resident).toHaveLength(2);
  expect((resident[1] ?? Infinity) - (resident[0] ?? 0)).toBeLessThan(GROWTH_MAX);
}, 240_000);
