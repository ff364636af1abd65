/**
 * The days of an interval, counted for the second evaluator by the calendar of Intl, which the engine does not use.
 *
 * By either rule: see `src/time/days.ts` for why there are two.
 */
import type { PeriodTrace } from '../src/index.ts';

/** By the dates that have begun, and as engine version 1 counts, by those that the clock shows: they differ where a date begins twice. */
export function daysBetween({ start, end }: PeriodTrace, zone: string): readonly number[] {
  return [dateBegun(end, zone) - dateBegun(start, zone), Math.max(0, dayNumber(end, zone) - dayNumber(start, zone))];
}

const MINUTE_MS = 60_000;
/** No clock goes back by more. */
const BACK_MINUTES_MAX = 180;

/** The latest date of the last three hours; where no clock was put back in them, that is the date now. */
function dateBegun(time: string, zone: string): number {
  const ago = (minutes: number) => Date.parse(time) - minutes * MINUTE_MS;
  const isSteady = wallClock(ago(0), zone) - wallClock(ago(BACK_MINUTES_MAX), zone) === BACK_MINUTES_MAX * MINUTE_MS;
  const minutes = isSteady ? [0] : Array.from({ length: BACK_MINUTES_MAX }, (_, back) => back);
  return Math.max(...minutes.map((back) => dayOf(wallClock(ago(back), zone))));
}

function dayNumber(time: string, zone: string): number {
  return dayOf(wallClock(Date.parse(time), zone));
}

function dayOf(wallClockMs: number): number {
  return Math.floor(wallClockMs / 86_400_000);
}

const calendars = new Map<string, Intl.DateTimeFormat>();

/** What a clock in the zone shows, to the second, as if it were UTC. */
function wallClock(epochMs: number, zone: string): number {
  const calendar = calendars.get(zone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  calendars.set(zone, calendar);
  return Date.parse(`${calendar.format(new Date(epochMs)).replace(' ', 'T')}Z`);
}
