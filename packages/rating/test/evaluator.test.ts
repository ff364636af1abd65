import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, validatePriceRule } from '../src/index.ts';
import { faultsOf, trueUpFaults } from './evaluator.ts';
import { rules } from './random-price.ts';
import { randomRuns } from './random-trace.ts';
import { rounds } from './rounds.ts';

describe('random prices, charged in every way', () => {
  test('every rule drawn is valid', () => {
    fc.assert(fc.property(rules, (rule) => {
      expect(validatePriceRule(rule).filter(({ severity }) => severity === 'ERROR')).toEqual([]);
    }), rounds(1000));
  });

  test('every trace recomputes to its line from the tree alone, true-ups from the group lines, and is plain JSON', () => {
    fc.assert(fc.property(randomRuns, ({ lines }) => {
      expect(lines.flatMap(({ trace }) => faultsOf(trace))).toEqual([]);
      expect(trueUpFaults(lines)).toEqual([]);
      for (const { trace } of lines) expect(JSON.parse(canonicalJson(trace))).toEqual(trace);
    }), rounds(1000));
  });
});
