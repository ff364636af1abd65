/** Ours beside theirs: numbers as numbers, instants as instants, and never as text. Each answers what differs, or nothing. */
import {
  addFractions,
  compareFractions,
  type Fraction,
  fractionFromDecimal,
  fractionFromJson,
  fractionToDecimal,
  fractionToJson,
  type Instant,
  formatInstant,
  InvariantError,
  roundQuantity,
} from '@valora/rating';
import { MalformedCase } from './fields.ts';

type Differences = readonly string[];

export const ZERO = fractionFromDecimal('0');

/** A number that is given: decimal text of any length, or `7/31`. */
export function number(given: string): Fraction {
  const [numerator = '', denominator] = given.split('/');
  try {
    return denominator === undefined ? fractionFromDecimal(given) : fractionFromJson({ numerator, denominator });
  } catch (error) {
    if (error instanceof InvariantError) throw new MalformedCase(`${given} is not a number`);
    throw error;
  }
}

export function sameNumber(name: string, expected: string, ours: Fraction): Differences {
  return compareFractions(number(expected), ours) === 0 ? [] : [`${name}: expected ${expected}, ours ${shown(ours)}`];
}

/** Ours rounded to as many digits as theirs is written with. */
export function sameToItsDigits(name: string, expected: string, ours: Fraction): Differences {
  return sameNumber(name, expected, roundQuantity(ours, { decimals: digitsAfterPoint(expected), mode: 'HALF_UP' }));
}

/** Both rounded to so many digits: theirs was computed in binary floating point and is off in the last ones. */
export function sameToDigits(name: string, expected: string, ours: Fraction, decimals: number): Differences {
  const rounded = (value: Fraction) => roundQuantity(value, { decimals, mode: 'HALF_UP' });
  return compareFractions(rounded(number(expected)), rounded(ours)) === 0 ? [] : [`${name}: expected about ${expected}, ours ${shown(ours)}`];
}

export function sameInstant(name: string, expected: Instant, ours: Instant): Differences {
  return expected === ours ? [] : [`${name}: expected ${formatInstant(expected)}, ours ${formatInstant(ours)}`];
}

export function sameCount(name: string, expected: string, ours: number | bigint): Differences {
  return sameNumber(name, expected, number(ours.toString()));
}

export function digitsAfterPoint(given: string): number {
  return given.includes('.') ? given.length - given.indexOf('.') - 1 : 0;
}

export function sum(numbers: readonly Fraction[]): Fraction {
  return numbers.reduce(addFractions, ZERO);
}

/** Text that `number` reads. */
export function shown(value: Fraction): string {
  const { numerator, denominator } = fractionToJson(value);
  return fractionToDecimal(value) ?? `${numerator}/${denominator}`;
}
