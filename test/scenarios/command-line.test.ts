// The command line as a user has it: the real process against a running Valora, from an organization to verified invoices.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
const ROWS = 2_500;

let folder: string;
let valora: TestValora;
let apiKey = '';

beforeAll(async () => {
  valora = await startTestValora();
  folder = mkdtempSync(join(tmpdir(), 'valora-cli-'));
  writeFileSync(join(folder, 'operator-credential'), `${valora.secrets.operatorCredential}\n`);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await valora.stop();
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(words: readonly string[], { input = '', environment = {} }: { input?: string; environment?: Readonly<Record<string, string>> } = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=development', MAIN, ...words], {
    cwd: folder, stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], VALORA_ADDRESS: valora.address, VALORA_API_KEY: apiKey, VALORA_DATA_FOLDER: folder, ...environment },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
  child.stdin.on('error', () => {}); // It may have ended without reading.
  child.stdin.end(input);
  const [code] = await once(child, 'close') as [number | null];
  return { code, stdout, stderr };
}

/** Runs with --json and answers what was printed; the command must end with `code`. */
async function json(words: readonly string[], code = 0): Promise<Printed> {
  const ended = await run([...words, '--json']);
  expect([ended.code, ended.code === code ? '' : ended.stderr], words.join(' ')).toEqual([code, '']);
  return JSON.parse(ended.stdout) as Printed;
}
type Printed = Readonly<Record<string, unknown>> & readonly Readonly<Record<string, unknown>>[];

