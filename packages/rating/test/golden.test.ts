import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ENGINE_VERSION, formatMinorUnits, printTrace } from '../src/index.ts';
import { faultsOf } from './evaluator.ts';
import { goldens } from './golden-world.ts';
import { bill } from './world.ts';

describe('golden invoices, each with the engine version of its folder', () => {
  test('every version has some', () => {
    expect([...new Set(goldens().map(({ engineVersion }) => engineVersion))]).toEqual(Array.from({ length: ENGINE_VERSION }, (_, position) => position + 1));
  });

  test('every version has its entry in the changelog, which lists all of its goldens', () => {
    const [, amounts = ''] = readFileSync(new URL('../../../docs/CHANGELOG.md', import.meta.url), 'utf8').split('### Amounts');
    for (const { engineVersion, name } of goldens()) {
      expect(amounts).toContain(`**Engine version ${engineVersion}.**`);
      expect(amounts).toContain(`| ${name} |`);
    }
  });

  test.each(goldens())('version $engineVersion: $name = $expected.total', ({ world, run: runIndex, expected }) => {
    const run = bill(world, runIndex);
    expect(run.lines.flatMap(printTrace)).toEqual(expected.derivation);
    const money = (minorUnits: bigint) => formatMinorUnits(minorUnits, run.exponent);
    expect(money(run.totalMinorUnits)).toBe(expected.total);
    expect(money(run.subtotalMinorUnits)).toBe(expected.subtotal ?? expected.total);
    expect(money(run.creditMinorUnits)).toBe(expected.creditNote ?? money(0n));
    expect(run.appliedCredits.map((one) => ({ run: one.runIndex, amount: money(one.amountMinorUnits) }))).toEqual(expected.credits ?? []);
    expect(run.digest).toBe(expected.digest);
  });

  test.each(goldens())('$name recomputes from its trace alone', ({ world, run }) => {
    expect(bill(world, run).lines.flatMap(({ trace }) => faultsOf(trace))).toEqual([]);
  });
});

describe('the second evaluator finds a trace that does not add up', () => {
  const [golden] = goldens();
  const trace = golden === undefined ? undefined : bill(golden.world, golden.run).lines[0]?.trace;
  const settled = trace?.settled;
  if (trace === undefined || settled === null || settled === undefined) throw new Error('a golden has a settled line');
  const withSide = (change: Partial<typeof settled>) => ({ ...trace, settled: { ...settled, ...change } });

  const day = { start: '2024-01-01T00:00:00Z', end: '2024-01-02T00:00:00Z' };
  const none = { numerator: '0', denominator: '1' };
  const UNSOUND = { kind: 'PRORATION', zone: 'UTC', active: day, period: day, activeDays: 1, periodDays: 2, fees: none, prorated: none, amount: none } as const;

  test.each([
    ['another amount', { ...trace, amount: '0.01' }, 'settled − billed is not the amount'],
    ['a step left out', withSide({ steps: [] }), 'the steps do not add up'],
    ['another exact value', withSide({ exact: { numerator: '1', denominator: '3' } }), 'the steps do not add up'],
    ['another quantity', withSide({ quantity: { kind: 'ITEM', quantity: '2' } }), 'the quantities do not add up'],
    ['another residue', withSide({ rounding: { ...settled.rounding, residue: { numerator: '1', denominator: '3' } } }), 'wrong residue'],
    ['another proration', withSide({ steps: [...settled.steps, UNSOUND] }), 'wrongly prorated'],
    ['another rounded amount', withSide({ rounding: { ...settled.rounding, amount: '0.000' } }), 'wrongly rounded'],
  ])('%s', (_name, changed, fault) => {
    expect(faultsOf(changed)).toContain(fault);
  });
});
