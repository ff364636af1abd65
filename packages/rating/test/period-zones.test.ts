/**
 * Periods in the zones that break calendars: quarter hours, midnights and whole days that don't exist, dates that come
 * twice, summer times below winter time. What the core computes is held against `civil-time.ts`, which knows no Temporal.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BillingCadence, calendarAnchor, cycleBounds, cycleIndexAt, daysOf, formatInstant, fullPeriod, instant, type Instant, parseInstant, periodBoundary, type PeriodInterval } from '../src/index.ts';
import { boundaryByTheWall, civilFromDays, daysFromCivil, daysInMonth, latestDayOnTheWall, momentOfWall, transitionsOf, wallAt } from './civil-time.ts';
import { rounds } from './rounds.ts';

const DAY = 86_400_000_000n;
const MINUTE = 60_000_000n;
const FIRST_YEAR = 1980;
const LAST_YEAR = 2020;
const YEARS_AHEAD = 40;

const ZONES = [
  'UTC', 'America/New_York', 'Europe/London',
  'Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Chatham', 'Asia/Tehran', // half and quarter hours
  'America/Sao_Paulo', 'America/Santiago', 'America/Asuncion', 'America/Havana', 'Africa/Cairo', 'Asia/Beirut', // clocks change at midnight
  'America/St_Johns', 'America/Goose_Bay', 'Antarctica/Casey', // … and go back over it
  'Pacific/Apia', 'Pacific/Kwajalein', 'Pacific/Kiritimati', // a day was skipped
  'Europe/Dublin', 'Africa/Casablanca', 'Antarctica/Troll', // winter time below standard time, a month of it, two hours of it
] as const;
const SKIPPING_ZONES: readonly string[] = ['Pacific/Apia', 'Pacific/Kwajalein', 'Pacific/Kiritimati'];
const INTERVALS = ['DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR'] as const satisfies readonly PeriodInterval[];

function transitions(zone: string): readonly bigint[] {
  return transitionsOf(zone, FIRST_YEAR - 1, LAST_YEAR + YEARS_AHEAD + 1);
}

function startOfYear(year: number): Instant {
  return instant(BigInt(daysFromCivil({ year, month: 1, day: 1 })) * DAY);
}

function byTime(one: bigint, other: bigint): number {
  return one < other ? -1 : Number(one > other);
}

/** A moment of the years, most likely within two days of a transition, at the end of a month, or on one of them. */
function momentsIn(zone: string, fromYear: number, toYear: number): fc.Arbitrary<Instant> {
  const [first, last] = [startOfYear(fromYear), startOfYear(toYear)];
  const hot = transitions(zone).filter((moment) => moment > first && moment < last);
  const offsets = fc.oneof(fc.constantFrom(-DAY, -1n, 0n, 1n, DAY), fc.bigInt(-2n * 1440n, 2n * 1440n).map((minutes) => minutes * MINUTE));
  const monthEnds = fc.record({ year: fc.integer({ min: fromYear, max: toYear - 1 }), month: fc.integer({ min: 1, max: 12 }), fromEnd: fc.integer({ min: 0, max: 2 }), minute: fc.bigInt(0n, 1439n) });
  return fc.oneof(
    fc.bigInt(first, last),
    monthEnds.map(({ year, month, fromEnd, minute }) => momentOfWall(BigInt(daysFromCivil({ year, month, day: daysInMonth(year, month) - fromEnd })) * DAY + minute * MINUTE, zone)),
    ...(hot.length === 0 ? [] : [fc.tuple(fc.constantFrom(...hot), offsets).map(([moment, offset]) => moment + offset)]),
  ).map(instant);
}

const cadences: fc.Arbitrary<BillingCadence> = fc.constantFrom(...ZONES).chain((zone) => fc.record({
  anchor: fc.oneof({ weight: 3, arbitrary: momentsIn(zone, FIRST_YEAR, LAST_YEAR) }, { weight: 1, arbitrary: fc.constant(calendarAnchor(zone)) }),
  interval: fc.constantFrom(...INTERVALS),
  count: fc.integer({ min: 1, max: 12 }),
  zone: fc.constant(zone),
}));

/** How many periods fit into so many days. */
function periodsIn(days: number, { interval, count }: BillingCadence): number {
  return Math.floor(days / ({ DAY: 1, WEEK: 7, MONTH: 31, QUARTER: 92, YEAR: 366 }[interval] * count));
}

