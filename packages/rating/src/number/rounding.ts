/**
 * The one rounding of a line: from its exact fraction to the currency's minor unit.
 *
 * HALF_UP takes a half away from zero, HALF_EVEN to the even neighbour; everything else goes to the nearer one. It
 * happens once per line and nowhere else. Integers are compared, twice the remainder with the divisor, so a half is a
 * half and never nearly one. The trap: bigint division cuts toward zero, so the sign of the remainder is the sign of
 * the amount.
 */
import { invariant } from '../errors.ts';
import { type Fraction, fractionFromBigInt, fractionToBigInts, subtractFractions } from './fraction.ts';

export type RoundingMode = 'HALF_UP' | 'HALF_EVEN';

export interface RoundedAmount {
  readonly minorUnits: bigint;
  /** exact − rounded, in the currency's main unit; kept in the trace. */
  readonly residue: Fraction;
}

/**
 * Rounds an amount in the currency's main unit to whole minor units: 0.125 at exponent 2 is 13 by HALF_UP and 12 by
 * HALF_EVEN.
 */
export function roundToMinorUnits(exact: Fraction, exponent: number, mode: RoundingMode): RoundedAmount {
  invariant(Number.isInteger(exponent) && exponent >= 0, 'a currency exponent is a whole number from 0');
  const { numerator, denominator } = fractionToBigInts(exact);
  const minorUnitsPerUnit = 10n ** BigInt(exponent);
  const scaled = numerator * minorUnitsPerUnit;
  const towardZero = scaled / denominator;
  const remainder = scaled % denominator;
  const twice = 2n * (remainder < 0n ? -remainder : remainder);
  const awayFromZero = twice > denominator || (twice === denominator && halfGoesAway(towardZero, mode));
  const minorUnits = awayFromZero ? towardZero + (scaled < 0n ? -1n : 1n) : towardZero;
  return { minorUnits, residue: subtractFractions(exact, fractionFromBigInt(minorUnits, minorUnitsPerUnit)) };
}

function halfGoesAway(towardZero: bigint, mode: RoundingMode): boolean {
  return mode === 'HALF_UP' || towardZero % 2n !== 0n;
}
