/**
 * A second calendar, to hold the first against: days counted by arithmetic on years and months, and the wall clocks of a
 * zone as `Intl` reads them. It shares no code with `src/time` and none with Temporal.
 *
 * A *wall* is the reading of a zone's clock, as microseconds since that clock said 1970-01-01T00:00. The trap: two
 * transitions within 30 hours of one another would be missed; no zone has had them since 1970.
 */
import type { BillingCadence } from '../src/index.ts';

const SECOND = 1_000_000n;
const HOUR = 3_600n * SECOND;
const DAY = 24n * HOUR;

export interface Civil {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** Days since 1970-01-01. Years begin in March here, so that a leap day is the last of its year. */
export function daysFromCivil({ year, month, day }: Civil): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

export function civilFromDays(days: number): Civil {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1 };
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const parts = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, calendar: 'gregory', hourCycle: 'h23', ...parts });
  formats.set(zone, format);
  return format;
}

/** What the zone's clock reads at a moment, from 1970 on. */
export function wallAt(moment: bigint, zone: string): bigint {
  const micros = ((moment % SECOND) + SECOND) % SECOND;
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = formatOf(zone).format(Number((moment - micros) / 1000n)).match(/[0-9]+/g)?.map(Number) ?? [];
  const seconds = BigInt(daysFromCivil({ year, month, day })) * 86_400n + BigInt(hour * 3600 + minute * 60 + second);
  return seconds * SECOND + micros;
}

/** When the clock reads so: the first time of several; where it never does, as far after the jump as the wall is into it. */
export function momentOfWall(wall: bigint, zone: string): bigint {
  const offsetAt = (moment: bigint) => wallAt(moment, zone) - moment;
  const [before, after] = [offsetAt(wall - 15n * HOUR), offsetAt(wall + 15n * HOUR)];
  const moments = [wall - before, wall - after].filter((moment) => wallAt(moment, zone) === wall);
  return moments.reduce((first, moment) => (moment < first ? moment : first), moments[0] ?? wall - before);
}

/** Boundary n as the calendar on the wall has it. */
export function boundaryByTheWall({ anchor, interval, count, zone }: BillingCadence, n: number): bigint {
  if (n === 0) return anchor;
  const wall = wallAt(anchor, zone);
  const days = Number(wall / DAY);
  const timeOfDay = wall - BigInt(days) * DAY;
  return momentOfWall(BigInt(daysLater(days, interval, n * count)) * DAY + timeOfDay, zone);
}

function daysLater(days: number, interval: BillingCadence['interval'], times: number): number {
  if (interval === 'DAY') return days + times;
  if (interval === 'WEEK') return days + 7 * times;
  const { year, month, day } = civilFromDays(days);
  const months = year * 12 + month - 1 + { MONTH: 1, QUARTER: 3, YEAR: 12 }[interval] * times;
  const later = { year: Math.floor(months / 12), month: (months % 12) + 1 };
  return daysFromCivil({ ...later, day: Math.min(day, daysInMonth(later.year, later.month)) });
}

const known = new Map<string, readonly bigint[]>();

/** The moments at which the zone's clock was moved between two years, to the second; searched in steps of four days. */
export function transitionsOf(zone: string, fromYear: number, toYear: number): readonly bigint[] {
  const key = `${zone} ${fromYear} ${toYear}`;
  const found = known.get(key) ?? [];
  if (known.has(key)) return found;
  const offsetAt = (moment: bigint) => wallAt(moment, zone) - moment;
  const startOf = (year: number) => BigInt(daysFromCivil({ year, month: 1, day: 1 })) * DAY;
  const transitions: bigint[] = [];
  for (let moment = startOf(fromYear); moment < startOf(toYear); moment += 4n * DAY) {
    let [before, after] = [moment, moment + 4n * DAY];
    if (offsetAt(before) === offsetAt(after)) continue;
    while (after - before > SECOND) {
      const middle = before + ((after - before) / SECOND / 2n) * SECOND;
      if (offsetAt(middle) === offsetAt(before)) before = middle;
      else after = middle;
    }
    transitions.push(after);
  }
  known.set(key, transitions);
  return transitions;
}

/** The latest date that the zone's clock has shown, as days since 1970; it is enough to look just before each transition. */
export function latestDayOnTheWall(moment: bigint, zone: string, transitions: readonly bigint[]): number {
  const before = transitions.filter((transition) => transition <= moment && moment - transition < 2n * DAY).map((transition) => transition - 1n);
  return Math.max(...[moment, ...before].map((one) => Number(wallAt(one, zone) / DAY)));
}
