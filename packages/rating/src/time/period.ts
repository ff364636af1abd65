/**
 * Billing periods: boundary n is a pure function of (anchor, interval, count, n, zone).
 *
 * Each boundary is computed from the anchor, never from the boundary before it, and clamps to the last day of its
 * month: monthly from 31 January gives 28 or 29 February, then 31 March again. It keeps the anchor's local time of day;
 * where the clocks skip that time it moves on by the gap, where they repeat it the earlier one counts (Temporal's
 * `compatible`). Calendar alignment is the same rule from another anchor: local midnight of 1 January 2001, a Monday.
 * Where the anchor is not the start, the first cycle runs from the start to the first boundary after it, and
 * the whole period around it is what its fees are prorated by.
 * The traps: boundary 0 is the anchor itself, which may be the *later* of two equal local times; and
 * where a zone skips a whole day (Pacific/Apia, 30 December 2011) two daily boundaries coincide and the period between
 * them is empty.
 */
import { Temporal } from 'temporal-polyfill';
import { invariant, RatingError, unreachable } from '../errors.ts';
import { type Instant, instant, type Interval, laterOf, temporalInstant } from './instant.ts';
import { requireTimeZone } from './time-zone.ts';

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
const ESTIMATE_ERROR_MAX = 4;
const CALENDAR_ORIGIN = Temporal.PlainDateTime.from('2001-01-01T00:00');

/**
 * Boundary n from the anchor, n ≥ 0; boundary 0 is the anchor. Errors: CADENCE_INVALID, TIME_ZONE_UNKNOWN,
 * INSTANT_OUT_OF_RANGE after the year 9999.
 */
export function periodBoundary(cadence: BillingCadence, n: number): Instant {
  if (n < 0) throw noSuchPeriod(cadence, n);
  return boundaryAt(cadence, n);
}

/**
 * Local midnight of Monday, 1 January 2001: the anchor of every calendar-aligned cadence of the zone. A whole count of
 * days, weeks, months, quarters or years from it is the grid. Errors: TIME_ZONE_UNKNOWN.
 */
export function calendarAnchor(zone: string): Instant {
  requireTimeZone(zone);
  return instant(CALENDAR_ORIGIN.toZonedDateTime(zone).epochNanoseconds / 1000n);
}

/**
 * Cycle n from 1 of a subscription that starts at `start`: by anniversary (the anchor is the start) boundary n − 1 up to
 * boundary n; otherwise the first from the start to the first boundary after it, and the others from there on. Errors:
 * as `periodBoundary`.
 */
export function cycleBounds(cadence: BillingCadence, cycleIndex: number, start: Instant = cadence.anchor): Interval {
  const period = fullPeriod(cadence, cycleIndex, start);
  return { start: laterOf(start, period.start), end: period.end };
}

/** The whole period around cycle n: the cycle itself but for a first one that starts between two boundaries. */
export function fullPeriod(cadence: BillingCadence, cycleIndex: number, start: Instant): Interval {
  invariant(cycleIndex >= 1, 'cycles are counted from 1');
  const first = boundaryIndexAtOrBefore(cadence, start);
  return { start: boundaryAt(cadence, first + cycleIndex - 1), end: boundaryAt(cadence, first + cycleIndex) };
}

/** The cycle in which a moment at or after the start lies, without walking the cycles before it. Errors: as `periodBoundary`. */
export function cycleIndexAt(cadence: BillingCadence, moment: Instant, start: Instant): number {
  return boundaryIndexAtOrBefore(cadence, moment) - boundaryIndexAtOrBefore(cadence, start) + 1;
}

/** The greatest n whose boundary is not after the moment; below zero for a moment before the anchor. */
function boundaryIndexAtOrBefore(cadence: BillingCadence, moment: Instant): number {
  requireCadence(cadence, 0);
  if (moment === cadence.anchor) return 0;
  const local = (at: Instant) => temporalInstant(at).toZonedDateTimeISO(cadence.zone).toPlainDateTime();
  const { unit, units } = unitOf(cadence.interval);
  const passed = local(cadence.anchor).until(local(moment), { largestUnit: unit });
  let n = Math.floor(passed[unit] / (units * cadence.count));
  // The estimate is one off where a month was clamped or the clocks changed, never more than a few.
  for (let step = 0; step < ESTIMATE_ERROR_MAX && boundaryAt(cadence, n) > moment; step += 1) n -= 1;
  for (let step = 0; step < ESTIMATE_ERROR_MAX && boundaryAt(cadence, n + 1) <= moment; step += 1) n += 1;
  invariant(boundaryAt(cadence, n) <= moment && moment < boundaryAt(cadence, n + 1), 'a moment lies in one period');
  return n;
}

/** Boundary n, also before the anchor. */
function boundaryAt(cadence: BillingCadence, n: number): Instant {
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

function requireCadence(cadence: BillingCadence, n: number): void {
  const { count, zone } = cadence;
  const admissible = Number.isInteger(count) && count >= 1 && count <= COUNT_MAX;
  if (!admissible || !Number.isInteger(n) || Math.abs(n) > BOUNDARY_INDEX_MAX) throw noSuchPeriod(cadence, n);
  requireTimeZone(zone);
}

function noSuchPeriod({ count }: BillingCadence, n: number): RatingError {
  return new RatingError('CADENCE_INVALID', 'This period does not exist.', { count: String(count), boundary: String(n) });
}

function duration(interval: PeriodInterval, times: number): Temporal.DurationLike {
  const { unit, units } = unitOf(interval);
  return { [unit]: units * times };
}

/** The calendar's own unit, and how many of it an interval is. */
function unitOf(interval: PeriodInterval): { readonly unit: 'days' | 'weeks' | 'months' | 'years'; readonly units: number } {
  switch (interval) {
    case 'DAY':
      return { unit: 'days', units: 1 };
    case 'WEEK':
      return { unit: 'weeks', units: 1 };
    case 'MONTH':
      return { unit: 'months', units: 1 };
    case 'QUARTER':
      return { unit: 'months', units: 3 };
    case 'YEAR':
      return { unit: 'years', units: 1 };
    default:
      return unreachable(interval);
  }
}
