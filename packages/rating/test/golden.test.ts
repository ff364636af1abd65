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

  test('every version after the first has a golden of the same facts that comes to another total than before', () => {
    const totals = (version: number) => new Map(goldens().filter(({ engineVersion }) => engineVersion === version).map(({ name, expected }) => [name, expected.total]));
    for (let version = 2; version <= ENGINE_VERSION; version += 1) {
      const before = totals(version - 1);
      expect([...totals(version)].filter(([name, total]) => before.has(name) && before.get(name) !== total)).not.toEqual([]);
    }
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
