/**
 * Days between two instants: the civil date of the later minus the civil date of the earlier, in a zone.
 *
 * A day on which the clocks change is one day. The day of a change belongs to what comes after it, since its date is
 * the first of the part that follows and not the last of the part before. The trap: a part that begins and ends on one
 * date has no days at all, though time passed in it.
 */
import type { Temporal } from 'temporal-polyfill';
import { type Interval, temporalInstant } from './instant.ts';

/** Whole days, never below zero (clocks put back over midnight repeat a date). The zone is an IANA name. */
export function daysOf({ start, end }: Interval, zone: string): number {
  const date = (moment: Interval['start']): Temporal.PlainDate => temporalInstant(moment).toZonedDateTimeISO(zone).toPlainDate();
  return Math.max(0, date(start).until(date(end), { largestUnit: 'days' }).days);
}
