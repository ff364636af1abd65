/**
 * Billing periods: boundary n is a pure function of (anchor, interval, count, n, zone).
 *
 * Each boundary is computed from the anchor, never from the boundary before it, and clamps to the last day of its
 * month: monthly from 31 January gives 28 or 29 February, then 31 March again. It keeps the anchor's local time of day;
 * where the clocks skip that time it moves on by the gap, where they repeat it the earlier one counts (Temporal's
 * `compatible`). The traps: boundary 0 is the anchor itself, which may be the *later* of two equal local times; and
 * where a zone skips a whole day (Pacific/Apia, 30 December 2011) two daily boundaries coincide and the period between
 * them is empty.
 */
import { Temporal } from 'temporal-polyfill';
import { invariant, RatingError, unreachable } from '../errors.ts';
import { type Instant, instant, type Interval, temporalInstant } from './instant.ts';

export type PeriodInterval = 'DAY' | 'WEEK' | 'MONTH' | 'QUARTER' | 'YEAR';

export interface BillingCadence {
  readonly anchor: Instant;
  readonly interval: PeriodInterval;
  /** Intervals per period, 1 to 1000: a count of 2 with MONTH is every other month. */
  readonly count: number;
  /** IANA zone, pinned by the subscription. */
  readonly zone: string;
}

const COUNT_MAX = 1000;
/** Enough for a daily cadence over all admissible years. */
const BOUNDARY_INDEX_MAX = 4_000_000;

/**
 * Boundary n from the anchor, n ≥ 0; boundary 0 is the anchor. Errors: CADENCE_INVALID, TIME_ZONE_UNKNOWN,
 * INSTANT_OUT_OF_RANGE after the year 9999.
 */
export function periodBoundary(cadence: BillingCadence, n: number): Instant {
  requireCadence(cadence, n);
  if (n === 0) return cadence.anchor;
  const anchor = temporalInstant(cadence.anchor).toZonedDateTimeISO(cadence.zone).toPlainDateTime();
  try {
    const boundary = anchor.add(duration(cadence.interval, n * cadence.count), { overflow: 'constrain' });
    return instant(boundary.toZonedDateTime(cadence.zone, { disambiguation: 'compatible' }).epochNanoseconds / 1000n);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RatingError('INSTANT_OUT_OF_RANGE', `Boundary ${n} lies beyond the calendar.`, { boundary: n.toString() });
  }
}

/** Cycle n from 1, by anniversary: boundary n − 1 up to boundary n. Errors: as `periodBoundary`. */
export function cycleBounds(cadence: BillingCadence, cycleIndex: number): Interval {
  invariant(cycleIndex >= 1, 'cycles are counted from 1');
  return { start: periodBoundary(cadence, cycleIndex - 1), end: periodBoundary(cadence, cycleIndex) };
}

/**
 * Whether the text is an IANA zone name in its own spelling. Offsets (`+02:00`) and other spellings (`europe/paris`)
 * are not: they would be two names for one zone.
 */
export function isTimeZone(text: string): boolean {
  if (!ZONE_NAME.test(text)) return false;
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(text).timeZoneId === text;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

function requireCadence({ count, zone }: BillingCadence, n: number): void {
  const admissible = Number.isInteger(count) && count >= 1 && count <= COUNT_MAX;
  if (!admissible || !Number.isInteger(n) || n < 0 || n > BOUNDARY_INDEX_MAX) {
    throw new RatingError('CADENCE_INVALID', 'This period does not exist.', { count: String(count), boundary: String(n) });
  }
  if (!isTimeZone(zone)) {
    throw new RatingError('TIME_ZONE_UNKNOWN', 'This time zone is not known.', { time_zone: zone.slice(0, 64) });
  }
}

function duration(interval: PeriodInterval, times: number): Temporal.DurationLike {
  switch (interval) {
    case 'DAY':
      return { days: times };
    case 'WEEK':
      return { weeks: times };
    case 'MONTH':
      return { months: times };
    case 'QUARTER':
      return { months: 3 * times };
    case 'YEAR':
      return { years: times };
    default:
      return unreachable(interval);
  }
}
