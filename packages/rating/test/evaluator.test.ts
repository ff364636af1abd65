import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, validatePrice, validatePriceRule } from '../src/index.ts';
import { faultsOf, trueUpFaults } from './evaluator.ts';
import { goldens } from './golden-world.ts';
import { rules } from './random-price.ts';
import { randomPrices, randomRuns } from './random-trace.ts';
import { rounds } from './rounds.ts';
import { changedLeaves, changedSteps, partsOf, reasonForSilence, REASONS, type SeededFault } from './seeded-faults.ts';
import { bill } from './world.ts';

describe('random prices, charged in every way', () => {
  test('every rule drawn is valid, and so is every price with its terms', () => {
    fc.assert(fc.property(rules, randomPrices, (rule, price) => {
      const problems = [validatePriceRule(rule), ...price.versions.map((version) => validatePrice({ rule: version, terms: price, ...price }))];
      expect(problems.flat().filter(({ severity }) => severity === 'ERROR')).toEqual([]);
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

describe('the second evaluator finds every seeded fault', () => {
  const runs = [...goldens().map(({ world, run }) => bill(world, run)), ...fc.sample(randomRuns, { seed: 5, numRuns: 150 })];
  const traces = runs.flatMap(({ lines }) => lines).map(({ trace }) => trace);
  const isFound = ({ trace }: SeededFault): boolean => {
    try {
      return faultsOf(trace).length > 0;
    } catch (malformed) {
      return malformed instanceof RangeError || malformed instanceof SyntaxError; // what is no number or no zone at all
    }
  };

  test('the samples are sound, and have steps of every kind', () => {
    expect(traces.flatMap(faultsOf)).toEqual([]);
    const kinds = new Set(traces.flatMap(partsOf).flatMap(({ part }) => part.steps.map(({ kind }) => kind)));
    expect([...kinds].toSorted()).toEqual([
      'FLAT', 'GRADUATED_PERCENTAGE_TIER', 'GRADUATED_TIER', 'GROUPED_LINES', 'INCLUDED_QUANTITY', 'MATRIX_CELL', 'MAXIMUM', 'MINIMUM', 'PACKAGE', 'PERCENTAGE',
      'PER_UNIT', 'PRORATION', 'STAIRSTEP', 'UNIT_CONVERSION', 'VOLUME_TIER',
    ]);
  });

  test('every leaf changed, save those that nothing in the tree can contradict', () => {
    const silent = traces.flatMap((trace) => changedLeaves(trace).filter((fault) => !isFound(fault)).map(({ path }) => ({ path, reason: reasonForSilence(trace, path) })));
    expect(silent.filter(({ reason }) => reason === null).map(({ path }) => path)).toEqual([]);
    expect(new Set(silent.map(({ reason }) => reason))).toEqual(new Set(REASONS));
  });

  test('a step left out, a step twice, two steps changed about', () => {
    const silent = traces.flatMap(changedSteps).filter((fault) => !isFound(fault));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test('a true-up of other group lines', () => {
    const run = runs.find(({ lines }) => lines.some(({ chargeKind }) => chargeKind === 'TRUE_UP'));
    const lines = run?.lines ?? [];
    const groupLine = lines.find(({ chargeKind, trace }) => chargeKind === 'USAGE' && trace.group !== undefined);
    expect(trueUpFaults(lines)).toEqual([]);
    expect(trueUpFaults([...lines, ...(groupLine === undefined ? [] : [groupLine])])).not.toEqual([]);
    expect(trueUpFaults(lines.filter(({ chargeKind }) => chargeKind !== 'TRUE_UP'))).not.toEqual([]);
  });
});