async function rows(words: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return await json(words);
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

const catalog = {
  meters: [{ code: 'requests', aggregation: 'SUM' }],
  prices: [
    { code: 'seat', displayName: 'Team plan', versions: [{ effectiveFromTime: '2026-01-01T00:00:00Z', model: { flat: { amount: '20' } } }] },
    {
      code: 'requests', displayName: 'API requests', meter: 'requests',
      versions: [{ effectiveFromTime: '2026-01-01T00:00:00Z', model: { graduated: { tiers: [{ upTo: '100', unitAmount: '0.10' }, { unitAmount: '0.05' }] } } }],
    },
  ],
  plans: [{ code: 'team', prices: ['seat', 'requests'] }],
};

test('an organization is created, and its key is shown once', async () => {
  const words = ['org', 'create', 'Acme', '--currency', 'USD', '--sandbox', '2026-01-01T00:00:00Z', '--request-id', 'acme'];
  const created = await json(words);
  apiKey = String(created['apiKey']);
  expect(apiKey).toMatch(/^vl_org_/);
  expect(await json(words)).toMatchObject({ apiKey: '', organization: { displayName: 'Acme', currencyCode: 'USD', sandbox: true } });
  const [, ...listed] = (await run(['org', 'list'])).stdout.trimEnd().split('\n');
  expect(listed.filter((line) => line.includes('Acme'))).toHaveLength(1);
  const [titles = '', settings = ''] = (await run(['org', 'settings'])).stdout.split('\n');
  expect([titles, settings].map((line) => line.split(/  +/).slice(-3))).toEqual([['GRACE', 'LATENESS', 'KEEP ZERO LINES'], ['0 s', 'ADJUST', 'no']]);
  const key = await json(['key', 'create', 'ingest', '--scope', 'usage:write', '--scope', 'catalog:read']);
  expect(key).toMatchObject({ apiKey: { displayName: 'ingest', scopes: ['catalog:read', 'usage:write'] } });
  const { keyId } = key['apiKey'] as { keyId: string };
  expect((await rows(['key', 'revoke', keyId]))[0]).toMatchObject({ keyId });
  expect((await rows(['key', 'list'])).map(({ displayName, revokedTime }) => [displayName, revokedTime !== undefined])).toContainEqual(['ingest', true]);
}, 60_000);

test('a catalog is shown, applied, and applied again without doing anything', async () => {
  const name = file('catalog.json', JSON.stringify(catalog));
  expect(await json(['catalog', 'apply', name, '--dry-run'])).toMatchObject({ dryRun: true, unchangedCount: 0 });
  expect(await rows(['meter', 'list'])).toEqual([]);
  const first = await run(['catalog', 'apply', name]);
  expect([first.code, first.stdout.trimEnd().split('\n').at(-1), first.stderr]).toEqual([0, '6 made, 0 there already.', '']);
  const second = await run(['catalog', 'apply', name]);
  expect([second.code, second.stdout]).toEqual([0, 'Nothing to do, 6 there already.\n']);
  expect((await rows(['price', 'list'])).map(({ code }) => code)).toEqual(['requests', 'seat']);
  expect((await run(['price', 'list'])).stdout).toMatch(/RESOLUTION[^]*PERIOD_START/);
  expect((await run(['price', 'show', 'requests'])).stdout).toContain('version 1, from 2026-01-01T00:00:00Z to open');
}, 60_000);

test('prices with modifiers and split periods are shown as they are, applied again without doing anything, and refused when they differ', async () => {
  const versions = [{ effectiveFromTime: '2026-01-01T00:00:00Z', model: { package: { packageSize: '10', packageAmount: '5.00' } }, modifiers: { unitConversion: { operation: 'DIVIDE', factor: '1000', rounding: { mode: 'CEILING' } }, minimum: '5.00' } }];
  const wanted = { prices: [{ code: 'transfer', meter: 'requests', versionResolution: 'SPLIT', versions }, { code: 'plain', meter: 'requests', versions: [{ ...versions[0], modifiers: {} }] }] };
  expect((await run(['catalog', 'apply', file('modified.json', JSON.stringify(wanted))])).stdout.trimEnd().split('\n').at(-1)).toBe('4 made, 0 there already.');
  expect((await run(['catalog', 'apply', 'modified.json'])).stdout).toBe('Nothing to do, 4 there already.\n');
  const shown = (await run(['price', 'show', 'transfer'])).stdout;
  expect(shown).toMatch(/RESOLUTION.*\n.*SPLIT/);
  expect(shown).toContain('  modifiers {"unitConversion":{"operation":"UNIT_CONVERSION_OPERATION_DIVIDE","factor":"1000","rounding":{"mode":"QUANTITY_ROUNDING_MODE_CEILING"}},"minimum":"5"}');
  const other = { prices: [{ ...wanted.prices[0], versionResolution: 'PERIOD_START', versions: [{ ...versions[0], modifiers: { minimum: '6' } }] }] };
  const { code, stderr } = await run(['catalog', 'apply', file('differs.json', JSON.stringify(other))]);
  expect(code).toBe(1);
  expect(stderr).toContain('prices[0]: price "transfer" exists with another definition');
  expect(stderr).toContain('prices[0].versions[0]: a version of "transfer" from 2026-01-01T00:00:00Z exists with another definition');
}, 60_000);

test('a price is created and published with options alone', async () => {
  await json(['price', 'create', 'share', '--currency', 'USD', '--meter', 'requests', '--version-resolution', 'split']);
  const published = await json(['price', 'publish', 'share', '--from', '2026-02-01T00:00:00Z', '--model', '{"percentage": {"percent": "1.3", "fixedAmount": "2"}}', '--modifiers', '{"maximum": "50"}']);
  expect(published).toMatchObject({ version: { model: { percentage: { percent: '1.3', fixedAmount: '2' } }, modifiers: { maximum: '50' } } });
  expect(await json(['price', 'show', 'share'])).toMatchObject({ versionResolution: 'VERSION_RESOLUTION_SPLIT' });
  const malformed = await run(['price', 'publish', 'share', '--from', '2026-03-01T00:00:00Z', '--model', '{"percentage": {"percent": "1"}}', '--modifiers', '{"least": "5"}']);
  expect([malformed.code, malformed.stderr.includes("--modifiers can't be read")]).toEqual([2, true]);
}, 60_000);

test('prices from a time in the past are made with an option, which the refusal names', async () => {
  const wanted = { prices: [{ code: 'earlier', versions: [{ effectiveFromTime: '2025-12-01T00:00:00Z', model: { flat: { amount: '20' } } }] }] };
  const { code, stderr } = await run(['catalog', 'apply', file('earlier.json', JSON.stringify(wanted))]);
  expect([code, stderr.split('\n')[0]]).toEqual([1, expect.stringMatching(/what comes before it was applied; .* with --allow-back-dating\.$/)]);
  expect(stderr).toContain('prices[0].versions[0]: PRICE_VERSION_BACK_DATED');
  const alone = await run(['price', 'publish', 'earlier', '--from', '2025-12-01T00:00:00Z', '--model', '{"flat": {"amount": "20"}}']);
  expect([alone.code, alone.stderr.includes('--allow-back-dating')]).toEqual([1, true]);
  expect((await run(['catalog', 'apply', 'earlier.json', '--allow-back-dating'])).stdout).toContain('1 made, 1 there already.');
}, 60_000);

test('a catalog with problems is refused with all of them, and nothing is made', async () => {
  const name = file('wrong.json', JSON.stringify({
    meters: [{ code: 'requests', aggregation: 'COUNT' }, { code: 'New Meter', aggregation: 'SUM' }],
    prices: [{ code: 'tokens', meter: 'requests', versions: [{ effectiveFromTime: '2026-01-01T00:00:00Z', model: { graduated: { tiers: [{ upTo: '100', unitAmount: '-0.10' }, { upTo: '50', unitAmount: '0.05' }] } } }] }],
    plans: [{ code: 'big', prices: ['tokens', 'nothing'] }],
  }));
  const { code, stderr } = await run(['catalog', 'apply', name]);
  expect(code).toBe(1);
  for (const path of ['meters[1].code', 'prices[0].versions[0].model.graduated.tiers[0].unit_amount', 'prices[0].versions[0].model.graduated.tiers[1].up_to']) expect(stderr).toContain(path);
  const known = await run(['catalog', 'apply', file('known.json', JSON.stringify({ meters: [{ code: 'requests', aggregation: 'COUNT' }, { code: 'fresh', aggregation: 'COUNT' }], plans: [{ code: 'big', prices: ['nothing'] }] }))]);
  expect(known.code).toBe(1);
  expect(known.stderr).toContain('meters[0]: meter "requests" exists with another definition');
  expect(known.stderr).toContain('plans[0].prices[0]: there is no price "nothing"');
  expect((await rows(['meter', 'list'])).map((meter) => meter['code'])).toEqual(['requests']);
}, 60_000);

test('usage comes from CSV with other columns, refused rows go to a file, and sending all again records nothing twice', async () => {
  await json(['customer', 'create', 'acme']);
  await json(['subscription', 'create', 'acme', '--customer', 'acme', '--plan', 'team', '--start', '2026-01-01T00:00:00Z']);
  const lines = Array.from({ length: ROWS }, (_, row) => `row-${row},acme,2026-01-01 00:${String(Math.trunc(row / 60)).padStart(2, '0')}:${String(row % 60).padStart(2, '0')}.5,0.04,"eu, west"`);
  lines[10] = 'row-10,acme,yesterday,1,eu';
  lines[20] = 'row-20,acme,2026-01-01 00:00:20,many,eu';
  const name = file('usage.csv', `id,tenant,at,count,region\n${lines.join('\n')}\n`);
  const words = ['--map', 'key=id,customer=tenant', '--map', 'time=at,value=count,property.region=region', '--constant', 'meter=requests', '--time-format', 'sql'];
  expect(await json(['ingest', name, ...words], 3)).toMatchObject({ recorded: ROWS - 2, duplicate: 0, refusedRows: 2, rejectsFile: 'usage.rejects.csv' });
  const rejects = readFileSync(join(folder, 'usage.rejects.csv'), 'utf8');
  expect(rejects.split('\n')[0]).toBe('id,tenant,at,count,region,valora_source,valora_row,valora_reason,valora_field,valora_message');
  expect(rejects).toContain('row-10,acme,yesterday,1,eu,usage.csv,11,ROW_MALFORMED,event_time,');
  expect(rejects).toContain('row-20,acme,2026-01-01 00:00:20,many,eu,usage.csv,21,');

  const mended = file('usage.rejects.csv', rejects.replace('yesterday', '2026-01-01 00:00:10').replace('many', '1'));
  expect(await json(['ingest', mended, '--rejects', 'still.csv', ...words])).toMatchObject({ recorded: 2, refusedRows: 0, rejectsFile: null });
  const again = await run(['ingest', name, '--skip', '21', '--batch-size', '100', ...words]);
  expect([again.code, again.stdout.startsWith(`0 events recorded, ${ROWS - 21} known before, in `)]).toEqual([0, true]);
}, 60_000);

test('usage comes from NDJSON on standard input, numbers as they are written', async () => {
  const lines = ['{"idempotencyKey": "n1", "meter": "requests", "customer": "acme", "eventTime": "2026-01-01T00:30:00Z", "value": 0.10, "properties": {"region": "eu"}}', 'no json', '{"meter": "unknown", "idempotencyKey": "n2", "customer": "acme", "eventTime": "2026-01-01T00:30:00Z", "value": 1}'];
  const { code, stdout } = await run(['ingest', '-', '--format', 'ndjson', '--json'], { input: lines.join('\n') });
  expect([code, JSON.parse(stdout)]).toMatchObject([3, { recorded: 1, refusedRows: 2, rejectsFile: 'stdin.rejects.ndjson' }]);
  const rejects = readFileSync(join(folder, 'stdin.rejects.ndjson'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rejects.map((line) => [line['valora_row'], line['valora_reason']])).toEqual([['2', 'ROW_MALFORMED'], ['3', 'METER_UNKNOWN']]);
}, 60_000);

test('a sandbox is closed, and its invoice is listed, shown, explained and verified', async () => {
  // Pencil: 2,498 rows of 0.04, two mended ones of 1, and 0.1 = 102.02: 100 × 0.10 + 2.02 × 0.05 = 10.101.
  expect(await json(['close', '--until', '2026-02-01T00:00:00Z'])).toMatchObject({ currentTime: '2026-02-01T00:00:00Z', closedCycleCount: 1, finalizedInvoiceCount: 1 });
  const [invoice] = await rows(['invoices', 'list']);
  expect(invoice).toMatchObject({ number: '1', subscription: 'acme', state: 'INVOICE_STATE_FINALIZED', total: { currencyCode: 'USD', amount: '30.10' } });
  expect((await run(['invoices', 'list'])).stdout.split('\n')[1]).toMatch(/^ +1 {2}inv_\w{26} {2}FINALIZED {2}acme +acme +1 {2}2026-02-01T00:00:00Z {2}30\.10 USD$/);
  expect((await run(['invoices', 'show', '1'])).stdout).toMatch(/API requests +10\.10 USD/);
  const explained = (await run(['invoices', 'explain', String(invoice?.['invoiceId'])])).stdout;
  expect(explained).toContain('tier 2, above 100: 2.02 × 0.05 = 0.101');
  expect(await json(['invoices', 'explain', '1'])).toMatchObject({ total: { amount: '30.10' } });
  const verified = await run(['invoices', 'verify', '--all']);
  expect([verified.code, verified.stdout.trimEnd().split('\n').at(-1)]).toEqual([0, '1 match, 0 differ']);
  expect(await rows(['credit-notes', 'list'])).toEqual([]);
  expect((await rows(['subscription', 'cycles', 'acme'])).map(({ state }) => state)).toEqual(['BILLING_CYCLE_STATE_CLOSED', 'BILLING_CYCLE_STATE_OPEN']);
}, 60_000);

test('services at addresses of their own are named one by one', async () => {
  expect(await json(['meter', 'list', '--address', `metering=${valora.address}`])).toHaveLength(1);
  const { code, stderr } = await run(['price', 'list', '--address', `metering=${valora.address},tenancy=${valora.address}`]);
  expect([code, stderr.split('\n')[0]]).toEqual([1, 'The client was given no address for pricing, which /valora.pricing.v1.CatalogService/ListPrices needs.']);
}, 60_000);

test('an operator sees the jobs and runs them', async () => {
  const closed = await rows(['close']);
  expect(closed.map(({ job, failedCount }) => [job, failedCount])).toEqual([['JOB_OPEN_CYCLES', '0'], ['JOB_CLOSE_CYCLES', '0'], ['JOB_ISSUE_INVOICES', '0']]);
  expect((await rows(['jobs', 'run', 'open-cycles'])).map(({ job }) => job)).toEqual(['JOB_OPEN_CYCLES']);
  expect(await rows(['jobs', 'list', '--limit', '2'])).toHaveLength(2);
  expect(await rows(['jobs', 'set-aside'])).toEqual([]);
  const retried = await run(['jobs', 'retry', 'acme', '1']);
  expect([retried.code, retried.stderr.split(':')[0]]).toEqual([1, 'CYCLE_NOT_SET_ASIDE']);
  const audited = await rows(['audit', 'list', '--service', 'subscription']);
  expect(audited[0]).toMatchObject({ sequence: '1' });
  expect(audited.map(({ action }) => action)).toContain('/valora.subscription.v1.SubscriptionService/CreateSubscription');
}, 60_000);

test('audit tail shows what happens until it is told to stop, and then ends with 0', async () => {
  const child = spawn(process.execPath, ['--conditions=development', MAIN, 'audit', 'tail', '--service', 'subscription', '--json'], {
    env: { PATH: process.env['PATH'], VALORA_ADDRESS: valora.address, VALORA_API_KEY: apiKey }, stdio: ['ignore', 'pipe', 'ignore'],
  });
  let seen = '';
  let more: () => void = () => {};
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    more();
  });
  const arrives = async (text: string): Promise<void> => {
    while (!seen.includes(text)) await new Promise<void>((resolve) => { more = resolve; });
  };
  const exit = once(child, 'exit');
  try {
    await arrives('CreateSubscription');
    await json(['subscription', 'cancel', 'acme', '--at', 'period-end']);
    await arrives('CancelSubscription');
    await json(['subscription', 'uncancel', 'acme']);
    await arrives('UncancelSubscription');
  } finally {
    child.kill('SIGINT');
  }
  expect((await exit)[0]).toBe(0);
  expect(seen.trimEnd().split('\n').map((line) => (JSON.parse(line) as { sequence: string }).sequence)).toEqual(seen.trimEnd().split('\n').map((_, position) => String(position + 1)));
}, 60_000);

