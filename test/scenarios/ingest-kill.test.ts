/** `valora ingest` is killed in the middle of its work, for real, and the file is sent again. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, listAll } from '@valora/client';
import { Aggregation, Meter } from '@valora/contracts/valora/metering/v1/meter';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCommandLine } from './command-run.ts';

const TIME = '2026-01-10T00:00:00Z';
const ROWS = 20_000;
/** Every thousandth row is bad. */
const BAD = ROWS / 1_000;

let valora: TestValora;
beforeAll(async () => { valora = await startTestValora(); });
afterAll(() => valora.stop());

const isBad = (row: number): boolean => row % 1_000 === 7;
const csvRow = (row: number): string => `k${row},requests,acme,${isBad(row) ? 'never' : TIME},2`;
const cloudEvent = (row: number): string => JSON.stringify({ specversion: '1.0', id: String(row), source: '/test', type: 'requests', subject: isBad(row) ? null : 'acme', time: TIME, data: { value: '2' } });
const rows = (row: (number: number) => string): string[] => Array.from({ length: ROWS }, (_, number) => row(number));

test.each([
  { name: 'usage.csv', rejectsName: 'usage.rejects.csv', content: `key,meter,customer,time,value\n${rows(csvRow).join('\n')}\n` },
  { name: 'usage.cloudevents.json', rejectsName: 'usage.rejects.cloudevents.ndjson', content: `[${rows(cloudEvent).join(',')}]` },
])('$name: every row counts once, and the rejects are whole', async ({ name, rejectsName, content }) => {
  const { apiKey } = await valora.createOrganization({ sandboxTime: '2026-02-01T00:00:00Z' });
  const line = createCommandLine({ VALORA_ADDRESS: valora.address, VALORA_API_KEY: apiKey });
  const client = createClient({ address: valora.address, credential: apiKey });
  try {
    await client.meters.createMeter({ meter: Meter.fromPartial({ code: 'requests', displayName: 'Requests', aggregation: Aggregation.SUM }) });
    const file = line.file(name, content);
    const child = line.start(['ingest', file, '--batch-size', '50', '--in-flight', '2']);
    child.stdout.resume();
    child.stderr.resume();
    const ended = once(child, 'exit');
    // It is killed while it is at work: some requests are recorded, and most are not.
    for (let seen = 0; seen < 500 && child.exitCode === null;) seen = (await client.usage.listUsageEvents({ meter: 'requests', customer: '', period: undefined, pageSize: 1_000, pageToken: '' })).events.length;
    child.kill('SIGKILL');
    expect((await ended)[1]).toBe('SIGKILL');

    const keysOf = async (): Promise<string[]> => {
      const keys: string[] = [];
      for await (const { idempotencyKey } of listAll(client.usage.listUsageEvents, { meter: '', customer: '', period: undefined, pageSize: 1_000 })) keys.push(idempotencyKey);
      return keys;
    };
    const before = (await keysOf()).length;
    expect(before).toBeGreaterThanOrEqual(500);
    expect(before).toBeLessThan(ROWS - BAD);
    expect(JSON.parse(await line.json(['ingest', file], 3))).toMatchObject({ recorded: ROWS - BAD - before, duplicate: before, refusedRows: BAD });
    const keys = await keysOf();
    expect([keys.length, new Set(keys).size]).toEqual([ROWS - BAD, ROWS - BAD]);
    const rejects = readFileSync(join(line.folder, rejectsName), 'utf8').trimEnd().split('\n');
    expect(rejects.filter((each) => !each.startsWith('key,'))).toHaveLength(BAD);
  } finally {
    client.close();
    line.remove();
  }
}, 180_000);
