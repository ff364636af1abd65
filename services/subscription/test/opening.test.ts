/** From a subscription to its next cycles: pure, so told as tables and laws. */
import { calendarAnchor, firstCutoff, formatInstant, instant, parseInstant, type Instant } from '@valora/rating';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BillingCycle } from '../src/billing-cycle.ts';
import { duePeriods, openedCycles, type OpeningSubscription } from '../src/opening.ts';
import type { GraceVersion } from '../src/sources.ts';

const DAY = 86_400_000_000n;

function subscription({ start, recorded = start, zone = 'UTC' }: { start: string; recorded?: string; zone?: string }): OpeningSubscription {
  const startTime = parseInstant(start);
  return { reference: 's', cadence: { anchor: startTime, interval: 'MONTH', count: 1, zone }, startTime, recordedTime: parseInstant(recorded), nextIndex: 1, previous: null, cancelDoneTime: null };
}

function settings(...versions: readonly (readonly [recorded: string, graceMicros: bigint])[]): readonly GraceVersion[] {
  return versions.map(([recorded, graceMicros]) => ({ recordedTime: parseInstant(recorded), graceMicros }));
}

const NO_GRACE = settings(['2020-01-01T00:00:00Z', 0n]);

function open(opening: OpeningSubscription, now: Instant, countMax = 1_000, known = NO_GRACE): readonly BillingCycle[] {
  return openedCycles(opening, duePeriods(opening, now, countMax), { settings: known, tzdataVersion: '2026a' });
}

function days(moments: readonly Instant[]): string[] {
  return moments.map((moment) => formatInstant(moment).replace('T00:00:00Z', ''));
}

test.each<[start: string, zone: string, now: string, ends: readonly string[]]>([
  ['2024-01-31T00:00:00Z', 'UTC', '2024-04-30T00:00:00Z', ['2024-02-29', '2024-03-31', '2024-04-30', '2024-05-31']],
  ['2025-01-31T00:00:00Z', 'UTC', '2025-03-30T23:59:59.999999Z', ['2025-02-28', '2025-03-31']],
  ['2025-01-30T23:00:00Z', 'Europe/Berlin', '2025-04-29T22:00:00Z', ['2025-02-27T23:00:00Z', '2025-03-30T22:00:00Z', '2025-04-29T22:00:00Z', '2025-05-30T22:00:00Z']],
])('monthly from %s in %s, by %s, ends at %j', (start, zone, now, ends) => {
  expect(days(open(subscription({ start, zone }), parseInstant(now)).map(({ end }) => end))).toEqual(ends);
});

test.each<[start: string, zone: string, ends: readonly string[]]>([
  ['2024-02-10T15:00:00Z', 'UTC', ['2024-03-01', '2024-04-01', '2024-05-01']],
  ['2024-03-01T00:00:00Z', 'UTC', ['2024-04-01', '2024-05-01']],
  ['2024-02-10T15:00:00Z', 'Europe/Berlin', ['2024-02-29T23:00:00Z', '2024-03-31T22:00:00Z', '2024-04-30T22:00:00Z']],
])('by the calendar from %s in %s, ends at %j', (start, zone, ends) => {
  const opening = subscription({ start, zone });
  const cycles = open({ ...opening, cadence: { ...opening.cadence, anchor: calendarAnchor(zone) } }, parseInstant('2024-04-01T00:00:00Z'));
  expect(cycles[0]?.start).toBe(opening.startTime);
  expect(days(cycles.map(({ end }) => end))).toEqual(ends);
});

test.each<[title: string, now: string, count: number]>([
  ['one microsecond before the start', '2026-01-14T23:59:59.999999Z', 0],
  ['at the start', '2026-01-15T00:00:00Z', 1],
  ['one microsecond before the end', '2026-02-14T23:59:59.999999Z', 1],
  ['at the end', '2026-02-15T00:00:00Z', 2],
])('%s, so many cycles are due: %s → %i', (_title, now, count) => {
  expect(duePeriods(subscription({ start: '2026-01-15T00:00:00Z' }), parseInstant(now), 10)).toHaveLength(count);
});

test('a back-dated start opens every missed period; their runs wait until its recording is known', () => {
  const cycles = open(subscription({ start: '2025-10-01T00:00:00Z', recorded: '2026-01-15T00:00:00Z' }), parseInstant('2026-01-15T00:00:00Z'));
  expect(cycles.map(({ index, start, cutoff }) => [index, ...days([start, cutoff])])).toEqual([
    [1, '2025-10-01', '2026-01-15T00:00:00.000001Z'],
    [2, '2025-11-01', '2026-01-15T00:00:00.000001Z'],
    [3, '2025-12-01', '2026-01-15T00:00:00.000001Z'],
    [4, '2026-01-01', '2026-02-01'],
  ]);
});

