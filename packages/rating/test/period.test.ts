import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BillingCadence,
  calendarAnchor,
  cycleBounds,
  cycleCutoff,
  cycleIndexAt,
  daysOf,
  firstCutoff,
  formatInstant,
  fullPeriod,
  instant,
  InvariantError,
  isTimeZone,
  parseInstant,
  periodBoundary,
  type PeriodInterval,
  RatingError,
  settlementCutoff,
} from '../src/index.ts';
import { rounds } from './rounds.ts';

function cadence(anchor: string, interval: PeriodInterval, zone = 'UTC', count = 1): BillingCadence {
  return { anchor: parseInstant(anchor), interval, count, zone };
}

function boundaries(of: BillingCadence, upTo: number): string[] {
  return Array.from({ length: upTo + 1 }, (_, n) => formatInstant(periodBoundary(of, n)).replace('T00:00:00Z', ''));
}

describe('boundary n, from the anchor', () => {
  test.each([
    ['31 Jan monthly clamps and comes back', cadence('2023-01-31T00:00:00Z', 'MONTH'), ['2023-01-31', '2023-02-28', '2023-03-31', '2023-04-30', '2023-05-31']],
    ['31 Jan monthly in a leap year', cadence('2024-01-31T00:00:00Z', 'MONTH'), ['2024-01-31', '2024-02-29', '2024-03-31']],
    ['29 Feb yearly', cadence('2024-02-29T00:00:00Z', 'YEAR'), ['2024-02-29', '2025-02-28', '2026-02-28', '2027-02-28', '2028-02-29']],
    ['30 Nov quarterly', cadence('2023-11-30T00:00:00Z', 'QUARTER'), ['2023-11-30', '2024-02-29', '2024-05-30', '2024-08-30']],
    ['31 Dec every second month', cadence('2023-12-31T00:00:00Z', 'MONTH', 'UTC', 2), ['2023-12-31', '2024-02-29', '2024-04-30', '2024-06-30']],
    ['weekly', cadence('2024-02-26T00:00:00Z', 'WEEK'), ['2024-02-26', '2024-03-04', '2024-03-11']],
    ['every ten days', cadence('2024-02-20T00:00:00Z', 'DAY', 'UTC', 10), ['2024-02-20', '2024-03-01', '2024-03-11']],
  ])('%s', (_name, of, expected) => {
    expect(boundaries(of, expected.length - 1)).toEqual(expected);
  });

  test.each([
    ['local midnight stays midnight over a DST change', cadence('2024-03-01T05:00:00Z', 'MONTH', 'America/New_York'), 1, '2024-04-01T04:00:00Z'],
    ['a DST day is one day', cadence('2024-03-10T05:00:00Z', 'DAY', 'America/New_York'), 1, '2024-03-11T04:00:00Z'],
    ['02:30 skipped: on by the gap', cadence('2024-03-09T07:30:00Z', 'DAY', 'America/New_York'), 1, '2024-03-10T07:30:00Z'],
    ['01:30 repeated: the earlier one', cadence('2024-11-02T05:30:00Z', 'DAY', 'America/New_York'), 1, '2024-11-03T05:30:00Z'],
    ['midnight skipped in Beirut: 01:00 local', cadence('2024-03-30T22:00:00Z', 'DAY', 'Asia/Beirut'), 0, '2024-03-30T22:00:00Z'],
    ['midnight skipped in Santiago: on by the gap', cadence('2024-09-07T04:00:00Z', 'DAY', 'America/Santiago'), 1, '2024-09-08T04:00:00Z'],
    ['half an hour of DST on Lord Howe', cadence('2024-03-31T13:00:00Z', 'MONTH', 'Australia/Lord_Howe'), 1, '2024-04-30T13:30:00Z'],
    ['Kathmandu, +05:45', cadence('2024-01-30T18:15:00Z', 'MONTH', 'Asia/Kathmandu'), 1, '2024-02-28T18:15:00Z'],
    ['Apia skips 30 December 2011: boundary 1 is on the 31st', cadence('2011-12-29T22:00:00Z', 'DAY', 'Pacific/Apia'), 1, '2011-12-30T22:00:00Z'],
    ['… and so is boundary 2', cadence('2011-12-29T22:00:00Z', 'DAY', 'Pacific/Apia'), 2, '2011-12-30T22:00:00Z'],
  ])('%s', (_name, of, n, expected) => {
    expect(formatInstant(periodBoundary(of, n))).toBe(expected);
  });

  test('boundary 0 is the anchor, though its local time occurs twice and it is the later one', () => {
    const later = cadence('2024-11-03T06:30:00Z', 'DAY', 'America/New_York');
    expect(cycleBounds(later, 1)).toEqual({ start: later.anchor, end: parseInstant('2024-11-04T06:30:00Z') });
    expect([periodBoundary(later, 0), fullPeriod(later, 1, later.anchor).start]).toEqual([later.anchor, later.anchor]);
  });

  test('microseconds of the anchor are kept', () => {
    expect(formatInstant(periodBoundary(cadence('2024-01-31T10:00:00.000001Z', 'MONTH'), 1))).toBe('2024-02-29T10:00:00.000001Z');
  });
});

