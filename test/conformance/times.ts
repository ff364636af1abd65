/**
 * Times of a case: instants with an offset, dates that are local midnights in its zone, and the cadence they make.
 *
 * Read with Temporal itself and not by the core, so that a midnight is nobody's opinion.
 */
import { type BillingCadence, calendarAnchor, type Instant, instant, type Interval, parseInstant, type PeriodInterval } from '@valora/rating';
import { Temporal } from 'temporal-polyfill';
import { type Fields, has, MalformedCase, object, text, textIfAny, wholeNumber } from './fields.ts';

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const MONTHS_PER_YEAR = 12;

export function zoneOf(fields: Fields): string {
  return textIfAny(fields, 'timezone') ?? 'UTC';
}

export function timeOf(given: string, zone: string): Instant {
  if (!DATE.test(given)) return parseInstant(given);
  return instant(Temporal.PlainDate.from(given).toZonedDateTime(zone).epochNanoseconds / 1000n);
}

export function time(fields: Fields, name: string): Instant {
  return timeOf(text(fields, name), zoneOf(fields));
}

export function timeIfAny(fields: Fields, name: string): Instant | null {
  return has(fields, name) ? time(fields, name) : null;
}

/** A member with a start and an end. */
export function interval(fields: Fields, name: string, zone = zoneOf(fields)): Interval {
  const member = object(fields, name);
  return { start: timeOf(text(member, 'start'), zone), end: timeOf(text(member, 'end'), zone) };
}

/** The cadence of a case. Its anchor: the calendar's where it is aligned to that, the anchor given, or the one that a billing day of the month makes. */
export function cadenceOf(fields: Fields): BillingCadence {
  const zone = zoneOf(fields);
  const [interval, times] = intervalOf(fields);
  const count = (has(fields, 'interval_count') ? wholeNumber(fields, 'interval_count') : 1) * times;
  return { anchor: anchorOf(fields, interval, count), interval, count, zone };
}

function intervalOf(fields: Fields): readonly [PeriodInterval, number] {
  const name = text(fields, 'interval');
  switch (name) {
    case 'day':
      return ['DAY', 1];
    case 'week':
      return ['WEEK', 1];
    case 'month':
      return ['MONTH', 1];
    case 'quarter':
      return ['QUARTER', 1];
    case 'half_year':
      return ['MONTH', 6];
    case 'year':
      return ['YEAR', 1];
    default:
      throw new MalformedCase(`no interval ${name}`);
  }
}

function anchorOf(fields: Fields, interval: PeriodInterval, count: number): Instant {
  const zone = zoneOf(fields);
  if (has(fields, 'anchor_day')) return anchorOfDay(fields, interval, count);
  if (text(fields, 'kind') === 'add') return time(fields, 'at');
  const anchor = timeIfAny(fields, 'anchor');
  return textIfAny(fields, 'alignment') === 'calendar' || anchor === null ? calendarAnchor(zone) : anchor;
}

/**
 * A billing day of the month as an anchor: a day of that number, whole periods before the first one at or after the start. A month that has
 * the day is looked for, as 28 February would forget that it was meant to be the 31st.
 */
function anchorOfDay(fields: Fields, interval: PeriodInterval, count: number): Instant {
  const zone = zoneOf(fields);
  const start = temporal(time(fields, textIfAny(fields, 'start') === null ? 'period_start_known' : 'start'), zone);
  const months = monthsOf(interval) * count;
  if (months === 0) return instant(start.epochNanoseconds / 1000n); // days and weeks have no day of the month
  const day = wholeNumber(fields, 'anchor_day');
  const inMonth = (month: Temporal.ZonedDateTime): Temporal.ZonedDateTime => month.with({ day: Math.min(day, month.daysInMonth) }).startOfDay();
  const first = [inMonth(start), inMonth(start.with({ day: 1 }).add({ months: 1 }))].find((one) => Temporal.ZonedDateTime.compare(one, start) >= 0);
  if (first === undefined) throw new MalformedCase('no billing day follows the start');
  const earlier = Array.from({ length: 4 * MONTHS_PER_YEAR }, (_, times) => inMonth(first.with({ day: 1 }).subtract({ months: months * (times + 1) })));
  const anchor = earlier.find((one) => one.day === day) ?? earlier.toSorted((one, other) => other.day - one.day)[0] ?? first;
  return instant(anchor.epochNanoseconds / 1000n);
}

function monthsOf(interval: PeriodInterval): number {
  const months: Readonly<Record<PeriodInterval, number>> = { DAY: 0, WEEK: 0, MONTH: 1, QUARTER: 3, YEAR: MONTHS_PER_YEAR };
  return months[interval];
}

function temporal(moment: Instant, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochNanoseconds(moment * 1000n).toZonedDateTimeISO(zone);
}
