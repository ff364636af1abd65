// Fractions for the independent evaluator: pairs of bigints with a denominator above zero, never reduced.
export type Pair = readonly [numerator: bigint, denominator: bigint];

export const ZERO: Pair = [0n, 1n];
/** Of a tier that is open; no bound is below zero. */
export const NO_BOUND: Pair = [-1n, 1n];
const HUNDRED: Pair = [100n, 1n];

export const plus = (a: Pair, b: Pair): Pair => [a[0] * b[1] + b[0] * a[1], a[1] * b[1]];
export const minus = (a: Pair, b: Pair): Pair => plus(a, [-b[0], b[1]]);
export const times = (a: Pair, b: Pair): Pair => [a[0] * b[0], a[1] * b[1]];
export const over = (a: Pair, b: Pair): Pair => (b[0] < 0n ? [-a[0] * b[1], a[1] * -b[0]] : [a[0] * b[1], a[1] * b[0]]);
export const equal = (a: Pair, b: Pair): boolean => a[0] * b[1] === b[0] * a[1];
export const above = (a: Pair, b: Pair): boolean => a[0] * b[1] > b[0] * a[1];
export const hundredth = (a: Pair): Pair => over(a, HUNDRED);

/** Decimal text; empty and absent are zero. */
export function asDecimal(text: string | undefined): Pair {
  const [whole = '', fraction = ''] = (text ?? '').split('.');
  return [BigInt(whole + fraction), 10n ** BigInt(fraction.length)];
}

/** The greatest whole number that is not above it. */
export function floor([numerator, denominator]: Pair): bigint {
  const quotient = numerator / denominator;
  return numerator < 0n && numerator % denominator !== 0n ? quotient - 1n : quotient;
}
