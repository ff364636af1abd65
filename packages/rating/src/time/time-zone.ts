/**
 * A time zone: its IANA name, in the spelling of the tz database.
 *
 * One zone has one text here, as it stands in facts and in canonical invoices. The trap: calendars also take offsets
 * (`+02:00`) and other spellings (`europe/paris`) for zones. Those are refused, as they would be second names.
 */
import { Temporal } from 'temporal-polyfill';
import { RatingError } from '../errors.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

export function isTimeZone(text: string): boolean {
  if (!NAME.test(text)) return false;
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(text).timeZoneId === text;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

/** Errors: TIME_ZONE_UNKNOWN. */
export function requireTimeZone(text: string): void {
  if (isTimeZone(text)) return;
  throw new RatingError('TIME_ZONE_UNKNOWN', 'This time zone is not known.', { time_zone: text.slice(0, 64) });
}
