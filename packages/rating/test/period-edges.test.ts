/** Periods where local clocks repeat an hour, and at the last boundary there is: rows that mutation testing found missing. */
import { describe, expect, test } from 'vitest';
import { type BillingCadence, cycleIndexAt, fullPeriod, parseInstant, periodBoundary, prorationOf, RatingError } from '../src/index.ts';

const at = parseInstant;

/** Daily at 01:30 in New York, where the clocks go from 02:00 back to 01:00 on 3 November 2024. */
const HALF_PAST_ONE: BillingCadence = { anchor: at('2024-11-01T05:30:00Z'), interval: 'DAY', count: 1, zone: 'America/New_York' };

describe('a moment in the hour that is repeated lies after the boundary of the first time, whatever the clock shows', () => {
  test.each([
    ['01:29:59 for the first time: the day before', '2024-11-03T05:29:59Z', 2, '2024-11-02T05:30:00Z', '2024-11-03T05:30:00Z'],
    ['01:30 for the first time: the boundary', '2024-11-03T05:30:00Z', 3, '2024-11-03T05:30:00Z', '2024-11-04T06:30:00Z'],
    ['01:15 for the second time: past it', '2024-11-03T06:15:00Z', 3, '2024-11-03T05:30:00Z', '2024-11-04T06:30:00Z'],
    ['01:30 for the second time: past it, no boundary again', '2024-11-03T06:30:00Z', 3, '2024-11-03T05:30:00Z', '2024-11-04T06:30:00Z'],
    ['01:30 a day later: the next boundary', '2024-11-04T06:30:00Z', 4, '2024-11-04T06:30:00Z', '2024-11-05T06:30:00Z'],
  ])('%s', (_title, moment, cycle, start, end) => {
    expect(cycleIndexAt(HALF_PAST_ONE, at(moment), HALF_PAST_ONE.anchor)).toBe(cycle);
    expect(fullPeriod(HALF_PAST_ONE, 1, at(moment))).toEqual({ start: at(start), end: at(end) });
  });
});

/** What is refused, as reason and metadata. */
function refusal(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RatingError)) throw error;
    return { reason: error.reason, metadata: error.metadata };
  }
}

describe('boundaries that do not exist are named', () => {
  const daily: BillingCadence = { anchor: at('2024-01-01T00:00:00Z'), interval: 'DAY', count: 1, zone: 'UTC' };

  test.each([
    ['1 January 2024 + 2 913 173 days = 31 December 9999', 2_913_173, at('9999-12-31T00:00:00Z')],
    ['one day more is out of range', 2_913_174, { reason: 'INSTANT_OUT_OF_RANGE', metadata: { micros: '253402300800000000' } }],
    ['the last boundary that is looked for', 4_000_000, { reason: 'INSTANT_OUT_OF_RANGE', metadata: { micros: '347304067200000000' } }],
    ['one past it', 4_000_001, { reason: 'CADENCE_INVALID', metadata: { count: '1', boundary: '4000001' } }],
    ['none before the anchor', -1, { reason: 'CADENCE_INVALID', metadata: { count: '1', boundary: '-1' } }],
  ])('%s', (_title, n, expected) => {
    expect(refusal(() => periodBoundary(daily, n))).toEqual(expected);
  });

  test('beyond what the calendar itself can count', () => {
    const millennial: BillingCadence = { ...daily, interval: 'YEAR', count: 1000 };
    expect(refusal(() => periodBoundary(millennial, 3000))).toEqual({ reason: 'INSTANT_OUT_OF_RANGE', metadata: { boundary: '3000' } });
  });
});

test.each([1, 2])('an unknown zone is refused by name where engine version %i counts days', (engineVersion) => {
  const period = { start: at('2024-03-01T00:00:00Z'), end: at('2024-04-01T00:00:00Z') };
  const active = { start: at('2024-03-15T00:00:00Z'), end: period.end };
  expect(refusal(() => prorationOf(active, period, { zone: 'Mars/Olympus', engineVersion }))).toMatchObject({ reason: 'TIME_ZONE_UNKNOWN' });
});
