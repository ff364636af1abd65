import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Temporal } from 'temporal-polyfill';
import { formatInstant, fractionFromDecimal, fractionToDecimal, instant, parseDecimal } from '../src/index.ts';
import { parameterFraction } from '../src/number/parameter.ts';
import { remembered } from '../src/remembered.ts';
import { decimalText } from './rational.ts';
import { rounds } from './rounds.ts';

const MORE_THAN_REMEMBERED = 25_000;

describe('a function that remembers', () => {
  test('finds each answer once: 3 keys, asked 6 times = 3 searches', () => {
    const searched: string[] = [];
    const doubled = remembered((key: string) => {
      searched.push(key);
      return key + key;
    });
    expect(['a', 'b', 'a', '', 'b', 'a'].map(doubled)).toEqual(['aa', 'bb', 'aa', '', 'bb', 'aa']);
    expect(searched).toEqual(['a', 'b', '', ]);
  });

  test(`holds no more than it says: of ${MORE_THAN_REMEMBERED} keys the first is searched for again, the last is not`, () => {
    const searched: bigint[] = [];
    const written = remembered((key: bigint) => {
      searched.push(key);
      return key.toString();
    });
    for (let key = 0n; key < MORE_THAN_REMEMBERED; key += 1n) written(key);
    const before = searched.length;
    expect([written(BigInt(MORE_THAN_REMEMBERED - 1)), searched.length - before]).toEqual([`${MORE_THAN_REMEMBERED - 1}`, 0]);
    expect([written(0n), searched.length - before]).toEqual(['0', 1]);
  });

  test('an error is not remembered: what throws throws again', () => {
    const refusing = remembered((key: string): string => {
      throw new Error(`no ${key}`);
    });
    expect(() => refusing('a')).toThrow('no a');
    expect(() => refusing('a')).toThrow('no a');
  });
});

describe('laws of what is remembered: the first time and the next, it is as if it were not', () => {
  test('a parameter is the fraction of its text', () => {
    fc.assert(
      fc.property(decimalText, (unchecked) => {
        const decimal = parseDecimal(unchecked);
        expect([parameterFraction(decimal), parameterFraction(decimal)]).toEqual([fractionFromDecimal(decimal), fractionFromDecimal(decimal)]);
      }),
      rounds(1000),
    );
  });

  test('an instant is written as Temporal writes it, over the whole range', () => {
    fc.assert(
      fc.property(fc.bigInt(-62_135_596_800_000_000n, 253_402_300_799_999_999n).map(instant), (moment) => {
        const text = Temporal.Instant.fromEpochNanoseconds(moment * 1000n).toString();
        expect([formatInstant(moment), formatInstant(moment)]).toEqual([text, text]);
      }),
      rounds(1000),
    );
  });

  test(`also after ${MORE_THAN_REMEMBERED} parameters, twice`, () => {
    const parameters = Array.from({ length: MORE_THAN_REMEMBERED }, (_, position) => parseDecimal(`${position}.${position % 7}5`));
    const wrong = [...parameters, ...parameters].filter((parameter) => fractionToDecimal(parameterFraction(parameter)) !== parameter);
    expect(wrong).toEqual([]);
  });
});
