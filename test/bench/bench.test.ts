/** Every bench runs, and prints what performance.md says it prints. How fast anything is decides no test. */
import type { Figure, Report } from './report.ts';
import { quantile } from './report.ts';
import { parseSettings } from './options.ts';
import { interleaved } from './rounds.ts';
import { measuredOn, runBench, type MeasuredOnValora } from './run-bench.ts';
import { startBenchValora, type BenchValora } from './bench-valora.ts';
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const quietly = (): void => {};
/** Starting a process of its own takes its time on a machine that runs other tests beside it. */
const BENCH_MS = 60_000;

let database: TestDatabase;
let valora: BenchValora;
beforeAll(async () => {
  database = await createTestDatabase();
  valora = await startBenchValora(database, { tickIntervalMs: null, profile: '' });
});
afterAll(async () => {
  await valora.stop();
  await database.drop();
});

const onTestValora: MeasuredOnValora = (_options, measure) => measuredOn(valora, measure);

/** Runs a bench as the command does, on a database of the tests, and reads what it would print. */
async function reportOf(...args: readonly string[]): Promise<Report> {
  const [name = '', ...options] = args;
  const report = await runBench(name, options, quietly, onTestValora);
  return JSON.parse(JSON.stringify(report)) as Report;
}

const positive: unknown = expect.toSatisfy((value: unknown) => typeof value === 'number' && value > 0);

function requireShape(report: Report, { bench, rounds }: { readonly bench: string; readonly rounds: number }): void {
  expect(Object.keys(report)).toEqual(['bench', 'commit', 'machine', 'settings', 'rounds', 'results', 'floors', 'ratios', 'goals', 'notes']);
  expect(report).toMatchObject({ bench, rounds, commit: expect.stringMatching(/^([0-9a-f]{40}|unknown)/), machine: { cpu: expect.any(String), cores: positive, memoryGiB: positive, node: process.version } });
  expect([report.machine.loadBefore.length, report.machine.loadAfter.length]).toEqual([3, 3]);
  for (const figure of [...Object.values(report.results), ...Object.values(report.floors)]) {
    expect(figure).toMatchObject({ unit: expect.stringMatching(/\/s$/), median: positive, min: positive, max: positive, spread: expect.any(Number) });
    expect(figure.min <= figure.median && figure.median <= figure.max).toBe(true);
  }
  for (const value of Object.values(report.ratios)) expect(value).toEqual(positive);
  for (const goal of report.goals) expect(goal).toEqual({ what: expect.any(String), goal: positive, measured: positive, met: goal.measured >= goal.goal });
  expect(report.notes.length).toBeGreaterThan(0);
}

const names = (figures: Readonly<Record<string, Figure>>): string[] => Object.keys(figures).toSorted();

test('ingest: new and known events, one by one, in batches and streamed, keys by chance, a floor for each, and the same after more rows', async () => {
  const report = await reportOf('ingest', '--rounds', '1', '--seconds', '0', '--warm-up-events', '40', '--batch-sizes', '1,10,20', '--batch-size', '20', '--in-flight', '2', '--callers', '4', '--streams', '2',
    '--floor-connections', '1,2', '--rows-before', '50,90');
  requireShape(report, { bench: 'ingest', rounds: 1 });
  expect(report.settings).toMatchObject({ batchSize: 20, batchSizes: [1, 10, 20], floorConnections: [1, 2], rowsBefore: [50, 90] });
  const sizes = ['single events', 'batches of 10', 'batches of 20'];
  const first = [...['new', 'known'].flatMap((kind) => sizes.map((size) => `${kind}, ${size}`)), 'new by chance, batches of 20'];
  const grown = ['new', 'new by chance'].map((kind) => `${kind}, batches of 20`);
  const after = ', after 90 rows';
  expect(names(report.results)).toEqual([...first.flatMap((name) => [name, `${name}, streamed`]), ...grown.map((name) => `${name}${after}`)].toSorted());
  const bare = (name: string, end: string): string[] => (name.includes('single') ? [] : [`${name}, 1 connections${end}`, `${name}, 2 connections${end}`]);
  expect(names(report.floors)).toEqual([...first.flatMap((name) => bare(name, '')), ...grown.flatMap((name) => bare(name, after)), 'empty call', 'empty call through the wrapper'].toSorted());
  expect(report.goals.map(({ what, goal }) => [what, goal])).toEqual([
    ['new, single events, to an empty call', 0.5], ['new, batches of 10, to the fastest bare insert', 0.5], ['new, batches of 20, to the fastest bare insert', 0.5],
    ['new, batches of 20, after 90 rows to before', 0.8],
  ]);
  for (const figure of Object.values(report.results)) expect(figure.processorMicros).toEqual({ client: positive, server: positive });
  expect(report.machine.postgres).toMatchObject({ fsync: expect.any(String), server_version: expect.stringMatching(/^\d+/) });
}, BENCH_MS);

