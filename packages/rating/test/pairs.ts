/**
 * Exact numbers of the second evaluator: pairs of bigints, never reduced, denominator above zero.
 *
 * They share no code with the engine's fractions on purpose, and round by other formulas: by a floor, where the engine
 * looks at a remainder.
 */
export type Pair = readonly [numerator: bigint, denominator: bigint];

export const ZERO: Pair = [0n, 1n];

/** Of decimal text. */
export function pairOf(text: string): Pair {
  const [whole = '', fraction = ''] = text.split('.');
  return [BigInt(whole + fraction), 10n ** BigInt(fraction.length)];
}

export function whole(count: number | string | bigint): Pair {
  return [BigInt(count), 1n];
}

export function plus(a: Pair, b: Pair): Pair {
  return [a[0] * b[1] + b[0] * a[1], a[1] * b[1]];
}

export function minus(a: Pair, b: Pair): Pair {
  return plus(a, [-b[0], b[1]]);
}

export function times(a: Pair, b: Pair): Pair {
  return [a[0] * b[0], a[1] * b[1]];
}

/** By a pair above zero. */
export function over(a: Pair, b: Pair): Pair {
  return [a[0] * b[1], a[1] * b[0]];
}

export function sum(pairs: readonly Pair[]): Pair {
  return pairs.reduce(plus, ZERO);
}

export function below(a: Pair, b: Pair): boolean {
  return a[0] * b[1] < b[0] * a[1];
}

export function equal(a: Pair, b: Pair): boolean {
  return a[0] * b[1] === b[0] * a[1];
}

export function lesser(a: Pair, b: Pair): Pair {
  return below(b, a) ? b : a;
}

/** With so many digits after the point, as a whole number of the last of them. */
export function roundedTo(pair: Pair, digits: number, mode: string): bigint {
  const [numerator, denominator] = times(pair, whole(10n ** BigInt(digits)));
  if (mode === 'FLOOR') return floor(numerator, denominator);
  if (mode === 'CEILING') return -floor(-numerator, denominator);
  const magnitude = numerator < 0n ? -numerator : numerator;
  const halfUp = floor(2n * magnitude + denominator, 2n * denominator);
  const isTie = (2n * magnitude + denominator) % (2n * denominator) === 0n;
  const nearest = isTie && mode === 'HALF_EVEN' && halfUp % 2n === 1n ? halfUp - 1n : halfUp;
  return numerator < 0n ? -nearest : nearest;
}

function floor(numerator: bigint, denominator: bigint): bigint {
  const cut = numerator / denominator;
  return numerator < 0n && cut * denominator !== numerator ? cut - 1n : cut;
}

/** `12.50` of 1250n at 2 digits. */
export function moneyText(minorUnits: bigint, digits: number): string {
  const text = (minorUnits < 0n ? -minorUnits : minorUnits).toString().padStart(digits + 1, '0');
  const sign = minorUnits < 0n ? '-' : '';
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
