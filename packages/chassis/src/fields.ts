// Reading the fields of a request: untrusted in, typed value out. Every reader notes what is wrong with its field and
// answers a placeholder, so that all problems are reported at once; `check()` throws them and must be called before a
// value is used.
import type { FieldViolation } from '@valora/client/call';
import {
  currencyExponent, formatInstant, instant, isTimeZone, parseDecimal, parseInstant, RatingError, type Decimal, type Instant,
} from '@valora/rating';
import { fieldInvalid } from './errors.ts';
import { instantFromTimestamp, type Timestamp } from './timestamps.ts';

const CODE = /^[a-z][a-z0-9_.-]{0,63}$/;
const REFERENCE = /^[\x21-\x7e]{1,128}$/;
const REQUEST_ID = /^[\x20-\x7e]{1,128}$/;
// Control characters, lone surrogates and U+FFFD, which is what invalid UTF-8 decodes to.
const NOT_TEXT = /[\p{Cc}\p{Cs}\uFFFD]/u;
const SANDBOX_TIME_MIN = parseInstant('1900-01-01T00:00:00Z');
const SANDBOX_TIME_MAX = parseInstant('9000-01-01T00:00:00Z');
const DURATION_MICROS_PER_SECOND = 1_000_000n;

/** Whether text can be a code at all; nothing else needs to be looked up. */
export function isCode(text: string): boolean {
  return CODE.test(text);
}

export class Fields {
  readonly violations: FieldViolation[] = [];

  refuse(field: string, reason: string, description: string): void {
    this.violations.push({ field, reason, description });
  }

  /** Throws FIELD_INVALID with everything that was noted. */
  check(): void {
    if (this.violations.length > 0) throw fieldInvalid(this.violations);
  }

  requestId(value: string): string {
    return this.#matching('request_id', value, REQUEST_ID, 'Must be 1 to 128 printable ASCII characters, new for each new request.');
  }

  /** A code that the organization chose: meter, price, plan. */
  code(field: string, value: string): string {
    return this.#matching(field, value, CODE, 'Must be 1 to 64 of a-z, 0-9, `_`, `-`, `.`, starting with a letter.');
  }

  /** The caller's own reference, also an idempotency key. */
  reference(field: string, value: string): string {
    return this.#matching(field, value, REFERENCE, 'Must be 1 to 128 printable ASCII characters without spaces.');
  }

  /** Text for people. */
  text(field: string, value: string, { lengthMin = 0, lengthMax }: { lengthMin?: number; lengthMax: number }): string {
    if (value.length < lengthMin || value.length > lengthMax) {
      this.refuse(field, 'LENGTH', `Must have ${lengthMin} to ${lengthMax} characters; it has ${value.length}.`);
    } else if (NOT_TEXT.test(value)) {
      this.refuse(field, 'CHARACTERS', 'Must be valid UTF-8 without control characters.');
    }
    return value;
  }

  decimal(field: string, value: string): Decimal {
    try {
      return parseDecimal(value);
    } catch (error) {
      if (!(error instanceof RatingError)) throw error;
      this.refuse(field, error.reason, error.message);
      return parseDecimal('0');
    }
  }

  instant(field: string, value: Timestamp | undefined): Instant {
    if (value === undefined) {
      this.refuse(field, 'MISSING', 'Must be given.');
      return instant(0n);
    }
    try {
      return instantFromTimestamp(value);
    } catch {
      this.refuse(field, 'OUT_OF_RANGE', 'Must lie in the years 0001 to 9999, with nanos in 0 … 999999999.');
      return instant(0n);
    }
  }

  /** Where a sandbox's clock may stand: far enough from the ends of the calendar for any period and grace to fit. */
  sandboxTime(field: string, value: Timestamp | undefined): Instant {
    const time = this.instant(field, value);
    if (time < SANDBOX_TIME_MIN || time > SANDBOX_TIME_MAX) this.refuse(field, 'OUT_OF_RANGE', `Must lie between ${formatInstant(SANDBOX_TIME_MIN)} and ${formatInstant(SANDBOX_TIME_MAX)}.`);
    return time;
  }

  optionalInstant(field: string, value: Timestamp | undefined): Instant | null {
    return value === undefined ? null : this.instant(field, value);
  }

  period(field: string, value: { readonly startTime?: Timestamp | undefined; readonly endTime?: Timestamp | undefined } | undefined): { start: Instant; end: Instant } {
    const start = this.instant(`${field}.start_time`, value?.startTime);
    const end = this.instant(`${field}.end_time`, value?.endTime);
    if (end < start) this.refuse(field, 'OUT_OF_ORDER', 'end_time must not lie before start_time.');
    return { start, end };
  }

  /** A duration in whole microseconds; absent is 0. */
  durationMicros(field: string, value: Timestamp | undefined, { microsMin = 0n, microsMax }: { microsMin?: bigint; microsMax: bigint }): bigint {
    if (value === undefined && microsMin <= 0n) return 0n;
    const { seconds, nanos } = value ?? { seconds: 0n, nanos: 0 };
    const micros = seconds * DURATION_MICROS_PER_SECOND + BigInt(Math.trunc(nanos / 1000));
    if (nanos % 1000 !== 0 || micros < microsMin || micros > microsMax) {
      this.refuse(field, 'OUT_OF_RANGE', `Must be whole microseconds, ${microsMin / DURATION_MICROS_PER_SECOND} s to ${microsMax / DURATION_MICROS_PER_SECOND} s.`);
    }
    return micros;
  }

  currency(field: string, value: string): string {
    try {
      currencyExponent(value);
    } catch (error) {
      if (!(error instanceof RatingError)) throw error;
      this.refuse(field, error.reason, 'Must be an ISO 4217 code in capitals, for example USD.');
    }
    return value;
  }

  timeZone(field: string, value: string): string {
    if (!isTimeZone(value)) this.refuse(field, 'TIME_ZONE_UNKNOWN', 'Must be an IANA time zone, for example Europe/Berlin.');
    return value;
  }

  integer(field: string, value: number, { min, max }: { min: number; max: number }): number {
    if (!Number.isInteger(value) || value < min || value > max) this.refuse(field, 'OUT_OF_RANGE', `Must lie in ${min} … ${max}.`);
    return value;
  }

  /** A list with a number of elements between bounds. */
  count(field: string, value: readonly unknown[], { min, max }: { min: number; max: number }): void {
    if (value.length < min || value.length > max) this.refuse(field, 'COUNT', `Must have ${min} to ${max} elements; it has ${value.length}.`);
  }

  /** An enum value by its number: looks its meaning up in `meanings`; anything else is refused. */
  choice<Meaning>(field: string, value: number, meanings: Readonly<Record<number, Meaning>>): Meaning {
    const meaning = meanings[value];
    if (meaning !== undefined) return meaning;
    this.refuse(field, 'UNKNOWN_VALUE', `Must be one of the values ${Object.keys(meanings).join(', ')} of the enum in the contract.`);
    const [placeholder] = Object.values(meanings);
    if (placeholder === undefined) throw new Error(`no meanings for ${field}`);
    return placeholder;
  }

  #matching(field: string, value: string, pattern: RegExp, description: string): string {
    if (!pattern.test(value)) this.refuse(field, value === '' ? 'MISSING' : 'MALFORMED', description);
    return value;
  }
}