describe('by the clock on the wall', () => {
  test.each<[string, string, string, PeriodInterval, number, string]>([
    ['Kolkata +05:30: the 31st, clamped', 'Asia/Kolkata', '2024-01-30T18:30:00Z', 'MONTH', 1, '2024-02-28T18:30:00Z'],
    ['Chatham +13:45 in January, +12:45 in May', 'Pacific/Chatham', '2024-01-30T10:15:00Z', 'QUARTER', 1, '2024-04-29T11:15:00Z'],
    ['Lord Howe moves by half an hour: +11, then +10:30', 'Australia/Lord_Howe', '2024-04-05T13:00:00Z', 'DAY', 2, '2024-04-07T13:30:00Z'],
    ['São Paulo 2018: midnight of 4 November skipped, 01:00 instead', 'America/Sao_Paulo', '2018-11-03T03:00:00Z', 'DAY', 1, '2018-11-04T03:00:00Z'],
    ['… and at midnight again the day after', 'America/Sao_Paulo', '2018-11-03T03:00:00Z', 'DAY', 2, '2018-11-05T02:00:00Z'],
    ['Cairo 2024: midnight of 26 April skipped', 'Africa/Cairo', '2024-04-24T22:00:00Z', 'DAY', 1, '2024-04-25T22:00:00Z'],
    ['Beirut 2024: midnight of 31 March skipped', 'Asia/Beirut', '2024-03-29T22:00:00Z', 'DAY', 1, '2024-03-30T22:00:00Z'],
    ['Havana 2024: midnight of 3 November twice, the first', 'America/Havana', '2024-10-03T04:00:00Z', 'MONTH', 1, '2024-11-03T04:00:00Z'],
    ['Asunción 2023: midnight of 1 October skipped', 'America/Asuncion', '2023-09-01T04:00:00Z', 'MONTH', 1, '2023-10-01T04:00:00Z'],
    ["St. John's 2010: midnight of 7 November twice, the first", 'America/St_Johns', '2010-10-31T02:30:00Z', 'WEEK', 1, '2010-11-07T02:30:00Z'],
    ['Kwajalein 1993: no 21 August, so noon of the 22nd', 'Pacific/Kwajalein', '1993-08-21T00:00:00Z', 'DAY', 1, '1993-08-22T00:00:00Z'],
    ['… as is the boundary after it', 'Pacific/Kwajalein', '1993-08-21T00:00:00Z', 'DAY', 2, '1993-08-22T00:00:00Z'],
    ['Kiritimati 1994: no 31 December', 'Pacific/Kiritimati', '1994-12-01T10:00:00Z', 'MONTH', 1, '1994-12-31T10:00:00Z'],
    ['Dublin: winter below standard time', 'Europe/Dublin', '2024-09-30T23:00:00Z', 'MONTH', 1, '2024-11-01T00:00:00Z'],
    ['Casablanca: an hour back for Ramadan 2024', 'Africa/Casablanca', '2024-02-29T23:00:00Z', 'DAY', 10, '2024-03-11T00:00:00Z'],
    ['Troll: two hours in summer', 'Antarctica/Troll', '2024-01-31T00:00:00Z', 'QUARTER', 1, '2024-04-29T22:00:00Z'],
    ['29 February yearly in New York: 28, 28, 28, 29', 'America/New_York', '2024-02-29T05:00:00Z', 'YEAR', 4, '2028-02-29T05:00:00Z'],
  ])('%s', (_name, zone, anchor, interval, n, expected) => {
    expect(formatInstant(periodBoundary({ anchor: parseInstant(anchor), interval, count: 1, zone }, n))).toBe(expected);
  });

  test('the second calendar counts days: 1970-01-01 is 0, 2000-02-29 is 11016, and every date of 400 years comes back', () => {
    expect([{ year: 1970, month: 1, day: 1 }, { year: 2000, month: 2, day: 29 }, { year: 1969, month: 12, day: 31 }].map(daysFromCivil)).toEqual([0, 11_016, -1]);
    for (let days = 0; days < 146_097; days += 1) {
      const civil = civilFromDays(days);
      if (daysFromCivil(civil) !== days || civil.day > daysInMonth(civil.year, civil.month)) throw new Error(`day ${days} is lost`);
    }
  });

  test('law: every boundary of 40 years is where the wall clock says', () => {
    fc.assert(
      fc.property(cadences, fc.nat(), (cadence, drawn) => {
        const n = drawn % (periodsIn(YEARS_AHEAD * 365, cadence) + 1);
        expect(periodBoundary(cadence, n)).toBe(boundaryByTheWall(cadence, n));
      }),
      rounds(2000),
    );
  });

  /** Without VALORA_ROUNDS the days around transitions alone; with it every day. */
  test.each(ZONES)('%s: the days of 40 years, at eight times of day, tile and are where the wall clock says', (zone) => {
    const first = daysFromCivil({ year: FIRST_YEAR, month: 1, day: 1 });
    const days = Array.from({ length: YEARS_AHEAD * 365 }, (_, day) => day + 1);
    const changing = new Set(transitions(zone).flatMap((moment) => [-2, -1, 0, 1, 2].map((near) => Number(wallAt(moment, zone) / DAY) - first + near)));
    const looked = process.env['VALORA_ROUNDS'] === undefined ? days.filter((day) => changing.has(day)) : days;
    for (const minuteOfDay of [0, 1, 30, 90, 135, 150, 1410, 1439]) {
      const anchor = instant(momentOfWall(BigInt(first) * DAY + BigInt(minuteOfDay) * MINUTE, zone));
      const cadence: BillingCadence = { anchor, interval: 'DAY', count: 1, zone };
      const wrong = looked.filter((n) => periodBoundary(cadence, n) !== boundaryByTheWall(cadence, n) || periodBoundary(cadence, n) < periodBoundary(cadence, n - 1));
      expect(wrong).toEqual([]);
    }
  });
});

