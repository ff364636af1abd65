import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CarriedCredit, composeRun, type ComposedRun, InvariantError, usageQueriesOfRun } from '../src/index.ts';
import { type CreditOutcome, settleCredits } from '../src/run/credit.ts';
import { rounds } from './rounds.ts';
import { amounts, answers, bill, creditsAfter, event, price, runFacts, volume, type World } from './world.ts';

type Row = readonly [runIndex: number, minorUnits: bigint];

function carried(rows: readonly Row[]): readonly CarriedCredit[] {
  return rows.map(([runIndex, remainingMinorUnits]) => ({ runIndex, remainingMinorUnits }));
}

function outcomeOf({ appliedCredits, totalMinorUnits, creditMinorUnits }: CreditOutcome) {
  return { applied: appliedCredits.map((one): Row => [one.runIndex, one.amountMinorUnits]), total: totalMinorUnits, credit: creditMinorUnits };
}

describe('run 9 against what earlier runs left', () => {
  test.each<[equation: string, subtotal: bigint, credits: readonly Row[], applied: readonly Row[], total: bigint, credit: bigint]>([
    ['no credit: 500 = 500', 500n, [], [], 500n, 0n],
    ['below the credit: 299 − 299 = 0, 1 left', 299n, [[3, 300n]], [[3, 299n]], 0n, 0n],
    ['at the credit: 300 − 300 = 0', 300n, [[3, 300n]], [[3, 300n]], 0n, 0n],
    ['above the credit: 301 − 300 = 1', 301n, [[3, 300n]], [[3, 300n]], 1n, 0n],
    ['two credits, inside the first: 99 − 99 = 0', 99n, [[3, 100n], [5, 50n]], [[3, 99n]], 0n, 0n],
    ['two credits, the first exactly: 100 − 100 = 0', 100n, [[3, 100n], [5, 50n]], [[3, 100n]], 0n, 0n],
    ['two credits, one into the second: 101 − 100 − 1 = 0', 101n, [[3, 100n], [5, 50n]], [[3, 100n], [5, 1n]], 0n, 0n],
    ['two credits, both exactly: 150 − 100 − 50 = 0', 150n, [[3, 100n], [5, 50n]], [[3, 100n], [5, 50n]], 0n, 0n],
    ['two credits, both and more: 151 − 100 − 50 = 1', 151n, [[3, 100n], [5, 50n]], [[3, 100n], [5, 50n]], 1n, 0n],
    ['zero uses no credit: 0 = 0', 0n, [[3, 300n]], [], 0n, 0n],
    ['zero without credits: 0 = 0', 0n, [], [], 0n, 0n],
    ['below zero: −8 + 8 = 0', -8n, [], [], 0n, 8n],
    ['below zero uses no credit: −8 + 8 = 0', -8n, [[3, 300n]], [], 0n, 8n],
    ['of the run before: 1 − 1 = 0', 1n, [[8, 1n]], [[8, 1n]], 0n, 0n],
  ])('%s', (_equation, subtotal, credits, applied, total, credit) => {
    expect(outcomeOf(settleCredits(9, subtotal, carried(credits)))).toEqual({ applied, total, credit });
  });

  test.each<[string, readonly Row[], string]>([
    ['the newer one first', [[5, 50n], [3, 100n]], 'oldest first'],
    ['one twice', [[3, 50n], [3, 100n]], 'oldest first'],
    ['its own', [[9, 50n]], 'earlier runs'],
    ['a later run’s', [[10, 50n]], 'earlier runs'],
    ['one of no run', [[0, 50n]], 'earlier runs'],
    ['nothing left', [[3, 0n]], 'nothing is left of the credit of run 3'],
    ['less than nothing left', [[3, -1n]], 'nothing is left of the credit of run 3'],
  ])('impossible credits break off, whatever the subtotal: %s', (_name, credits, message) => {
    for (const subtotal of [-1n, 0n, 1n]) {
      const broken = () => settleCredits(9, subtotal, carried(credits));
      expect(broken).toThrow(InvariantError);
      expect(broken).toThrow(message);
    }
  });
});