describe('calendar alignment: a grid from local 1 January 2001', () => {
  const calendar = (interval: PeriodInterval, zone = 'UTC', count = 1): BillingCadence => ({ anchor: calendarAnchor(zone), interval, count, zone });

  test.each([
    ['months', calendar('MONTH'), '2024-02-10T00:00:00Z', '2024-02-01', ['2024-02-10', '2024-03-01', '2024-04-01']],
    ['a start on a boundary is a full period', calendar('MONTH'), '2024-02-01T00:00:00Z', '2024-02-01', ['2024-02-01', '2024-03-01', '2024-04-01']],
    ['a start 1 µs before one', calendar('MONTH'), '2024-02-29T23:59:59.999999Z', '2024-02-01', ['2024-02-29T23:59:59.999999Z', '2024-03-01', '2024-04-01']],
    ['weeks begin on Monday', calendar('WEEK'), '2024-02-29T00:00:00Z', '2024-02-26', ['2024-02-29', '2024-03-04', '2024-03-11']],
    ['quarters on 1 January, April, July, October', calendar('QUARTER'), '2024-02-10T00:00:00Z', '2024-01-01', ['2024-02-10', '2024-04-01', '2024-07-01']],
    ['years', calendar('YEAR'), '2024-02-10T00:00:00Z', '2024-01-01', ['2024-02-10', '2025-01-01', '2026-01-01']],
    ['days', calendar('DAY'), '2024-02-28T10:00:00Z', '2024-02-28', ['2024-02-28T10:00:00Z', '2024-02-29', '2024-03-01']],
    ['every second month: January, March, …', calendar('MONTH', 'UTC', 2), '2024-02-10T00:00:00Z', '2024-01-01', ['2024-02-10', '2024-03-01', '2024-05-01']],
    ['a start before 2001', calendar('MONTH', 'UTC', 2), '2000-12-10T00:00:00Z', '2000-11-01', ['2000-12-10', '2001-01-01', '2001-03-01']],
    ['midnight in New York', calendar('MONTH', 'America/New_York'), '2024-03-01T04:59:59Z', '2024-02-01T05:00:00Z', ['2024-03-01T04:59:59Z', '2024-03-01T05:00:00Z', '2024-04-01T04:00:00Z']],
    ['midnight skipped in Santiago on the first day, and there again on the second', calendar('DAY', 'America/Santiago'), '2024-09-08T12:00:00Z', '2024-09-08T04:00:00Z', ['2024-09-08T12:00:00Z', '2024-09-09T03:00:00Z', '2024-09-10T03:00:00Z']],
  ])('%s', (_name, of, start, periodStart, expected) => {
    const short = (at: bigint) => formatInstant(instant(at)).replace('T00:00:00Z', '');
    const cycles = [1, 2].map((index) => cycleBounds(of, index, parseInstant(start)));
    expect([...cycles.map((cycle) => short(cycle.start)), ...cycles.slice(-1).map((cycle) => short(cycle.end))]).toEqual(expected);
    expect(short(fullPeriod(of, 1, parseInstant(start)).start)).toBe(periodStart);
  });

  test('law: the start lies in the first full period, cycles tile, and only the first can be cut', () => {
    const starts = fc.bigInt(parseInstant('1995-01-01T00:00:00Z'), parseInstant('2040-01-01T00:00:00Z')).map(instant);
    const intervals = fc.constantFrom<PeriodInterval>('DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR');
    const zones = fc.constantFrom('UTC', 'America/Santiago', 'Asia/Beirut', 'Pacific/Apia', 'Africa/Casablanca', 'America/St_Johns');
    fc.assert(
      fc.property(starts, intervals, zones, fc.integer({ min: 1, max: 7 }), fc.integer({ min: 2, max: 30 }), (start, interval, zone, count, n) => {
        const of = calendar(interval, zone, count);
        const first = cycleBounds(of, 1, start);
        const whole = fullPeriod(of, 1, start);
        expect(first).toEqual({ start, end: whole.end });
        expect(whole.start <= start && start < whole.end).toBe(true);
        expect(cycleBounds(of, n, start)).toEqual(fullPeriod(of, n, start));
        expect(cycleBounds(of, n, start).start).toBe(cycleBounds(of, n - 1, start).end);
        const { start: from, end: to } = cycleBounds(of, n, start);
        if (from < to) expect([from, instant(to - 1n)].map((moment) => cycleIndexAt(of, moment, start))).toEqual([n, n]);
      }),
      rounds(300),
    );
  });
});

