/**
 * An instant: whole microseconds since 1970-01-01T00:00:00Z, in UTC.
 *
 * Finer input is truncated toward the past, also before 1970, so that an instant never falls after the moment it was
 * read from. A bigint and not a `Date`, which holds milliseconds only. The trap: dividing a negative bigint rounds
 * toward zero, which is toward the future; fractions are therefore cut as text.
 */
import { Temporal } from 'temporal-polyfill';
import { RatingError } from '../errors.ts';
import { remembered } from '../remembered.ts';

export type Instant = bigint & { readonly __unit: 'microseconds since 1970-01-01T00:00:00Z' };

/** `[start, end)`: the start belongs to the interval, the end to what comes after it. */
export interface Interval {
  readonly start: Instant;
  readonly end: Instant;
}

const FIRST_MICROS = -62_135_596_800_000_000n; // 0001-01-01T00:00:00Z
const LAST_MICROS = 253_402_300_799_999_999n; // 9999-12-31T23:59:59.999999Z
const TEXT_LENGTH_MAX = 64;
const RFC_3339 =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([01][0-9]|2[0-3])(:[0-5][0-9]:[0-5][0-9])(?:\.([0-9]+))?([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$/;

/** An instant from microseconds since the epoch. Errors: INSTANT_OUT_OF_RANGE outside the years 0001 to 9999. */
export function instant(micros: bigint): Instant {
  if (micros < FIRST_MICROS || micros > LAST_MICROS) {
    throw new RatingError('INSTANT_OUT_OF_RANGE', `${micros} µs since 1970 is out of range.`, { micros: micros.toString() });
  }
  return micros as Instant;
}

/**
 * An instant from RFC 3339 text with any offset. Digits below the microsecond are cut off; a leap second (`:60`) is
 * refused, as UTC without leap seconds has no place for it.
 * Errors: INSTANT_MALFORMED, INSTANT_OUT_OF_RANGE.
 */
export function parseInstant(text: string): Instant {
  const match = text.length <= TEXT_LENGTH_MAX ? RFC_3339.exec(text) : null;
  if (match === null) throw malformed(text);
  const [, date = '', hour = '', minuteAndSecond = '', fraction = '', offset = ''] = match;
  const wholeSecond = epochMilliseconds(`${date}T${hour}${minuteAndSecond}${offset.toUpperCase()}`, text);
  const microsOfSecond = BigInt(fraction.slice(0, 6).padEnd(6, '0'));
  return instant(BigInt(wholeSecond) * 1000n + microsOfSecond);
}

/**
 * Canonical RFC 3339 in UTC, without trailing zeros in the fraction: `2023-11-16T18:17:03.97996Z`,
 * `2023-12-01T00:00:00Z`.
 */
export const formatInstant: (moment: Instant) => string = remembered((moment) => temporalInstant(moment).toString());

/** The same moment for calendar arithmetic, which lives in Temporal alone. */
export function temporalInstant(moment: Instant): Temporal.Instant {
  return Temporal.Instant.fromEpochNanoseconds(moment * 1000n);
}

export function laterOf(one: Instant, other: Instant): Instant {
  return one > other ? one : other;
}

function epochMilliseconds(wellFormed: string, text: string): number {
  try {
    return Temporal.Instant.from(wellFormed).epochMilliseconds;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw malformed(text); // a date that no calendar has, such as 30 February
  }
}

function malformed(text: string): RatingError {
  return new RatingError('INSTANT_MALFORMED', 'This is not an instant.', { text: text.slice(0, TEXT_LENGTH_MAX) });
}
