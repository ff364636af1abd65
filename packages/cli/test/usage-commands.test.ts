/** Usage through the command line: files of every format, what was recorded, and its corrections. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cloudEventKey } from '@valora/client';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commands } from '../src/commands.ts';
import { runCommand } from '../src/run-command.ts';
import { testSurroundings } from './surroundings.ts';

const TIME = '2026-01-10T00:00:00Z';

let valora: TestValora;
let folder: string;
beforeAll(async () => {
  valora = await startTestValora();
  folder = mkdtempSync(join(tmpdir(), 'valora-usage-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await valora.stop();
});

interface CommandLine {
  /** Puts a file into the folder; answers its path. */
  file(name: string, content: string | Buffer): string;
  run(words: readonly string[], input?: string): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  /** Runs with --json; the command must end with `code`. Answers what it printed, as text. */
  json(words: readonly string[], code?: number, input?: string): Promise<string>;
}
type Printed = Readonly<Record<string, unknown>>;

/** A sandbox of its own with some meters, from a catalog file. */
async function organization(): Promise<{ line: CommandLine }> {
  const { apiKey } = await valora.createOrganization({ sandboxTime: '2026-02-01T00:00:00Z' });
  const run: CommandLine['run'] = async (words, input = '') => {
    const surroundings = testSurroundings({ VALORA_ADDRESS: valora.address, VALORA_API_KEY: apiKey }, input);
    return { code: await runCommand(commands, words, surroundings), stdout: surroundings.out(), stderr: surroundings.err() };
  };
  const line: CommandLine = {
    run,
    file(name, content) {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    },
    async json(words, code = 0, input = '') {
      const ended = await run([...words, '--json'], input);
      expect([ended.code, ended.code === code ? '' : ended.stderr], words.join(' ')).toEqual([code, '']);
      return ended.stdout;
    },
  };
  const meters = [{ code: 'requests', aggregation: 'SUM' }, { code: 'users', aggregation: 'UNIQUE_COUNT', uniqueProperty: 'user' }, { code: 'stored', aggregation: 'WEIGHTED_SUM', takesNegativeValues: true }];
  const catalog = line.file('catalog.json', JSON.stringify({ meters }));
  expect((await run(['catalog', 'apply', catalog])).stdout).toContain('3 made');
  expect((await run(['catalog', 'apply', catalog])).stdout).toBe('Nothing to do, 3 there already.\n');
  return { line };
}

function cloudEvent(id: number, changes: object = {}): object {
  return { specversion: '1.0', id: String(id), source: '/test', type: 'com.acme.Request', subject: 'acme', time: TIME, data: { count: '2', region: 'eu' }, ...changes };
}

const lines = (text: string): Printed[] => text.trimEnd().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Printed);

async function listed({ line }: { readonly line: CommandLine }): Promise<Printed[]> {
  return lines(await line.json(['usage', 'list']));
}

test('meters say what they count and whether values below zero are taken', async () => {
  const { line } = await organization();
  expect(JSON.parse(await line.json(['meter', 'create', 'visitors', '--aggregation', 'unique-count', '--unique-property', 'visitor']))).toMatchObject([{ uniqueProperty: 'visitor', takesNegativeValues: false }]);
  expect(JSON.parse(await line.json(['meter', 'create', 'seats', '--aggregation', 'weighted-sum', '--negative-values']))).toMatchObject([{ uniqueProperty: '', takesNegativeValues: true }]);
  expect((await line.run(['meter', 'list'])).stdout).toMatch(/AGGREGATION +BELOW ZERO[^]*WEIGHTED_SUM +yes[^]*UNIQUE_COUNT of visitor +no/);
  const wrong = line.file('wrong.json', JSON.stringify({ meters: [{ code: 'a', aggregation: 'UNIQUE_COUNT' }, { code: 'b', aggregation: 'SUM', uniqueProperty: 'x' }] }));
  const { code, stderr } = await line.run(['catalog', 'apply', wrong]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/meters\[0\]\.uniqueProperty: Must be given[^]*meters\[1\]\.uniqueProperty: Only UNIQUE_COUNT/)]);
}, 60_000);

const MAPPING = ['--meter', 'com.acme.Request=requests', '--map', 'value=data.count,property.region=data.region'];

