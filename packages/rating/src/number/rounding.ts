/**
 * The one rounding of a line, from its exact fraction to the currency's minor unit; and that of a converted quantity.
 *
 * HALF_UP takes a half away from zero, HALF_EVEN to the even neighbour; everything else goes to the nearer one. An amount
 * is rounded once per line and nowhere else; the parts of a line share it by cumulative rounding, so that they add up. Integers are compared, twice the remainder with the divisor, so a half is a
 * half and never nearly one. The trap: bigint division cuts toward zero, so the sign of the remainder is the sign of
 * the amount.
 */
import { invariant } from '../errors.ts';
import { addFractions, type Fraction, fractionFromBigInt, fractionToBigInts, subtractFractions, ZERO_FRACTION } from './fraction.ts';

export type RoundingMode = 'HALF_UP' | 'HALF_EVEN';

/** CEILING is toward the greater number, FLOOR toward the lesser one, whatever the sign. */
export type QuantityRounding = { readonly decimals: number; readonly mode: RoundingMode | 'CEILING' | 'FLOOR' };

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
  const minorUnits = scaledAndRounded(exact, exponent, mode);
  return { minorUnits, residue: subtractFractions(exact, fractionFromBigInt(minorUnits, 10n ** BigInt(exponent))) };
}

/**
 * The rounding of a line that has several parts: round(Σ of the first k) − round(Σ of the first k − 1) is the share of
 * part k, in minor units. The shares add up to the rounded sum of all.
 */
export function roundInParts(exacts: readonly Fraction[], exponent: number, mode: RoundingMode): readonly bigint[] {
  let prefix = ZERO_FRACTION;
  let settled = 0n;
  return exacts.map((exact) => {
    prefix = addFractions(prefix, exact);
    const { minorUnits } = roundToMinorUnits(prefix, exponent, mode);
    const share = minorUnits - settled;
    settled = minorUnits;
    return share;
  });
}

/** A quantity with at most so many digits after the point: 1.247 with CEILING and 2 decimals is 1.25. */
export function roundQuantity(exact: Fraction, { decimals, mode }: QuantityRounding): Fraction {
  return fractionFromBigInt(scaledAndRounded(exact, decimals, mode), 10n ** BigInt(decimals));
}

/** exact × 10^digits as a whole number. */
function scaledAndRounded(exact: Fraction, digits: number, mode: QuantityRounding['mode']): bigint {
  const { numerator, denominator } = fractionToBigInts(exact);
  const scaled = numerator * 10n ** BigInt(digits);
  const towardZero = scaled / denominator;
  const remainder = scaled % denominator;
  return goesAwayFromZero({ towardZero, remainder, denominator }, mode) ? towardZero + (scaled < 0n ? -1n : 1n) : towardZero;
}

interface Division {
  readonly towardZero: bigint;
  readonly remainder: bigint;
  readonly denominator: bigint;
}

function goesAwayFromZero({ towardZero, remainder, denominator }: Division, mode: QuantityRounding['mode']): boolean {
  if (mode === 'CEILING') return remainder > 0n;
  if (mode === 'FLOOR') return remainder < 0n;
  const twice = 2n * (remainder < 0n ? -remainder : remainder);
  if (twice !== denominator) return twice > denominator;
  return mode === 'HALF_UP' || towardZero % 2n !== 0n;
}