describe('refused', () => {
  test.each([
    ['a count of zero', { ...cadence('2024-01-01T00:00:00Z', 'DAY'), count: 0 }, 1, 'CADENCE_INVALID'],
    ['half a count', { ...cadence('2024-01-01T00:00:00Z', 'DAY'), count: 0.5 }, 1, 'CADENCE_INVALID'],
    ['a count past the last', { ...cadence('2024-01-01T00:00:00Z', 'DAY'), count: 1001 }, 1, 'CADENCE_INVALID'],
    ['a boundary before the anchor', cadence('2024-01-01T00:00:00Z', 'DAY'), -1, 'CADENCE_INVALID'],
    ['a zone that is not', cadence('2024-01-01T00:00:00Z', 'DAY', 'Mars/Olympus'), 1, 'TIME_ZONE_UNKNOWN'],
    ['the year 10000', cadence('9999-12-31T00:00:00Z', 'DAY'), 1, 'INSTANT_OUT_OF_RANGE'],
    ['far beyond the calendar', cadence('2024-01-01T00:00:00Z', 'YEAR', 'UTC', 1000), 4_000_000, 'INSTANT_OUT_OF_RANGE'],
  ])('%s: %s', (_name, of, n, reason) => {
    expect(() => periodBoundary(of, n)).toThrow(expect.objectContaining({ reason }));
  });

  test('a long zone is quoted up to its 64th character', () => {
    expect(() => daysOf({ start: parseInstant('2024-01-01T00:00:00Z'), end: parseInstant('2024-01-02T00:00:00Z') }, 'x'.repeat(1000))).toThrow(
      expect.objectContaining({ reason: 'TIME_ZONE_UNKNOWN', metadata: { time_zone: 'x'.repeat(64) } }),
    );
  });

  test('cycles are counted from 1', () => {
    expect(() => cycleBounds(cadence('2024-01-01T00:00:00Z', 'DAY'), 0)).toThrow(InvariantError);
  });

  test.each([
    ['UTC', true],
    ['Europe/Paris', true],
    ['America/Argentina/Buenos_Aires', true],
    ['europe/paris', false],
    ['+02:00', false],
    ['', false],
    ['Mars/Olympus', false],
    ['2024-01-01T00:00:00Z[UTC]', false],
    ['A'.repeat(65), false],
  ])('zone %s: %s', (text, accepted) => {
    expect(isTimeZone(text)).toBe(accepted);
  });
});

describe('whatever comes in, periods answer with an instant or refuse by name', () => {
  const zones = fc.oneof(
    fc.constantFrom('UTC', 'America/Juneau', 'Asia/Manila', 'Europe/Amsterdam', 'Africa/Monrovia', 'Etc/GMT+12', 'Antarctica/Troll', 'utc', '+02:00', 'UTC[u-ca=hebrew]', '__proto__', 'Asia/Kathmandu\u0000', '../UTC', ''),
    fc.string({ maxLength: 70 }),
  );
  const anyMoment = fc.oneof(
    fc.bigInt(-62_135_596_800_000_000n, 253_402_300_799_999_999n),
    fc.constantFrom(-62_135_596_800_000_000n, 253_402_300_799_999_999n, 0n, -1n),
    fc.bigInt(parseInstant('1800-01-01T00:00:00Z'), parseInstant('1975-01-01T00:00:00Z')),
  ).map(instant);
  const numbers = fc.oneof(fc.integer({ min: -2, max: 1002 }), fc.double(), fc.constantFrom(Number.NaN, Infinity, -0, 0.5, 4_000_000, 4_000_001, 2 ** 53));

  test('law', () => {
    const intervals = fc.constantFrom<PeriodInterval>('DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR');
    const cadences = fc.record({ anchor: anyMoment, interval: intervals, count: fc.oneof(fc.integer({ min: 1, max: 12 }), numbers), zone: zones });
    const often = rounds(1000);
    let answered = 0;
    fc.assert(
      fc.property(cadences, numbers, anyMoment, anyMoment, (of, n, one, other) => {
        const [start, end] = one < other ? [one, other] : [other, one];
        const questions = [
          () => periodBoundary(of, n),
          () => calendarAnchor(of.zone),
          () => BigInt(daysOf({ start, end }, of.zone)),
          () => BigInt(cycleIndexAt(of, end, start)),
          () => fullPeriod(of, cycleIndexAt(of, end, start), start).end,
        ];
        for (const question of questions) {
          try {
            expect(typeof question()).toBe('bigint');
            answered += 1;
          } catch (error) {
            if (!(error instanceof RatingError)) throw error;
            expect(['CADENCE_INVALID', 'TIME_ZONE_UNKNOWN', 'INSTANT_OUT_OF_RANGE']).toContain(error.reason);
          }
        }
      }),
      often,
    );
    if (often.numRuns >= 1000) expect(answered).toBeGreaterThan(often.numRuns / 2); // of a few, all may be refused
  });
});

