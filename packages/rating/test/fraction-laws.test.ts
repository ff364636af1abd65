import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addFractions,
  compareFractions,
  divideFractions,
  exactFromJson,
  exactToJson,
  type Fraction,
  fractionFromJson,
  fractionToDecimal,
  fractionToJson,
  multiplyFractions,
  subtractFractions,
} from '../src/index.ts';
import { equalFractions, isZero, negateFraction, sumFractions } from '../src/number/fraction.ts';
import { type Exact, exactValue, minus, over, plus, type Rational, rationalOfDecimal, sign, terminates, times, written } from './rational.ts';
import { rounds } from './rounds.ts';

const CI_ROUNDS = 1000;

function text(value: Fraction): string {
  const { numerator, denominator } = fractionToJson(value);
  return `${numerator}/${denominator}`;
}

const OPERATIONS = {
  '+': [addFractions, plus],
  '−': [subtractFractions, minus],
  '×': [multiplyFractions, times],
  '÷': [divideFractions, over],
} as const;

const operation = fc.constantFrom<keyof typeof OPERATIONS>('+', '−', '×', '÷');

/** Dividing by zero breaks off, and leaves the value here. */
function applied(name: keyof typeof OPERATIONS, [fraction, rational]: Exact, [otherFraction, otherRational]: Exact): Exact {
  if (name === '÷' && sign(otherRational) === 0) return [fraction, rational];
  const [ofFractions, ofRationals] = OPERATIONS[name];
  return [ofFractions(fraction, otherFraction), ofRationals(rational, otherRational)];
}

describe('laws of fractions: all is as in bigint arithmetic without shortcuts', () => {
  test('sums, differences, products and quotients', () => {
    fc.assert(
      fc.property(exactValue, exactValue, operation, (one, other, name) => {
        const [fraction, rational] = applied(name, one, other);
        expect(text(fraction)).toBe(written(rational));
      }),
      rounds(CI_ROUNDS),
    );
  });

  test('chains of them', () => {
    fc.assert(
      fc.property(exactValue, fc.array(fc.tuple(operation, exactValue), { maxLength: 10 }), (first, steps) => {
        const [fraction, rational] = steps.reduce((value, [name, other]) => applied(name, value, other), first);
        expect(text(fraction)).toBe(written(rational));
      }),
      rounds(CI_ROUNDS),
    );
  });

  test('order, equality, sign and the sum of many', () => {
    fc.assert(
      fc.property(exactValue, exactValue, fc.array(exactValue, { maxLength: 5 }), (one, other, many) => {
        const order = sign(minus(one[1], other[1]));
        expect(compareFractions(one[0], other[0])).toBe(order);
        expect(equalFractions(one[0], other[0])).toBe(order === 0);
        expect(isZero(one[0])).toBe(sign(one[1]) === 0);
        expect(text(negateFraction(one[0]))).toBe(written(minus([0n, 1n], one[1])));
        expect(text(sumFractions(many.map(([fraction]) => fraction)))).toBe(written(many.map(([, rational]) => rational).reduce(plus, [0n, 1n])));
      }),
      rounds(CI_ROUNDS),
    );
  });

  test('a value is equal to itself, however it came about: a + b − b = a, and a × b ÷ b = a', () => {
    fc.assert(
      fc.property(exactValue, exactValue, ([a], [b]) => {
        expect(subtractFractions(addFractions(a, b), b)).toEqual(a);
        if (!isZero(b)) expect(divideFractions(multiplyFractions(a, b), b)).toEqual(a);
      }),
      rounds(CI_ROUNDS),
    );
  });
});

describe('laws of their text', () => {
  test('it is a decimal exactly where the value terminates, and that decimal is the value', () => {
    fc.assert(
      fc.property(exactValue, exactValue, operation, (one, other, name) => {
        const [fraction, rational] = applied(name, one, other);
        const decimal = fractionToDecimal(fraction);
        expect(decimal !== null).toBe(terminates(rational));
        if (decimal === null) return;
        expect(written(rationalOfDecimal(decimal))).toBe(written(rational));
        expect(decimal).toMatch(/^(?:0|-?(?:0\.[0-9]*[1-9]|[1-9][0-9]*(?:\.[0-9]*[1-9])?))$/);
      }),
      rounds(CI_ROUNDS),
    );
  });

  test('both forms are read as the same value', () => {
    fc.assert(
      fc.property(exactValue, ([fraction]) => {
        expect(fractionFromJson(fractionToJson(fraction))).toEqual(fraction);
        expect(exactFromJson(exactToJson(fraction))).toEqual(fraction);
      }),
      rounds(CI_ROUNDS),
    );
  });

  test('a common factor in what is read goes', () => {
    fc.assert(
      fc.property(exactValue, fc.bigInt(1n, 10n ** 12n), ([fraction, rational], factor) => {
        const [numerator, denominator]: Rational = times(rational, [factor, factor]);
        expect(fractionFromJson({ numerator: numerator.toString(), denominator: denominator.toString() })).toEqual(fraction);
      }),
      rounds(),
    );
  });
});