test('CloudEvents as an array, a line each and packed are one and the same events, and a refused one is mended and sent', async () => {
  const acme = await organization();
  const events = [cloudEvent(1), cloudEvent(2, { time: undefined }), cloudEvent(3, { data: { count: '12345678901234567890.000000001' } })];
  const array = acme.line.file('e.cloudevents.json', JSON.stringify(events, null, 2));
  expect(JSON.parse(await acme.line.json(['ingest', array, ...MAPPING], 3))).toMatchObject({ recorded: 2, duplicate: 0, refusedRows: 1, rejectsFile: join(folder, 'e.rejects.cloudevents.ndjson') });
  const packed = acme.line.file('e.cloudevents.ndjson.gz', gzipSync(events.map((event) => JSON.stringify(event)).join('\n')));
  expect(JSON.parse(await acme.line.json(['ingest', packed, ...MAPPING], 3))).toMatchObject({ recorded: 0, duplicate: 2, refusedRows: 1 });
  const rejects = readFileSync(join(folder, 'e.rejects.cloudevents.ndjson'), 'utf8');
  expect(lines(rejects)).toMatchObject([{ id: '2', valora_row: '2', valora_source: 'e.cloudevents.ndjson', valora_field: 'time' }]);
  const mended = acme.line.file('e.rejects.cloudevents.ndjson', rejects.replace('"subject"', `"time":"${TIME}","subject"`));
  expect(JSON.parse(await acme.line.json(['ingest', mended, '--rejects', join(folder, 'still.ndjson'), ...MAPPING]))).toMatchObject({ recorded: 1, refusedRows: 0 });
  const recorded = (await listed(acme)).map(({ idempotencyKey, value, properties }) => [String(idempotencyKey), [value, properties]] as const);
  expect(new Map(recorded)).toEqual(new Map([
    [cloudEventKey('/test', '1'), ['2', { region: 'eu' }]], [cloudEventKey('/test', '2'), ['2', { region: 'eu' }]], [cloudEventKey('/test', '3'), ['12345678901234567890.000000001', {}]],
  ]));
  const { code, stderr } = await acme.line.run(['ingest', array, '--key-from-row']);
  expect([code, stderr.split('\n')[0]]).toEqual([2, '--key-from-row does nothing for CloudEvents. To read their lines as any other JSON, say --format ndjson.']);
  expect((await acme.line.run(['ingest', join(folder, 'catalog.json'), '--format', 'csv', '--value', 'a=b'])).stderr).toMatch(/^--value is for CloudEvents\./);
}, 60_000);

test('bytes that are no UTF-8 never reach Valora: the row is refused, and sent once it is mended', async () => {
  const acme = await organization();
  const text = `key,meter,customer,time,value,property.town\nk1,requests,acme,${TIME},1,Orl\xe9ans\nk2,requests,acme,${TIME},1,Paris\n`;
  expect(JSON.parse(await acme.line.json(['ingest', acme.line.file('u.csv', Buffer.from(text, 'latin1'))], 3))).toMatchObject({ recorded: 1, refusedRows: 1 });
  const rejects = readFileSync(join(folder, 'u.rejects.csv'), 'latin1');
  expect(rejects).toMatch(/k1,.*Orl\xe9ans,u\.csv,1,ROW_MALFORMED,,This row is not valid UTF-8\./);
  const mended = acme.line.file('u.rejects.csv', rejects); // as UTF-8
  expect(JSON.parse(await acme.line.json(['ingest', mended, '--rejects', join(folder, 'still.csv')]))).toMatchObject({ recorded: 1, refusedRows: 0 });
  expect((await listed(acme)).map(({ properties }) => properties)).toEqual([{ town: 'Orléans' }, { town: 'Paris' }]);
}, 60_000);

