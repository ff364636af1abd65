/**
 * The value of an event, as a whole number of quintillionths (10⁻¹⁸).
 *
 * That is the finest a decimal can be, so values are added, multiplied by times and compared as bigints, exactly and
 * however wide they grow, and a state holds nothing but whole numbers. The trap: a missing value is not zero. An event
 * that ought to have one stops the aggregation by name.
 */
import { invariant, RatingError } from '../errors.ts';
import { type Fraction, fractionFromBigInt } from '../number/fraction.ts';
import type { UsageEvent } from '../usage/usage-event.ts';

const FRACTION_DIGITS = 18;
const DECIMAL = /^-?[0-9]+(?:\.[0-9]{1,18})?$/;

export const QUINTILLION = 10n ** 18n;

/** Errors: USAGE_VALUE_MISSING. */
export function eventQuintillionths(event: UsageEvent): bigint {
  if (event.value === null) {
    const metadata = { idempotency_key: event.idempotencyKey };
    throw new RatingError('USAGE_VALUE_MISSING', 'An event that is to be aggregated by its value has none.', metadata);
  }
  return quintillionths(event.value);
}

/** Of the text of a decimal, or of a sum of decimals, which may be longer. Breaks off on any other text. */
export function quintillionths(text: string): bigint {
  invariant(DECIMAL.test(text), 'a value is a decimal');
  const point = text.indexOf('.');
  if (point < 0) return BigInt(text) * QUINTILLION;
  return BigInt(text.slice(0, point) + text.slice(point + 1).padEnd(FRACTION_DIGITS, '0'));
}

export function fractionOfQuintillionths(units: bigint): Fraction {
  return fractionFromBigInt(units, QUINTILLION);
}