describe('laws of credits', () => {
  const subtotals = fc.array(fc.bigInt(-20n, 20n), { maxLength: 12 });

  /** The outcomes of runs with these subtotals, each with what the runs before it left. */
  function outcomesOf(amountsDue: readonly bigint[]): readonly CreditOutcome[] {
    return amountsDue.reduce<readonly CreditOutcome[]>(
      (outcomes, subtotal) => [...outcomes, settleCredits(outcomes.length + 1, subtotal, creditsAfter(outcomes))],
      [],
    );
  }

  test('total = subtotal − applied + credit, never below zero, and a credit note leaves nothing to pay', () => {
    fc.assert(
      fc.property(subtotals, (due) => {
        outcomesOf(due).forEach(({ appliedCredits, totalMinorUnits, creditMinorUnits }, position) => {
          const applied = appliedCredits.reduce((sum, { amountMinorUnits }) => sum + amountMinorUnits, 0n);
          expect(totalMinorUnits).toBe((due[position] ?? 0n) - applied + creditMinorUnits);
          expect(totalMinorUnits >= 0n && creditMinorUnits >= 0n).toBe(true);
          expect(creditMinorUnits === 0n || (totalMinorUnits === 0n && appliedCredits.length === 0)).toBe(true);
          expect(appliedCredits.every(({ amountMinorUnits }) => amountMinorUnits > 0n)).toBe(true);
        });
      }),
      rounds(),
    );
  });

  test('Σ totals = Σ subtotals + credits left, and nothing is paid while a credit is left', () => {
    fc.assert(
      fc.property(subtotals, (due) => {
        const outcomes = outcomesOf(due);
        const left = creditsAfter(outcomes).reduce((sum, { remainingMinorUnits }) => sum + remainingMinorUnits, 0n);
        const paid = outcomes.reduce((sum, { totalMinorUnits }) => sum + totalMinorUnits, 0n);
        expect(paid).toBe(due.reduce((sum, subtotal) => sum + subtotal, 0n) + left);
        expect((outcomes.at(-1)?.totalMinorUnits ?? 0n) === 0n || left === 0n).toBe(true);
      }),
      rounds(),
    );
  });

  test('what is left after a run = max(0, what was left before − its subtotal)', () => {
    fc.assert(
      fc.property(subtotals, (due) => {
        const left = creditsAfter(outcomesOf(due)).reduce((sum, { remainingMinorUnits }) => sum + remainingMinorUnits, 0n);
        expect(left).toBe(due.reduce((before, subtotal) => (before > subtotal ? before - subtotal : 0n), 0n));
      }),
      rounds(),
    );
  });
});

describe('late calls make a VOLUME price cheaper, month by month', () => {
  const world: World = {
    start: '2024-01-01T00:00:00Z',
    prices: [price('calls', 'calls', volume('100 0.10', 'rest 0.05'))],
    events: [
      event('january', 'calls', '2024-01-10T00:00:00Z', '100'),
      event('january-late', 'calls', '2024-01-31T12:00:00Z', '20', '2024-02-03T00:00:00Z'),
      event('february', 'calls', '2024-02-10T00:00:00Z', '10'),
      event('march', 'calls', '2024-03-10T00:00:00Z', '20'),
      event('april', 'calls', '2024-04-10T00:00:00Z', '50'),
    ],
  };

  test.each([
    ['1 February: 100 × 0.10 = 10.00', 1, ['calls-item 10.00'], { applied: [], total: 1000n, credit: 0n }],
    ['1 March: 10 × 0.10 + (120 × 0.05 − 10.00) = −3.00, a credit note', 2, ['calls-item 1.00', 'calls-item -4.00 for cycle 1'], { applied: [], total: 0n, credit: 300n }],
    ['1 April: 20 × 0.10 = 2.00 − 2.00 of the credit', 3, ['calls-item 2.00'], { applied: [[2, 200n]], total: 0n, credit: 0n }],
    ['1 May: 50 × 0.10 = 5.00 − 1.00, the rest of it', 4, ['calls-item 5.00'], { applied: [[2, 100n]], total: 400n, credit: 0n }],
  ])('%s', (_equation, runIndex, lines, expected) => {
    const run = bill(world, runIndex);
    expect(amounts(run)).toEqual(lines);
    expect(outcomeOf(run)).toEqual(expected);
  });

  test('the canonical invoice names the run a credit came from; credits that are not used change no byte', () => {
    const canonical: unknown = JSON.parse(bill(world, 3).canonicalInvoice);
    expect(canonical).toMatchObject({ subtotal: '2.00', credits: [{ run: 2, amount: '2.00' }], total: '0.00', credit_note: '0.00' });
    const [without, half, whole] = [[], carried([[2, 100n]]), carried([[2, 200n]])].map((credits) => recomposed(3, credits).digest);
    expect(new Set([without, half, whole]).size).toBe(3);
    expect(whole).toBe(bill(world, 3).digest); // 3.00 were left, and 2.00 of them used
    expect(recomposed(2, carried([[1, 5n]])).digest).toBe(bill(world, 2).digest);
  });

  function recomposed(runIndex: number, credits: readonly CarriedCredit[]): ComposedRun {
    const facts = { ...runFacts(world, runIndex), credits };
    return composeRun(facts, answers(world, usageQueriesOfRun(facts)));
  }
});
