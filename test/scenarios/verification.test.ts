// VerifyInvoice and ExplainInvoice: what is untouched verifies, and a second evaluator recomputes every line from the tree
// alone. What tampering shows is in verification-sources and verification-stored.
import type { PriceSample } from '@valora/cli';
import type { RunExplanation } from '@valora/contracts/valora/invoicing/v1/explanation';
import { VersionResolution } from '@valora/contracts/valora/pricing/v1/catalog';
import { QuantityRoundingMode, UnitConversionOperation } from '@valora/contracts/valora/pricing/v1/price_model';
import { BillingAlignment } from '@valora/contracts/valora/subscription/v1/subscription';
import { startScenario, type Scenario } from '@valora/testkit/scenario';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOf } from './explanation-evaluator.ts';
import { documents, fee, publish, requests, startBook, storage, tampered, verdicts, type Book } from './verification-book.ts';

/** Cut by each of its versions; the first has every modifier. */
const transfer: PriceSample = {
  code: 'transfer', displayName: 'Transfer', meter: 'transfer', model: { $case: 'graduatedPercentage', value: { tiers: [{ upTo: '10', percent: '12.5', flatAmount: '1' }, { upTo: '', percent: '7', flatAmount: '2' }] } },
  modifiers: { unitConversion: { operation: UnitConversionOperation.MULTIPLY, factor: '0.3', rounding: { decimals: 1, mode: QuantityRoundingMode.HALF_EVEN } }, includedQuantity: '2.5', minimum: '1.5', maximum: '9' },
  versionResolution: VersionResolution.SPLIT,
};
const METERED = ['requests', 'storage', 'transfer'] as const;

let book: Book;
beforeAll(async () => { book = await startBook(); }, 120_000);
afterAll(() => book.stop());

test('an untouched book verifies, with a credit note, the credit it gives, and a second price version', async () => {
  expect(await book.scenario.creditNotes()).toHaveLength(1);
  expect((await book.scenario.invoices()).some(({ credits }) => credits.length > 0)).toBe(true);
  expect(await verdicts(book.scenario)).toEqual(['match', 'match', 'match']);
});

test('a prorated first period verifies, and its explanation recomputes', async () => {
  const scenario = await startScenario(book.valora, '2026-02-10T10:00:00Z');
  await scenario.plan('team', [{ code: 'fee', displayName: 'Fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } }]);
  await scenario.subscribe('acme', 'team', '2026-02-10T10:00:00Z', BillingAlignment.CALENDAR);
  await scenario.advance('2026-03-01T00:00:00Z');
  expect(await verdicts(scenario)).toEqual(['match']);
  const trees = await explained(scenario);
  expect(trees.flatMap(faultsOf)).toEqual([]);
  const step = trees[0]?.lines[0]?.settled?.steps.at(-1)?.step;
  expect(step).toMatchObject({ $case: 'proration', value: { activeDays: 19, periodDays: 28, fees: { numerator: '20', denominator: '1' }, prorated: { numerator: '95', denominator: '7' } } });
});

async function explained(scenario: Scenario): Promise<readonly RunExplanation[]> {
  const trees: RunExplanation[] = [];
  for (const name of await documents(scenario)) {
    const { explanation } = await scenario.caller.invoices.explainInvoice(name);
    if (explanation === undefined) throw new Error('no explanation');
    trees.push(explanation);
  }
  return trees;
}

async function expectSound(scenario: Scenario): Promise<void> {
  const trees = await explained(scenario);
  expect(trees.flatMap(faultsOf)).toEqual([]);
  const stored = [...(await scenario.invoices()), ...(await scenario.creditNotes())];
  expect(trees.map((tree) => tree.lines.map(({ lineKey, amount }) => [lineKey, amount]))).toEqual(stored.map(({ lines }) => lines.map(({ lineKey, amount }) => [lineKey, amount])));
  expect(trees.map(({ digest }) => digest)).toEqual(stored.map(({ digest }) => digest));
}

test('a second evaluator recomputes every line, subtotal and total from the tree alone', () => expectSound(book.scenario));

test('an explanation comes from the facts, not from what is stored', async () => {
  const before = await explained(book.scenario);
  expect(await tampered(book, 'invoicing.run_line', `update invoicing.run_line set amount = 1, trace = '{}' where organization_id = $1`, () => explained(book.scenario))).toEqual(before);
});

test.each([1, 2, 3])('a random book with late usage, credits, price versions and split periods verifies and recomputes (seed %i)', async (seed) => {
  const random = numbers(seed);
  const scenario = await startScenario(book.valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [fee, requests, storage, transfer]);
  const customers = ['a', 'b', 'c'];
  for (const customer of customers) await scenario.subscribe(customer, 'team', `2026-01-0${1 + random(1)}T0${random(9)}:00:00Z`);
  for (let month = 1; month <= 5; month += 1) {
    await scenario.advance(`2026-0${month}-15T00:00:00Z`);
    if (random(2) > 0) await publish(scenario, METERED[random(2)] ?? 'storage', `2026-0${month + 1}-0${1 + random(8)}T00:00:00Z`, `0.${1 + random(8)}${1 + random(8)}5`);
    for (let event = 0; event < 12; event += 1) {
      const day = `2026-0${1 + random(month - 1)}-1${random(4)}T00:00:00Z`;
      await scenario.use([`${month}/${event}`, METERED[random(2)] ?? 'storage', customers[random(2)] ?? 'a', day, `${random(3) === 0 ? '-' : ''}${random(80)}.${1 + random(8)}`]);
    }
  }
  await scenario.advance('2026-06-15T00:00:00Z');
  const found = await verdicts(scenario);
  expect(found.length).toBeGreaterThan(9);
  expect(new Set(found)).toEqual(new Set(['match']));
  await expectSound(scenario);
  expect((await explained(scenario)).some(({ lines }) => lines.some(({ settled }) => (settled?.parts.length ?? 0) > 1))).toBe(true);
}, 120_000);

/** Whole numbers 0 to max, the same for the same seed. */
function numbers(seed: number): (max: number) => number {
  let state = BigInt(seed);
  return (max) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n;
    return Number((state >> 33n) % BigInt(max + 1));
  };
}