describe('laws of periods', () => {
  const zones = ['UTC', 'Europe/London', 'America/New_York', 'America/Santiago', 'America/Sao_Paulo', 'Asia/Beirut', 'Asia/Kathmandu', 'Asia/Tehran', 'Australia/Lord_Howe', 'Pacific/Apia', 'Pacific/Kiritimati', 'Africa/Casablanca'];
  const anyCadence = fc.record({
    anchor: fc
      .oneof(
        fc.bigInt(parseInstant('2000-01-01T00:00:00Z'), parseInstant('2040-01-01T00:00:00Z')),
        fc.constantFrom('2024-01-31T00:00:00Z', '2024-02-29T12:00:00Z', '2011-12-29T22:00:00Z', '2011-12-30T10:00:00Z', '2018-11-03T03:00:00Z').map(parseInstant),
      )
      .map(instant),
    interval: fc.constantFrom<PeriodInterval>('DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR'),
    count: fc.integer({ min: 1, max: 5 }),
    zone: fc.constantFrom(...zones),
  });

  test('periods tile: each ends where the next starts, and none runs backwards', () => {
    fc.assert(
      fc.property(anyCadence, fc.integer({ min: 1, max: 400 }), (of, n) => {
        const cycle = cycleBounds(of, n);
        expect(cycle.end).toBe(cycleBounds(of, n + 1).start);
        expect(cycle.start <= cycle.end).toBe(true);
      }),
      rounds(500),
    );
  });

  test('a period is empty only where a zone skips a day', () => {
    const ordinary = anyCadence.filter(({ interval, count, zone }) => zone !== 'Pacific/Apia' || interval !== 'DAY' || count > 1);
    fc.assert(
      fc.property(ordinary, fc.integer({ min: 1, max: 400 }), (of, n) => {
        const { start, end } = cycleBounds(of, n);
        expect(start < end).toBe(true);
      }),
      rounds(500),
    );
  });

  test('no drift: boundary n of a count c is boundary n × c of a count of one', () => {
    fc.assert(
      fc.property(anyCadence, fc.integer({ min: 0, max: 100 }), (of, n) => {
        expect(periodBoundary(of, n)).toBe(periodBoundary({ ...of, count: 1 }, n * of.count));
      }),
      rounds(),
    );
  });
});