test.each<{ title: string; words: string[]; environment?: Record<string, string>; code: number; says: RegExp }>([
  { title: 'an unknown command', words: ['invoice', 'list'], code: 2, says: /^There is no command "invoice list"\. `valora --help` lists/ },
  { title: 'an unknown verb', words: ['usage', 'lst'], code: 2, says: /^There is no command "usage lst"\. `valora help usage` lists/ },
  { title: 'a noun alone', words: ['invoices'], code: 2, says: /invoices verify/ },
  { title: 'an unknown option', words: ['meter', 'list', '--all'], code: 2, says: /^Unknown option '--all'\.\nUsage: valora meter list \[options\]\n$/ },
  { title: 'a missing option', words: ['org', 'create', 'Acme'], code: 2, says: /^--currency <code> is missing/ },
  { title: 'no key', words: ['meter', 'list'], environment: { VALORA_API_KEY: '' }, code: 2, says: /^This needs an API key\. Set VALORA_API_KEY/ },
  { title: 'a wrong key', words: ['meter', 'list'], environment: { VALORA_API_KEY: 'vl_wrong' }, code: 1, says: /^CREDENTIAL_INVALID: [\s\S]+Set VALORA_API_KEY, or give --key-file\.\n$/ },
  { title: 'nobody there', words: ['meter', 'list', '--address', '127.0.0.1:1', '--deadline', '1'], code: 1, says: /^(UNAVAILABLE|DEADLINE_EXCEEDED): / },
  { title: 'a refused request', words: ['meter', 'create', 'Bad Code', '--aggregation', 'sum'], code: 1, says: /^FIELD_INVALID: meter\.code: Must be 1 to 64 of a-z/ },
  { title: 'an unknown invoice', words: ['invoices', 'show', '99'], code: 1, says: /^There is no invoice with the number 99\./ },
  { title: 'a file that is not there', words: ['ingest', 'none.csv'], code: 1, says: /^none\.csv can't be read/ },
  { title: 'an unmapped file', words: ['ingest', 'usage.csv'], code: 2, says: /^Which column is the customer\? The file has id, tenant, at, count, region\. Say --map customer=<column>/ },
])('$title ends with $code and says what to do', async ({ words, environment = {}, code, says }) => {
  const ended = await run(words, { environment });
  expect(ended.stderr).toMatch(says);
  expect([ended.code, ended.stdout]).toEqual([code, '']);
  expect(ended.stderr).not.toMatch(/^\s+at /m);
}, 60_000);

test('with --json an error is an object on standard error', async () => {
  const { code, stdout, stderr } = await run(['meter', 'create', 'Bad Code', '--aggregation', 'sum', '--json']);
  expect([code, stdout]).toEqual([1, '']);
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INVALID_ARGUMENT', reason: 'FIELD_INVALID', fieldViolations: [{ field: 'meter.code', reason: 'MALFORMED' }] } });
}, 60_000);
