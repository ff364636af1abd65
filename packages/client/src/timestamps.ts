// Between RFC 3339 text and the wire's Timestamp (seconds and nanos). A JavaScript Date holds milliseconds only, so none is
// on the way; days are counted by the proleptic Gregorian calendar (days from civil, Howard Hinnant, public domain).

export interface Timestamp {
  readonly seconds: bigint;
  readonly nanos: number;
}

const RFC_3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,30}))?(?:([Zz])|([+-])(\d{2}):(\d{2}))$/;
const SECONDS_PER_DAY = 86_400;
const DAYS_PER_ERA = 146_097;
const YEARS_PER_ERA = 400;
/** Days from 1 March of year 0 to 1 January 1970. */
const EPOCH_DAYS = 719_468;
const FIRST_SECOND = -62_135_596_800n; // 0001-01-01T00:00:00Z
const LAST_SECOND = 253_402_300_799n; // 9999-12-31T23:59:59Z

/** From RFC 3339 text with any offset; digits finer than a microsecond are cut toward the past. Throws RangeError. */
export function timestampFromText(text: string): Timestamp {
  const match = RFC_3339.exec(text);
  if (match === null) throw new RangeError(`"${text.slice(0, 64)}" is no RFC 3339 time such as 2026-01-31T09:30:00.123456Z.`);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [, , , , , , , fraction = '', , sign, offsetHour = '0', offsetMinute = '0'] = match;
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) || hour > 23 || minute > 59 || second > 59 || Number(offsetHour) > 23 || Number(offsetMinute) > 59) {
    throw new RangeError(`"${text}" is no time that exists.`);
  }
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60 * (sign === '-' ? -1 : 1);
  const seconds = BigInt(daysFromCivil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset);
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND) throw new RangeError(`"${text}" lies outside the years 0001 to 9999.`);
  return { seconds, nanos: Number(fraction.slice(0, 6).padEnd(6, '0')) * 1000 };
}

/** RFC 3339 in UTC, to the microsecond, without trailing zeros: `2023-11-16T18:17:03.97996Z`. */
export function textFromTimestamp({ seconds, nanos }: Timestamp): string {
  const ofDay = ((seconds % BigInt(SECONDS_PER_DAY)) + BigInt(SECONDS_PER_DAY)) % BigInt(SECONDS_PER_DAY);
  const [year, month, day] = civilFromDays(Number((seconds - ofDay) / BigInt(SECONDS_PER_DAY)));
  const second = Number(ofDay);
  const fraction = padded(Math.trunc(nanos / 1000), 6).replace(/0+$/, '');
  const date = `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
  const time = [Math.trunc(second / 3600), Math.trunc(second / 60) % 60, second % 60].map((part) => padded(part, 2)).join(':');
  return `${date}T${time}${fraction === '' ? '' : `.${fraction}`}Z`;
}

function padded(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}

function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / YEARS_PER_ERA);
  const yearOfEra = shifted - era * YEARS_PER_ERA;
  const dayOfYear = Math.trunc((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * DAYS_PER_ERA + yearOfEra * 365 + Math.trunc(yearOfEra / 4) - Math.trunc(yearOfEra / 100) + dayOfYear - EPOCH_DAYS;
}

function civilFromDays(days: number): readonly [year: number, month: number, day: number] {
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const yearOfEra = Math.trunc((dayOfEra - Math.trunc(dayOfEra / 1460) + Math.trunc(dayOfEra / 36_524) - Math.trunc(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.trunc(yearOfEra / 4) - Math.trunc(yearOfEra / 100));
  const shiftedMonth = Math.trunc((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return [yearOfEra + era * YEARS_PER_ERA + (month <= 2 ? 1 : 0), month, dayOfYear - Math.trunc((153 * shiftedMonth + 2) / 5) + 1];
}