test("a cutoff goes by the grace known before the cycle's start, and never back", () => {
  const known = settings(['2026-06-01T00:00:00Z', 10n * DAY], ['2026-02-01T00:00:00Z', 40n * DAY], ['2026-02-28T00:00:00Z', 0n]);
  const cycles = open(subscription({ start: '2026-01-01T00:00:00Z' }), parseInstant('2026-04-01T00:00:00Z'), 4, known.toSorted((one, other) => (one.recordedTime < other.recordedTime ? -1 : 1)));
  expect(days(cycles.map(({ cutoff }) => cutoff))).toEqual([
    '2026-03-13', // 1 Feb + 40 days: the first settings hold from the beginning
    '2026-04-10', // 1 Mar + 40 days: those recorded at its very start, 1 Feb, do not count, but the first do
    '2026-04-10', // 1 Apr + 0 days lies before the cutoff of cycle 2
    '2026-05-01',
  ]);
});

test('a cycle starts at the persisted end of the one before, whatever the calendar says now', () => {
  const previous = { end: parseInstant('2026-02-15T01:00:00Z'), cutoff: parseInstant('2026-02-15T01:00:00Z') };
  const [second] = open({ ...subscription({ start: '2026-01-15T00:00:00Z' }), nextIndex: 2, previous }, parseInstant('2026-02-20T00:00:00Z'));
  expect(days([second?.start ?? instant(0n), second?.end ?? instant(0n)])).toEqual(['2026-02-15T01:00:00Z', '2026-03-15']);
});

test.each<[title: string, done: string, cutoffs: readonly string[]]>([
  ['before the start: none', '2025-12-31', []],
  ['at the start: none', '2026-01-01', []],
  ['1 µs into the first: that one, then + grace', '2026-01-01T00:00:00.000001Z', ['2026-01-02T00:00:00.000001Z']],
  ['within the second', '2026-02-10', ['2026-02-02', '2026-02-11']],
  ['at the end of the second: that one, as if there was no cancel', '2026-03-01', ['2026-02-02', '2026-03-02']],
  ['1 µs into the third', '2026-03-01T00:00:00.000001Z', ['2026-02-02', '2026-03-02', '2026-03-02T00:00:00.000001Z']],
])('no cycle starts once a cancel is done %s', (_title, done, cutoffs) => {
  const canceled = { ...subscription({ start: '2026-01-01T00:00:00Z' }), cancelDoneTime: parseInstant(done.includes('T') ? done : `${done}T00:00:00Z`) };
  const grace = settings(['2020-01-01T00:00:00Z', DAY]);
  expect(days(open(canceled, parseInstant('2026-12-31T00:00:00Z'), 1_000, grace).map(({ cutoff }) => cutoff))).toEqual(cutoffs);
});

test('cycles tile from the start on, opened at once or one by one, and cutoffs never fall', () => {
  const moment = fc.bigInt({ min: parseInstant('2019-12-01T00:00:00Z'), max: parseInstant('2026-12-31T00:00:00Z') }).map(instant);
  const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Apia', 'Asia/Kolkata');
  fc.assert(fc.property(moment, zone, fc.bigInt({ min: -400n, max: 400n }), fc.bigInt({ min: 0n, max: 90n * DAY }), fc.integer({ min: 1, max: 14 }), (start, name, recordedDays, grace, count) => {
    const opening: OpeningSubscription = {
      reference: 's', cadence: { anchor: start, interval: 'MONTH', count: 1, zone: name }, startTime: start, recordedTime: instant(start + recordedDays * DAY), nextIndex: 1, previous: null, cancelDoneTime: null,
    };
    const known = settings(['2020-01-01T00:00:00Z', grace]);
    const never = parseInstant('2100-01-01T00:00:00Z');
    const atOnce = open(opening, never, count, known);
    const oneByOne: BillingCycle[] = [];
    for (let index = 1; index <= count; index += 1) oneByOne.push(...open({ ...opening, nextIndex: index, previous: oneByOne.at(-1) ?? null }, never, 1, known));
    expect(oneByOne).toEqual(atOnce);
    expect(atOnce.map((cycle) => cycle.start)).toEqual([start, ...atOnce.slice(0, -1).map(({ end }) => end)]);
    const cutoffs = [firstCutoff({ start, subscriptionRecordedTime: opening.recordedTime }), ...atOnce.map(({ cutoff }) => cutoff)];
    expect(cutoffs).toEqual(cutoffs.toSorted((one, other) => (one < other ? -1 : 1)));
  }));
});
