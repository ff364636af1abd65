/**
 * The one rounding of a line, from its exact fraction to the currency's minor unit; and that of a converted quantity.
 *
 * HALF_UP takes a half away from zero, HALF_EVEN to the even neighbour; everything else goes to the nearer one. An
 * amount is rounded once per line and nowhere else; the parts of a line share it by cumulative rounding, so that they
 * add up. A decimal is rounded by bignumber.js, which looks at its digits and is exact. A ratio is rounded by comparing
 * integers, twice the remainder with the divisor; it doesn't terminate and so never lies on a half. The trap: bigint
 * division cuts toward zero, so the sign of the remainder is the sign of the amount.
 */
import { BigNumber } from 'bignumber.js';
import { invariant } from '../errors.ts';
import { addFractions, decimalFraction, type Fraction, fractionFromBigInt, subtractFractions, ZERO_FRACTION } from './fraction.ts';
import { powerOfTen, type Ratio } from './ratio.ts';

export type RoundingMode = 'HALF_UP' | 'HALF_EVEN';

/** CEILING is toward the greater number, FLOOR toward the lesser one, whatever the sign. */
export type QuantityRounding = { readonly decimals: number; readonly mode: RoundingMode | 'CEILING' | 'FLOOR' };

export interface RoundedAmount {
  readonly minorUnits: bigint;
  /** exact − rounded, in the currency's main unit; kept in the trace. */
  readonly residue: Fraction;
}

const DECIMAL_ROUNDING = {
  HALF_UP: BigNumber.ROUND_HALF_UP,
  HALF_EVEN: BigNumber.ROUND_HALF_EVEN,
  CEILING: BigNumber.ROUND_CEIL,
  FLOOR: BigNumber.ROUND_FLOOR,
} as const;

/**
 * Rounds an amount in the currency's main unit to whole minor units: 0.125 at exponent 2 is 13 by HALF_UP and 12 by
 * HALF_EVEN.
 */
export function roundToMinorUnits(exact: Fraction, exponent: number, mode: RoundingMode): RoundedAmount {
  invariant(Number.isInteger(exponent) && exponent >= 0, 'a currency exponent is a whole number from 0');
  const rounded = roundQuantity(exact, { decimals: exponent, mode });
  return { minorUnits: wholeMinorUnits(rounded, exponent), residue: subtractFractions(exact, rounded) };
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
  if (exact.ratio === null) return decimalFraction(exact.decimal.decimalPlaces(decimals, DECIMAL_ROUNDING[mode]));
  const scale = powerOfTen(decimals);
  return fractionFromBigInt(roundRatio({ ...exact.ratio, numerator: exact.ratio.numerator * scale }, mode), scale);
}

/** Of an amount with at most so many digits after the point. */
function wholeMinorUnits(rounded: Fraction, exponent: number): bigint {
  invariant(rounded.ratio === null, 'a rounded amount is a decimal');
  const text = rounded.decimal.toFixed();
  const point = text.includes('.') ? text.indexOf('.') : text.length;
  return BigInt(text.slice(0, point) + text.slice(point + 1).padEnd(exponent, '0'));
}

/** To a whole number. */
function roundRatio({ numerator, denominator }: Ratio, mode: QuantityRounding['mode']): bigint {
  const towardZero = numerator / denominator;
  const remainder = numerator % denominator;
  return goesAwayFromZero({ remainder, denominator }, mode) ? towardZero + (numerator < 0n ? -1n : 1n) : towardZero;
}

function goesAwayFromZero({ remainder, denominator }: { readonly remainder: bigint; readonly denominator: bigint }, mode: QuantityRounding['mode']): boolean {
  if (mode === 'CEILING') return remainder > 0n;
  if (mode === 'FLOOR') return remainder < 0n;
  return 2n * (remainder < 0n ? -remainder : remainder) > denominator;
}