describe('laws of cycles, from any anchor and any start', () => {
  const WALKED = 12;
  const starts = cadences.chain((cadence) => fc.record({
    cadence: fc.constant(cadence),
    start: fc.oneof(fc.constant(cadence.anchor), momentsIn(cadence.zone, FIRST_YEAR, LAST_YEAR)),
    skipped: fc.nat({ max: 40 }),
    within: fc.array(fc.bigInt(0n, 10n ** 6n), { minLength: 3, maxLength: 3 }),
  }));

  test('law: cycles tile, none runs backwards, every moment lies in exactly one, and its index is found without the walk', () => {
    fc.assert(
      fc.property(starts, ({ cadence, start, skipped, within }) => {
        const indexes = Array.from({ length: WALKED }, (_, position) => position + 1 + (position === 0 ? 0 : skipped)).filter((index) => index <= periodsIn(YEARS_AHEAD * 365, cadence) + 1);
        const walk = indexes.map((index) => ({ index, ...cycleBounds(cadence, index, start) }));
        expect(walk[0]?.start).toBe(start);
        expect(walk[0] !== undefined && start < walk[0].end).toBe(true);
        for (const [position, { index, start: from, end }] of walk.entries()) {
          const next = cycleBounds(cadence, index + 1, start);
          expect([end, from <= end, index === 1 || fullPeriod(cadence, index, start).start === from]).toEqual([next.start, true, true]);
          expect(position < 2 || walk[position - 1]?.end === from).toBe(true);
        }
        const moments = walk.flatMap(({ start: from, end }) => [from, end - 1n, ...within.map((share) => from + ((end - from) * share) / 1_000_001n)]);
        for (const moment of moments.filter((one) => walk.some(({ start: from, end }) => from <= one && one < end))) {
          const holding = walk.filter(({ start: from, end }) => from <= moment && moment < end).map(({ index }) => index);
          expect(holding).toEqual([cycleIndexAt(cadence, instant(moment), start)]);
        }
      }),
      rounds(400),
    );
  });

  test('law: a period aligned to the calendar begins where the wall calendar says, and has the days of its months', () => {
    const drawn = fc.constantFrom(...ZONES).chain((zone) => fc.record({ zone: fc.constant(zone), start: momentsIn(zone, FIRST_YEAR, LAST_YEAR), interval: fc.constantFrom('MONTH', 'QUARTER', 'YEAR'), count: fc.integer({ min: 1, max: 12 }) }));
    fc.assert(
      fc.property(drawn, ({ zone, start, interval, count }) => {
        const period = fullPeriod({ anchor: calendarAnchor(zone), interval, count, zone }, 1, start);
        expect(period.start <= start && start < period.end).toBe(true);
        const days = [period.start, period.end].map((moment) => latestDayOnTheWall(moment, zone, transitions(zone)));
        const [first, last] = days.map(civilFromDays);
        const months = count * { MONTH: 1, QUARTER: 3, YEAR: 12 }[interval];
        expect([first?.day, last?.day]).toEqual([1, 1]);
        const monthOf = (civil = { year: 0, month: 0, day: 0 }) => (civil.year - 2001) * 12 + civil.month - 1;
        expect([monthOf(first) % months === 0, monthOf(last) - monthOf(first)]).toEqual([true, months]);
        expect(daysOf(period, zone)).toBe((days[1] ?? 0) - (days[0] ?? 0));
      }),
      rounds(300),
    );
  });

  test('law: a day aligned to the calendar has one day, wherever no day was skipped', () => {
    const zones = ZONES.filter((zone) => !SKIPPING_ZONES.includes(zone));
    fc.assert(
      fc.property(fc.constantFrom(...zones).chain((zone) => fc.tuple(fc.constant(zone), momentsIn(zone, FIRST_YEAR, LAST_YEAR))), ([zone, start]) => {
        const day = fullPeriod({ anchor: calendarAnchor(zone), interval: 'DAY', count: 1, zone }, 1, start);
        expect([daysOf(day, zone), daysOf({ start: day.start, end: start }, zone)]).toEqual([1, 0]);
      }),
      rounds(300),
    );
  });
});