test('what is listed is taken again: nothing is new where it came from, and all of it elsewhere', async () => {
  const [acme, other] = [await organization(), await organization()];
  const events = [
    { key: 'a', meter: 'requests', customer: 'acme', subscription: 's', time: '2026-01-10T00:00:00.000001Z', value: '0.10', properties: { '': 'x' } },
    { key: 'b', meter: 'requests', customer: 'acme', time: TIME, value: '1.50', properties: { 'a.b': 'é "x"', empty: '' } },
    { key: 'c', meter: 'stored', customer: 'zoe', time: TIME, value: '-3' },
    { key: 'd', meter: 'users', customer: 'acme', time: TIME, properties: { user: 'u1' } },
  ];
  expect(JSON.parse(await acme.line.json(['ingest', '-', '--format', 'ndjson', '--rejects', join(folder, 'stdin.ndjson')], 3, events.map((event) => JSON.stringify(event)).join('\n')))).toMatchObject({ recorded: 3, refusedRows: 1 });
  await acme.line.json(['usage', 'void', 'c', '--reason', 'sent twice']);
  const exported = await acme.line.json(['usage', 'list']);
  expect(lines(exported).map(({ idempotencyKey, void: voided }) => [idempotencyKey, voided !== undefined])).toEqual([['b', false], ['c', true], ['d', false]]);
  expect(JSON.parse(await acme.line.json(['ingest', acme.line.file('again.ndjson', exported)]))).toMatchObject({ recorded: 0, duplicate: 3, refusedRows: 0 });
  expect(JSON.parse(await other.line.json(['ingest', other.line.file('copy.ndjson', exported)]))).toMatchObject({ recorded: 3, refusedRows: 0 });
  const content = ({ idempotencyKey, meter, customer, subscription, eventTime, value, properties }: Printed): unknown => ({ idempotencyKey, meter, customer, subscription, eventTime, value, properties });
  expect((await listed(other)).map(content)).toEqual(lines(exported).map(content));
  expect(lines(await acme.line.json(['usage', 'list', '--meter', 'requests', '--customer', 'acme', '--from', TIME, '--to', '2026-01-11T00:00:00Z'])).map(({ idempotencyKey }) => idempotencyKey)).toEqual(['b']);
  expect((await acme.line.run(['usage', 'list', '--customer', 'acme'])).stderr).toMatch(/^--customer needs --meter\./);
  expect((await acme.line.run(['usage', 'list', '--meter', 'users'])).stdout).toMatch(/^KEY +METER +CUSTOMER[^\n]+\nd +users +acme +2026-01-10T00:00:00Z +user=u1 +2026-02-01T00:00:00Z\n$/);
}, 60_000);

test('events are voided and released by key, from arguments, files and standard input, with a reason that is shown', async () => {
  const acme = await organization();
  const keys = Array.from({ length: 2_500 }, (_, position) => `k${position}`);
  const rows = keys.map((key) => `${key},requests,acme,${TIME},1`);
  await acme.line.json(['ingest', acme.line.file('u.csv', `key,meter,customer,time,value\n${rows.join('\n')}\n`)]);
  expect((await acme.line.run(['usage', 'void', 'k1'])).stderr).toMatch(/^--reason <text> is missing/);
  expect((await acme.line.run(['usage', 'void', '--reason', 'x'])).stderr).toMatch(/^Name the keys, or give --keys <file>\./);
  const file = acme.line.file('keys.txt', `\uFEFF${keys.join('\r\n\r\n')}\r\nk7\n`);
  expect(JSON.parse(await acme.line.json(['usage', 'release', '--keys', file, '--reason', 'checked by hand']))).toHaveLength(2_501);
  expect(JSON.parse(await acme.line.json(['usage', 'releases']))).toHaveLength(2_500);
  expect(JSON.parse(await acme.line.json(['usage', 'void', '--keys', '-', '--reason', 'sent twice', '--request-id', 'v'], 0, 'k1\nk2'))).toMatchObject([{ idempotencyKey: 'k1', reason: 'sent twice' }, { idempotencyKey: 'k2' }]);
  expect(JSON.parse(await acme.line.json(['usage', 'void', 'k1', 'k2', '--reason', 'sent twice', '--request-id', 'v']))).toHaveLength(2);
  expect((await acme.line.run(['usage', 'void', 'k1', '--reason', 'another reason'])).stdout).toMatch(/^KEY +RECORDED +REASON\nk1 +\S+ +sent twice\n$/);
  expect((await acme.line.run(['usage', 'voids'])).stdout.trimEnd().split('\n')).toHaveLength(3);
  expect((await acme.line.run(['usage', 'get', 'k1'])).stdout).toMatch(/^key +k1\nmeter +requests[^]*voided +2026-02-01T00:00:00Z {2}sent twice\nreleased +2026-02-01T00:00:00Z {2}checked by hand\n$/);
  expect(JSON.parse(await acme.line.json(['usage', 'get', 'k1']))).toMatchObject({ idempotencyKey: 'k1', void: { reason: 'sent twice' } });
  expect((await acme.line.run(['usage', 'get', 'nothing'])).stderr).toMatch(/^NOT_FOUND: /);

  const partly = await acme.line.run(['usage', 'void', '--keys', acme.line.file('partly.txt', [...keys.slice(0, 1_000), 'unknown', ...keys.slice(1_000)].join('\n')), '--reason', 'all of them']);
  expect([partly.code, partly.stderr]).toEqual([1, expect.stringMatching(/^1000 events are done, in whole requests of 1,000\.[^\n]*\nNOT_FOUND: .*unknown/)]);
  expect(JSON.parse(await acme.line.json(['usage', 'voids']))).toHaveLength(1_000);
  const { code, stderr } = await acme.line.run(['usage', 'void', '--keys', acme.line.file('bad.txt', 'k5\nwith space\n'), '--reason', 'x']);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^Line 2 is no key: /)]);
}, 60_000);
