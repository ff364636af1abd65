/**
 * SUM: the values added up, negative ones too.
 *
 * The state is a whole number of quintillionths (10⁻¹⁸), the finest a decimal can be, so every addition is one exact
 * bigint addition however wide the sum grows.
 */
import { RatingError } from '../errors.ts';
import type { Decimal } from '../number/decimal.ts';
import { fractionFromBigInt } from '../number/fraction.ts';
import type { UsageEvent } from '../usage/usage-event.ts';
import type { Aggregation } from './aggregation.ts';

const FRACTION_DIGITS = 18;
const QUINTILLION = 10n ** 18n;

export const sum: Aggregation<bigint> = {
  empty: () => 0n,
  add: (state, event) => state + quintillionths(valueOf(event)),
  merge: (one, other) => one + other,
  quantity: (state) => fractionFromBigInt(state, QUINTILLION),
};

function valueOf(event: UsageEvent): Decimal {
  if (event.value === null) {
    const metadata = { idempotency_key: event.idempotencyKey };
    throw new RatingError('USAGE_VALUE_MISSING', 'An event to be added up has no value.', metadata);
  }
  return event.value;
}

function quintillionths(value: Decimal): bigint {
  const [whole = '', fraction = ''] = value.split('.');
  return BigInt(whole + fraction.padEnd(FRACTION_DIGITS, '0'));
}