describe('days', () => {
  test.each([
    ["St. John's 2010: 00:00:30 on 7 November to 23:10 on the 6th, ten minutes later: none", 'America/St_Johns', '2010-11-07T02:30:30Z', '2010-11-07T02:40:00Z', 0],
    ['… from 23:10 to noon of the 7th: none, as the 7th has begun', 'America/St_Johns', '2010-11-07T02:40:00Z', '2010-11-07T15:30:00Z', 0],
    ['… from 23:59 on the 6th: one', 'America/St_Johns', '2010-11-07T02:29:00Z', '2010-11-07T15:30:00Z', 1],
    ['Casey 2010: 01:00 on 5 March to 23:30 on the 4th, 1 h 30 min later: none', 'Antarctica/Casey', '2010-03-04T14:00:00Z', '2010-03-04T15:30:00Z', 0],
    ['Apia 2011: noon of 29 December to noon of 31 December, 24 h later: two dates', 'Pacific/Apia', '2011-12-29T22:00:00Z', '2011-12-30T22:00:00Z', 2],
    ['Casablanca 2024, the month with Ramadan: 31', 'Africa/Casablanca', '2024-02-29T23:00:00Z', '2024-04-01T00:00:00Z', 31],
  ])('%s', (_name, zone, start, end, expected) => {
    expect(daysOf({ start: parseInstant(start), end: parseInstant(end) }, zone)).toBe(expected);
  });

  test('law: the days of the parts of any cut add up to the days of the whole, and none is below zero', () => {
    const cuts = fc.constantFrom(...ZONES).chain((zone) => fc.tuple(fc.constant(zone), fc.array(momentsIn(zone, FIRST_YEAR, LAST_YEAR), { minLength: 2, maxLength: 6 })));
    const nearby = fc.constantFrom(...ZONES.filter((zone) => transitions(zone).length > 0)).chain((zone) =>
      fc.tuple(fc.constant(zone), fc.tuple(fc.constantFrom(...transitions(zone)), fc.array(fc.bigInt(-300n, 300n), { minLength: 2, maxLength: 6 })).map(([moment, minutes]) => minutes.map((minute) => instant(moment + minute * MINUTE)))));
    fc.assert(
      fc.property(fc.oneof(cuts, nearby), ([zone, drawn]) => {
        const moments = drawn.toSorted(byTime);
        const parts = moments.slice(1).map((end, position) => daysOf({ start: moments[position] ?? end, end }, zone));
        const [start, end] = [moments[0], moments.at(-1)];
        if (start === undefined || end === undefined) throw new Error('no moments');
        expect(parts.every((days) => days >= 0)).toBe(true);
        expect(parts.reduce((sum, days) => sum + days, 0)).toBe(daysOf({ start, end }, zone));
        const [first = 0, last = 0] = [start, end].map((moment) => latestDayOnTheWall(moment, zone, transitions(zone)));
        expect(daysOf({ start, end }, zone)).toBe(last - first);
      }),
      rounds(1000),
    );
  });
});