test('close: every size by jobs, every step, and verifying what was closed', async () => {
  const report = await reportOf('close', '--rounds', '1', '--subscriptions', '1,3', '--events-per-subscription', '2', '--step-subscriptions', '2', '--verified', '1');
  requireShape(report, { bench: 'close', rounds: 1 });
  const bySize = ['closed and numbered', 'job close_cycles', 'job issue_invoices', 'verified'].flatMap((name) => [`${name}, 1 subscriptions`, `${name}, 3 subscriptions`]);
  const steps = ['claim', 'seal metering', 'load subscription facts', 'aggregate usage', 'compose and store', 'complete', 'finalize'].map((step) => `step ${step}`);
  expect(names(report.results)).toEqual([...bySize, ...steps].toSorted());
  expect(names(report.floors)).toEqual(['events added up in one statement, 1 subscriptions', 'events added up in one statement, 3 subscriptions']);
  expect(report.goals).toHaveLength(3);
}, BENCH_MS);

test('rating: lines of every model, invoices, events of every aggregation, and the bare loop', async () => {
  const report = await reportOf('rating', '--rounds', '2', '--count', '500');
  requireShape(report, { bench: 'rating', rounds: 2 });
  const models = ['FLAT', 'PER_UNIT', 'GRADUATED', 'VOLUME', 'PACKAGE', 'STAIRSTEP', 'PERCENTAGE', 'GRADUATED_PERCENTAGE', 'MATRIX'];
  const aggregations = ['COUNT', 'SUM', 'MAX', 'MIN', 'AVERAGE', 'LATEST', 'UNIQUE_COUNT', 'WEIGHTED_SUM'];
  expect(names(report.results)).toEqual([
    ...models.flatMap((model) => [`${model} with trace`, `${model} without trace`]),
    ...aggregations.map((kind) => `events aggregated, ${kind}`),
    'composed lines',
    'invoices composed',
  ].toSorted());
  expect(Object.keys(report.ratios)).toEqual([
    'bare BigInt loop to GRADUATED with trace',
    'bare BigInt loop to GRADUATED without trace',
    ...aggregations.map((kind) => `nanoseconds per aggregated event, ${kind}`),
  ]);
  expect(names(report.floors)).toEqual(['bare BigInt loop']);
  expect(report.machine.postgres).toBe(null);
});

test('a name that is no bench is answered with none', async () => {
  expect(await runBench('', [], quietly, onTestValora)).toBe(null);
});

describe('figures', () => {
  test.each([
    ['the middle one of 3', [3, 1, 2], 0.5, 2],
    ['the mean of the middle two of 4', [4, 1, 3, 2], 0.5, 2.5],
    ['of one, itself', [7], 0.99, 7],
    ['p99 of 1 … 100', Array.from({ length: 100 }, (_, position) => position + 1), 0.99, 99],
    ['p99 of 1 … 101', Array.from({ length: 101 }, (_, position) => position + 1), 0.99, 100],
  ])('%s', (_name, values, part, expected) => {
    expect(quantile(values, part)).toBe(expected);
  });

  test('rounds are taken in turn, every other one backwards, after a warm-up that does not count', async () => {
    const order: string[] = [];
    const series = (name: string) => ({ name, unit: 'calls/s', round: () => ({ count: order.push(name), seconds: 1 }) });
    const figures = await interleaved([series('a'), series('b')], { rounds: 3, progress: quietly });
    expect(order).toEqual(['a', 'b', 'a', 'b', 'b', 'a', 'a', 'b']);
    expect(figures.get('a')).toMatchObject({ rounds: [3, 6, 7], median: 6, min: 3, max: 7, spread: 0.6667 });
  });
});

describe('options', () => {
  const defaults = { rounds: 5, sizes: [1, 2] as readonly number[], profile: '' };

  test.each([
    ['none', [], defaults],
    ['a number', ['--rounds', '7'], { ...defaults, rounds: 7 }],
    ['a list', ['--sizes', '10,20,30'], { ...defaults, sizes: [10, 20, 30] }],
    ['a list of one', ['--sizes', '10'], { ...defaults, sizes: [10] }],
    ['a text', ['--profile', '/tmp/here'], { ...defaults, profile: '/tmp/here' }],
  ])('%s', (_name, args, expected) => {
    expect(parseSettings(args, defaults)).toEqual(expected);
  });

  test.each([
    ['no number', ['--rounds', 'many'], '--rounds takes whole numbers'],
    ['two for one', ['--rounds', '1,2'], '--rounds takes one number'],
    ['one it does not have', ['--speed', '1'], 'speed'],
  ])('%s is refused', (_name, args, message) => {
    expect(() => parseSettings(args, defaults)).toThrow(message);
  });
});