describe('cutoffs', () => {
  const start = parseInstant('2024-01-01T00:00:00Z');
  const end = parseInstant('2024-02-01T00:00:00Z');
  const hour = 3_600_000_000n;

  test.each([
    ['end + grace', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z', hour, '2024-02-01T01:00:00Z'],
    ['recorded late: recorded + 1 µs + grace', '2024-01-01T00:00:00Z', '2024-03-10T00:00:00Z', hour, '2024-03-10T01:00:00.000001Z'],
    ['recorded late, no grace: recorded + 1 µs', '2024-01-01T00:00:00Z', '2024-03-10T00:00:00Z', 0n, '2024-03-10T00:00:00.000001Z'],
    ['recorded at the end: end + 1 µs', '2024-01-01T00:00:00Z', '2024-02-01T00:00:00Z', 0n, '2024-02-01T00:00:00.000001Z'],
    ['recorded 1 µs before the end: end', '2024-01-01T00:00:00Z', '2024-01-31T23:59:59.999999Z', 0n, '2024-02-01T00:00:00Z'],
    ['never before the cutoff before', '2024-02-05T00:00:00Z', '2024-01-01T00:00:00Z', hour, '2024-02-05T00:00:00Z'],
    ['no grace', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z', 0n, '2024-02-01T00:00:00Z'],
  ])('%s', (_name, previousCutoff, recorded, graceMicros, expected) => {
    const cutoff = cycleCutoff({ previousCutoff: parseInstant(previousCutoff), end, subscriptionRecordedTime: parseInstant(recorded), graceMicros });
    expect(formatInstant(cutoff)).toBe(expected);
  });

  test.each([
    ['in the cycle: then + grace', '2024-01-20T10:00:00Z', '2024-01-20T11:00:00Z'],
    ['1 µs before the end', '2024-01-31T23:59:59.999999Z', '2024-02-01T00:59:59.999999Z'],
    ['at the end: end + grace', '2024-02-01T00:00:00Z', '2024-02-01T01:00:00Z'],
    ['after the end: end + grace', '2024-02-10T00:00:00Z', '2024-02-01T01:00:00Z'],
    ['before the cutoff before: that', '2024-01-01T00:00:00Z', '2024-01-05T00:00:00Z'],
  ])('a cancel done %s', (_name, done, expected) => {
    const cutoff = cycleCutoff({ previousCutoff: parseInstant('2024-01-05T00:00:00Z'), end, cancelDoneTime: parseInstant(done), subscriptionRecordedTime: start, graceMicros: hour });
    expect(formatInstant(cutoff)).toBe(expected);
  });

  test.each([
    ['recorded + 1 µs + grace', '2024-03-01T00:00:00Z', '2024-03-01T01:00:00.000001Z'],
    ['never before the cutoff before', '2024-02-05T00:00:00Z', '2024-02-10T00:00:00Z'],
  ])('a settlement: %s', (_name, recorded, expected) => {
    expect(formatInstant(settlementCutoff({ previousCutoff: parseInstant('2024-02-10T00:00:00Z'), recordedTime: parseInstant(recorded), graceMicros: hour }))).toBe(expected);
  });

  test.each([
    ['recorded late: recorded + 1 µs', '2024-03-10T00:00:00Z', '2024-03-10T00:00:00.000001Z'],
    ['recorded at the start: start + 1 µs', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00.000001Z'],
    ['recorded 1 µs before the start: start', '2023-12-31T23:59:59.999999Z', '2024-01-01T00:00:00Z'],
    ['recorded ahead: start', '2023-12-01T00:00:00Z', '2024-01-01T00:00:00Z'],
  ])('cutoff 0, %s', (_name, recorded, expected) => {
    expect(formatInstant(firstCutoff({ start, subscriptionRecordedTime: parseInstant(recorded) }))).toBe(expected);
  });

  test('law: every cutoff knows the fact that made the subscription, and none lies before the cutoff before', () => {
    const instants = fc.bigInt(start - 10n ** 6n, end + 10n ** 6n).map(instant);
    fc.assert(
      fc.property(instants, instants, fc.bigInt(0n, 2n), fc.array(fc.bigInt(0n, 10n ** 6n), { maxLength: 5 }), (from, recorded, graceMicros, lengths) => {
        let previousCutoff = firstCutoff({ start: from, subscriptionRecordedTime: recorded });
        let until = from;
        expect(recorded < previousCutoff).toBe(true);
        for (const length of lengths) {
          until = instant(until + length);
          const cutoff = cycleCutoff({ previousCutoff, end: until, subscriptionRecordedTime: recorded, graceMicros });
          expect(recorded < cutoff && previousCutoff <= cutoff && until + graceMicros <= cutoff).toBe(true);
          previousCutoff = cutoff;
        }
      }),
      rounds(),
    );
  });

  test('a subscription recorded in the last microsecond of the calendar has no cutoff', () => {
    const subscriptionRecordedTime = parseInstant('9999-12-31T23:59:59.999999Z');
    expect(() => firstCutoff({ start, subscriptionRecordedTime })).toThrow(expect.objectContaining({ reason: 'INSTANT_OUT_OF_RANGE' }));
  });

  test('a grace beyond the calendar is a RatingError', () => {
    const beyond = { previousCutoff: start, end, subscriptionRecordedTime: start, graceMicros: 10n ** 20n };
    expect(() => cycleCutoff(beyond)).toThrow(RatingError);
  });
});
