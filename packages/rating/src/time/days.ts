/**
 * Days between two instants: the civil date of the later minus the civil date of the earlier, in a zone.
 *
 * A day on which the clocks change is one day. The day of a change belongs to what comes after it, since its date is
 * the first of the part that follows and not the last of the part before. The traps: a part that begins and ends on one
 * date has no days at all, though time passed in it; and where the clocks go back over midnight (St. John's, at one
 * minute past, until 2011) a date that has begun comes to an end and begins again. There it counts from its first
 * midnight on, as the periods do; otherwise the days of two parts would not add up to those of the whole.
 */
import type { Temporal } from 'temporal-polyfill';
import { type Instant, type Interval, temporalInstant } from './instant.ts';
import { requireTimeZone } from './time-zone.ts';

/**
 * Whole days, never below zero for an interval that doesn't end before it starts. The days of the parts of an interval
 * add up to its own. Errors: TIME_ZONE_UNKNOWN.
 */
export function daysOf({ start, end }: Interval, zone: string): number {
  requireTimeZone(zone);
  return latestDate(start, zone).until(latestDate(end, zone), { largestUnit: 'days' }).days;
}

/** As engine version 1 counts: by the date at either end, so that a date which begins twice counts from its second midnight. */
export function daysByDateAtEnds({ start, end }: Interval, zone: string): number {
  requireTimeZone(zone);
  const date = (moment: Instant): Temporal.PlainDate => temporalInstant(moment).toZonedDateTimeISO(zone).toPlainDate();
  return Math.max(0, date(start).until(date(end), { largestUnit: 'days' }).days);
}

/** The latest date that has begun. No zone was ever put back by more than a day, so it is this date or the next. */
function latestDate(moment: Instant, zone: string): Temporal.PlainDate {
  const local = temporalInstant(moment).toZonedDateTimeISO(zone);
  const next = local.toPlainDate().add({ days: 1 });
  return next.toZonedDateTime(zone).epochNanoseconds <= local.epochNanoseconds ? next : local.toPlainDate();
}
