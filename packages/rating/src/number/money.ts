/**
 * Money as whole minor units, and its text.
 *
 * A charged amount is a bigint of minor units (cents) beside its currency; its text has exactly the currency's digits,
 * so `12.50` and never `12.5`.
 */
import { invariant } from '../errors.ts';

const AMOUNT = /^-?\d+(?:\.\d+)?$/;

/** 1250 with exponent 2 is `12.50`; −5 is `-0.05`; with exponent 0 there is no point. */
export function formatMinorUnits(minorUnits: bigint, exponent: number): string {
  invariant(Number.isInteger(exponent) && exponent >= 0, 'a currency exponent is a whole number from 0');
  const sign = minorUnits < 0n ? '-' : '';
  const digits = (minorUnits < 0n ? -minorUnits : minorUnits).toString().padStart(exponent + 1, '0');
  if (exponent === 0) return `${sign}${digits}`;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/**
 * The reverse: `12.50` with exponent 2 is 1250. Takes what `formatMinorUnits` writes and breaks off on any other text:
 * amounts come from our own records, so another form is a defect.
 */
export function parseMinorUnits(amount: string, exponent: number): bigint {
  const minorUnits = AMOUNT.test(amount) ? BigInt(amount.replace('.', '')) : null;
  invariant(
    minorUnits !== null && formatMinorUnits(minorUnits, exponent) === amount,
    `${amount} is no amount with ${exponent} digits after the point`,
  );
  return minorUnits;
}
