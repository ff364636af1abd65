/** What is asked by `valora usage query`, and how its answer is shown. */
import { timestampFromText } from '@valora/client';
import { UsageWindow, type QueryUsageRequest, type QueryUsageResponse } from '@valora/contracts/valora/metering/v1/query_usage';
import { afterEach, expect, test } from 'vitest';
import { commands } from '../src/commands.ts';
import { runCommand } from '../src/run-command.ts';
import { testSurroundings } from './surroundings.ts';
import { startUsageServer } from './usage-server.ts';

const at = timestampFromText;
const period = { startTime: at('2026-01-01T00:00:00Z'), endTime: at('2026-01-03T00:00:00Z') };
const days = [{ startTime: period.startTime, endTime: at('2026-01-02T00:00:00Z') }, { startTime: at('2026-01-02T00:00:00Z'), endTime: period.endTime }];
const [first, second] = days;
const answer: QueryUsageResponse = {
  windows: [
    { period: first, eventCount: 3n, quantity: '4.50', quantityFraction: undefined, groups: [
      { group: [{ name: 'model', value: undefined }, { name: 'region', value: 'eu' }], eventCount: 1n, quantity: '', quantityFraction: { numerator: '4', denominator: '3' } },
      { group: [{ name: 'model', value: 'm1' }, { name: 'region', value: 'us\u001b[2J' }], eventCount: 2n, quantity: '2', quantityFraction: undefined },
    ] },
    { period: second, eventCount: 0n, quantity: '0', quantityFraction: undefined, groups: [] },
  ],
  isEstimate: true, knownBeforeTime: at('2026-01-02T12:00:00.000001Z'),
};

const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

async function query(words: readonly string[], response = answer): Promise<{ code: number; out: string; err: string; asked: QueryUsageRequest[] }> {
  const asked: QueryUsageRequest[] = [];
  const server = await startUsageServer({ query: (request) => { asked.push(request); return response; } });
  stops.push(server.stop);
  const surroundings = testSurroundings({ VALORA_ADDRESS: server.address, VALORA_API_KEY: 'key' });
  const code = await runCommand(commands, ['usage', 'query', ...words], surroundings);
  return { code, asked, out: surroundings.out(), err: surroundings.err() };
}

const words = ['tokens', '--customer', 'acme', '--from', '2026-01-01T00:00:00Z', '--to', '2026-01-03T00:00:00Z'];

test('windows and their groups are a table, a fraction stays one, and an estimate is said to be one', async () => {
  const { code, out } = await query([...words, '--group-by', 'region', '--group-by', 'model']);
  expect([code, out]).toEqual([0, [
    'START                 END                   MODEL   REGION  EVENTS  QUANTITY',
    '2026-01-01T00:00:00Z  2026-01-02T00:00:00Z  (all)   (all)   3       4.50',
    '                                            (none)  eu      1       4/3',
    '                                            m1      us [2J  2       2',
    '2026-01-02T00:00:00Z  2026-01-03T00:00:00Z  (all)   (all)   0       0',
    'ESTIMATE, as known before 2026-01-02T12:00:00.000001Z: more usage may still be recorded.',
    '',
  ].join('\n')]);
});

test('what can no longer change is said to be final', async () => {
  const { out } = await query(words, { ...answer, windows: [], isEstimate: false });
  expect(out).toBe('START  END  EVENTS  QUANTITY\nFinal, as known before 2026-01-02T12:00:00.000001Z.\n');
});

test('JSON is the answer of the contract', async () => {
  const { out } = await query([...words, '--json']);
  expect(JSON.parse(out)).toMatchObject({ isEstimate: true, knownBeforeTime: '2026-01-02T12:00:00.000001Z', windows: [{ eventCount: '3', quantity: '4.50', groups: [{ quantityFraction: { numerator: '4', denominator: '3' } }, {}] }, { eventCount: '0' }] });
});

test('every option is asked', async () => {
  const { asked } = await query([...words, '--subscription', 's-1', '--window', 'hour', '--time-zone', 'Europe/Paris', '--group-by', 'region', '--known-before', '2026-02-01T00:00:00Z']);
  expect(asked).toEqual([{ meter: 'tokens', customer: 'acme', subscription: 's-1', period, window: UsageWindow.HOUR, timeZone: 'Europe/Paris', groupBy: ['region'], knownBeforeTime: at('2026-02-01T00:00:00Z') }]);
  expect((await query(words)).asked).toMatchObject([{ window: UsageWindow.DAY, timeZone: '', subscription: '', groupBy: [] }]);
});

test.each([
  [['tokens', '--from', '2026-01-01T00:00:00Z', '--to', '2026-01-03T00:00:00Z'], /^--customer <reference> is missing/],
  [words.slice(0, 5), /^--to <time> is missing/],
  [[...words, '--window', 'minute'], /^--window must be one of hour, day, period/],
])('%j is a wrong command line', async (wrong, says) => {
  const { code, err } = await query(wrong);
  expect([code, err]).toEqual([2, expect.stringMatching(says)]);
});
