/**
 * Windows: a part of time, cut for a chart.
 *
 * Hours start with the hours of UTC, which have no gaps. Days are those of the calendar by which periods are billed, so a day on which clocks change is one window of 23 or
 * 25 hours, and a day that a zone skipped is none. The first and the last window are cut at the ends of the part. The trap: the number of windows is bounded before they
 * are made, since a day's bounds cost a look into the calendar.
 */
import { calendarAnchor, cycleIndexAt, fullPeriod, instant, periodBoundary, RatingError, type Instant, type Interval } from '@valora/rating';

export type UsageWindow = 'HOUR' | 'DAY' | 'PERIOD';

export const WINDOWS_MAX = 1_000;

const HOUR = 3_600_000_000n;
/** Longer than any day of any zone. */
const LONGEST_DAY = 50n * HOUR;

/** In the order of time, without a gap; none for an empty part, but for PERIOD. Null if there are more than WINDOWS_MAX, or the calendar ends before the part does. */
export function windowsOf(part: Interval, window: UsageWindow, zone: string): readonly Interval[] | null {
  switch (window) {
    case 'HOUR': return hoursOf(part);
    case 'DAY': return daysOf(part, zone);
    case 'PERIOD': return [part];
  }
}

function hoursOf({ start, end }: Interval): readonly Interval[] | null {
  const windows: Interval[] = [];
  for (let from = start; from < end;) {
    if (windows.length === WINDOWS_MAX) return null;
    const next = from - (((from % HOUR) + HOUR) % HOUR) + HOUR;
    const to = next < end ? instant(next) : end;
    windows.push({ start: from, end: to });
    from = to;
  }
  return windows;
}

function daysOf({ start, end }: Interval, zone: string): readonly Interval[] | null {
  if (end - start > BigInt(WINDOWS_MAX) * LONGEST_DAY) return null;
  const windows: Interval[] = [];
  try {
    const endOfDay = daysFrom(start, zone);
    for (let index = 1, from = start; from < end; index += 1) {
      if (windows.length === WINDOWS_MAX) return null;
      const next = endOfDay(index);
      const to = next < end ? next : end;
      if (from < to) windows.push({ start: from, end: to });
      from = to;
    }
  } catch (error) {
    if (error instanceof RatingError && error.reason === 'INSTANT_OUT_OF_RANGE') return null;
    throw error;
  }
  return windows;
}

/** Where the day ends that is the `index`th from the one in which `start` lies, from 1. Boundaries before 2001 are found by way of their days, which takes longer. */
function daysFrom(start: Instant, zone: string): (index: number) => Instant {
  const anchor = calendarAnchor(zone);
  const cadence = { anchor, interval: 'DAY', count: 1, zone } as const;
  if (start < anchor) return (index) => fullPeriod(cadence, index, start).end;
  const first = cycleIndexAt(cadence, start, anchor) - 1;
  return (index) => periodBoundary(cadence, first + index);
}
