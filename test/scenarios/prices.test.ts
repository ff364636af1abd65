// Every model and modifier that can be published, and versions that split a period, through all services: amounts worked out
// by hand, explained so that a second evaluator comes to them, and verified from the source records.
import { timestampFromInstant } from '@valora/chassis';
import type { PriceSample } from '@valora/cli';
import type { LineExplanation, RunExplanation } from '@valora/contracts/valora/invoicing/v1/explanation';
import { VersionResolution, type PublishPriceVersionRequest } from '@valora/contracts/valora/pricing/v1/catalog';
import { QuantityRoundingMode, UnitConversionOperation } from '@valora/contracts/valora/pricing/v1/price_model';
import { BillingAlignment } from '@valora/contracts/valora/subscription/v1/subscription';
import { parseInstant } from '@valora/rating';
import { startScenario, summary, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOf } from './explanation-evaluator.ts';
import { documents, verdicts } from './verification-book.ts';

const metered = (code: string, model: PriceSample['model'], more: Partial<PriceSample> = {}): PriceSample => ({ code, displayName: code, meter: code, model, ...more });

/** Megabytes, billed by packages of ten started gigabytes. */
const transfer = metered('transfer', { $case: 'package', value: { packageSize: '10', packageAmount: '5' } }, {
  modifiers: { unitConversion: { operation: UnitConversionOperation.DIVIDE, factor: '1000', rounding: { decimals: 0, mode: QuantityRoundingMode.CEILING } } },
});
const payments = metered('payments', { $case: 'percentage', value: { percent: '1.3', fixedAmount: '2' } });
const rows = metered('rows', { $case: 'stairstep', value: { stairs: [{ upTo: '100', amount: '10' }, { upTo: '', amount: '25' }] } });
const calls = metered('calls', { $case: 'perUnit', value: { unitAmount: '0.04' } }, { modifiers: { includedQuantity: '1000', minimum: '5' } });
const volume = metered('volume', { $case: 'graduatedPercentage', value: { tiers: [{ upTo: '100', percent: '3', flatAmount: '' }, { upTo: '', percent: '2', flatAmount: '' }] } }, { modifiers: { maximum: '3.50' } });
const tokens = metered('tokens', { $case: 'graduated', value: { tiers: [{ upTo: '100', unitAmount: '0.10', flatAmount: '1' }, { upTo: '', unitAmount: '0.05', flatAmount: '' }] } }, { versionResolution: VersionResolution.SPLIT });
const seat: PriceSample = { code: 'seat', displayName: 'Seat', meter: null, model: { $case: 'flat', value: { amount: '30' } }, versionResolution: VersionResolution.SPLIT };
/** Half a licence is included, of any part of a period. */
const licence: PriceSample = { code: 'licence', displayName: 'Licence', meter: null, model: { $case: 'perUnit', value: { unitAmount: '10' } }, modifiers: { includedQuantity: '0.5' } };
/** Of half a period the minimum is half, so what lies between the two is not raised. */
const texts = metered('texts', { $case: 'perUnit', value: { unitAmount: '0.04' } }, { modifiers: { minimum: '5' } });
const prices = [transfer, payments, rows, calls, volume, tokens, seat];

let valora: TestValora;
beforeAll(async () => { valora = await startTestValora(); });
afterAll(async () => { await valora.stop(); });

type Publication = Pick<PublishPriceVersionRequest, 'model'> & Partial<PublishPriceVersionRequest>;

async function publish({ caller }: Scenario, price: string, from: string, wanted: Publication): Promise<void> {
  await caller.catalog.publishPriceVersion({ requestId: `${price} ${from}`, price, effectiveFromTime: timestampFromInstant(parseInstant(from)), allowBackDating: false, ...wanted });
}

async function explained(scenario: Scenario): Promise<readonly RunExplanation[]> {
  return await Promise.all((await documents(scenario)).map(async (name) => {
    const { explanation } = await scenario.caller.invoices.explainInvoice(name);
    if (explanation === undefined) throw new Error('no explanation');
    return explanation;
  }));
}

function lineOf({ lines }: RunExplanation, price: string): LineExplanation {
  const found = lines.find(({ settled }) => (settled?.price ?? settled?.parts[0]?.price)?.price === price);
  if (found === undefined) throw new Error(`no line of ${price}`);
  return found;
}

const kindsOf = ({ settled }: LineExplanation): readonly (string | undefined)[] => (settled?.steps ?? []).map(({ step }) => step?.$case);

/** A month by all prices, and a second one that bills what the first one's late usage adds. */
async function twoMonths(): Promise<Scenario> {
  const scenario = await startScenario(valora, '2026-04-01T00:00:00Z');
  await scenario.plan('all', prices);
  await publish(scenario, 'tokens', '2026-04-16T12:00:00Z', { model: { model: { $case: 'perUnit', value: { unitAmount: '0.20' } } }, modifiers: { includedQuantity: '', minimum: '10', maximum: '' } });
  await publish(scenario, 'seat', '2026-04-11T00:00:00Z', { model: { model: { $case: 'flat', value: { amount: '45' } } } });
  await scenario.subscribe('acme', 'all', '2026-04-01T00:00:00Z');
  await scenario.advance('2026-04-20T00:00:00Z');
  await scenario.use(
    ['t1', 'transfer', 'acme', '2026-04-02T00:00:00Z', '120000.5'], ['t2', 'transfer', 'acme', '2026-04-19T00:00:00Z', '400'],
    ['p1', 'payments', 'acme', '2026-04-03T00:00:00Z', '100'], ['p2', 'payments', 'acme', '2026-04-03T00:00:00Z', '250.50'],
    ['p3', 'payments', 'acme', '2026-04-04T00:00:00Z', '349.50'], ['p4', 'payments', 'acme', '2026-04-05T00:00:00Z', '100'],
    ['r1', 'rows', 'acme', '2026-04-06T00:00:00Z', '100.5'], ['c1', 'calls', 'acme', '2026-04-06T00:00:00Z', '1100'], ['v1', 'volume', 'acme', '2026-04-06T00:00:00Z', '150'],
    ['k1', 'tokens', 'acme', '2026-04-16T11:59:59.999999Z', '150.1'], ['k2', 'tokens', 'acme', '2026-04-16T12:00:00Z', '7'],
  );
  await scenario.advance('2026-05-10T00:00:00Z');
  await scenario.use(['late', 'tokens', 'acme', '2026-04-16T11:00:00Z', '10']);
  await scenario.advance('2026-06-01T00:00:00Z');
  return scenario;
}

test('April: 65.00 + 18.40 + 25.00 + 5.00 + 3.50 + 18.01 + 40.00 = 174.91; May: what is due without usage, and what late usage adds', async () => {
  const scenario = await twoMonths();
  // transfer: 120,400.5 ÷ 1,000 = 120.4005, 121 started GB begin 13 packages × 5.00.
  // payments: 800.00 × 1.3 ÷ 100 + 4 × 2.00 = 10.40 + 8.00.
  // rows: 100.5 lies above 100. calls: (1,100 − 1,000) × 0.04 = 4.00, raised to 5.00.
  // volume: 100 × 3 % + 50 × 2 % = 4.00, lowered to 3.50.
  // tokens, cut on 16 April at noon, a day that belongs to what comes after it: 15 and 15 of 30 days.
  //   before: 100 × 0.10 + 50.1 × 0.05 + 1.00 × 15/30 = 13.005; after: 7 × 0.20 = 1.40, raised to 10.00 × 15/30 = 5.00; 18.005.
  // seat: 30.00 × 10/30 + 45.00 × 20/30.
  // May, 31 days: rows 10.00 at zero, calls 5.00, tokens 10.00, seat 45.00; April's tokens 18.505 = 18.51, of which 18.01 is billed.
  expect((await scenario.invoices()).map(summary)).toEqual([
    'acme 1: transfer 65.00, payments 18.40, rows 25.00, calls 5.00, volume 3.50, tokens 18.01, seat 40.00 = 174.91',
    'acme 2: rows 10.00, calls 5.00, tokens 10.00, seat 45.00, tokens (cycle 1) 0.50 = 70.50',
  ]);
  expect(await verdicts(scenario)).toEqual(['match', 'match']);
  const trees = await explained(scenario);
  expect(trees.flatMap(faultsOf)).toEqual([]);
  const [april] = trees;
  if (april === undefined) throw new Error('April was not explained');
  expect(['transfer', 'payments', 'rows', 'calls', 'volume'].map((price) => kindsOf(lineOf(april, price)))).toEqual([
    ['unitConversion', 'package'], ['percentage'], ['stairstep'], ['includedQuantity', 'perUnit', 'minimum'], ['graduatedPercentageTier', 'graduatedPercentageTier', 'maximum'],
  ]);
  expect(lineOf(april, 'transfer').settled?.price?.modifiers?.unitConversion).toEqual(transfer.modifiers?.unitConversion);
}, 60_000);

test('a side of several parts has them instead of a rating of its own: each with its time, version, steps and share', async () => {
  const [april] = await explained(await twoMonths());
  const { settled } = lineOf(april ?? { lines: [], subscription: '', runIndex: 0, engineVersion: 0, currencyExponent: 0, credits: [], digest: '' }, 'tokens');
  const at = (text: string) => timestampFromInstant(parseInstant(text));
  expect(settled).toMatchObject({ quantity: undefined, price: undefined, steps: [], exact: { numerator: '3601', denominator: '200' }, rounding: { amount: '18.01' } });
  expect(settled?.parts.map(({ servicePeriod, price, steps, amount }) => [servicePeriod, price?.version, price?.effectiveToTime, price?.resolvedAtTime, steps.map(({ step }) => step?.$case), amount])).toEqual([
    [{ startTime: at('2026-04-01T00:00:00Z'), endTime: at('2026-04-16T12:00:00Z') }, 1, at('2026-04-16T12:00:00Z'), at('2026-04-01T00:00:00Z'), ['graduatedTier', 'graduatedTier', 'proration'], '13.01'],
    [{ startTime: at('2026-04-16T12:00:00Z'), endTime: at('2026-05-01T00:00:00Z') }, 2, undefined, at('2026-04-16T12:00:00Z'), ['perUnit', 'minimum'], '5.00'],
  ]);
}, 60_000);

/** Each a copy in which one number of a step, an exact amount or a rounding is another one. Not the mode, which shows at a tie alone, nor what zero is divided by. */
function spoilt(value: unknown, path = ''): readonly (readonly [path: string, copy: unknown])[] {
  if (/\.(price|quantity|cycle\w*|lineKey|\w*Time|\w*[pP]eriod|active|timeZone)$/.test(path) && !path.endsWith('.step.value.quantity')) return [];
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([name]) => `${path}.${name}` !== '.rounding.mode' && !(name === 'denominator' && 'numerator' in value && value.numerator === '0'));
    return members.flatMap(([name, member]) => spoilt(member, `${path}.${name}`).map(([at, copy]) => {
      const changed = { ...value, [name]: copy };
      return [at, Array.isArray(value) ? Object.values(changed) : changed] as const;
    }));
  }
  if (typeof value === 'bigint') return [[path, value + 1n]];
  if (typeof value === 'number') return [[path, value + 1]];
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? [[path, `${value}1`]] : [];
}

test('the evaluator finds any number of a step, an exact amount, a share or a rounding that is another one', async () => {
  const trees = await explained(await twoMonths());
  const copies = trees.flatMap((tree) => tree.lines.flatMap((line) => (['settled', 'billed'] as const).flatMap((side) =>
    spoilt(line[side]).map(([path, copy]) => [path, { ...tree, lines: tree.lines.map((each) => (each === line ? { ...line, [side]: copy as LineExplanation['settled'] } : each)) }] as const))));
  expect(copies.length).toBeGreaterThan(200);
  expect(copies.filter(([, tree]) => faultsOf(tree).length === 0).map(([path]) => path)).toEqual([]);
}, 60_000);

test('a stub of 15 of 30 days: included quantity, minimum, maximum and stairs count by half, packages and shares in full', async () => {
  const scenario = await startScenario(valora, '2026-04-16T00:00:00Z');
  await scenario.plan('stub', [...prices, licence, texts]);
  await scenario.subscribe('acme', 'stub', '2026-04-16T00:00:00Z', BillingAlignment.CALENDAR);
  await scenario.use(
    ['t1', 'transfer', 'acme', '2026-04-16T00:00:00Z', '120400.5'], ['p1', 'payments', 'acme', '2026-04-16T00:00:00Z', '800'], ['r1', 'rows', 'acme', '2026-04-16T00:00:00Z', '100'],
    ['c1', 'calls', 'acme', '2026-04-16T00:00:00Z', '600'], ['v1', 'volume', 'acme', '2026-04-16T00:00:00Z', '150'], ['k1', 'tokens', 'acme', '2026-04-16T00:00:00Z', '150'], ['x1', 'texts', 'acme', '2026-04-16T00:00:00Z', '75'],
  );
  await scenario.advance('2026-05-01T00:00:00Z');
  // payments: 800 × 1.3 ÷ 100 + 1 × 2.00. rows: 10.00 × 15/30. calls: (600 − 500) × 0.04 = 4.00, above 2.50. volume: 4.00, at most 1.75.
  // tokens: 12.50 + 1.00 × 15/30. seat: 30.00 × 15/30.
  // licence: (1 − 0.5) × 10.00 × 15/30. texts: 75 × 0.04 = 3.00, above 5.00 × 15/30, which the explanation says by the days of its limits.
  expect((await scenario.invoices()).map(summary)).toEqual(['acme 1: transfer 65.00, payments 12.40, rows 5.00, calls 4.00, volume 1.75, tokens 13.00, seat 15.00, licence 2.50, texts 3.00 = 121.65']);
  expect(await verdicts(scenario)).toEqual(['match']);
  expect((await explained(scenario)).flatMap(faultsOf)).toEqual([]);
}, 60_000);

test.each([
  ['by the version at the start', VersionResolution.PERIOD_START, '30.00'],
  ['split, 30.00 × 10/30 + 45.00 × 20/30', VersionResolution.SPLIT, '40.00'],
] as const)('a fee of 30.00, and 45.00 from 11 April on, %s', async (_title, versionResolution, amount) => {
  const scenario = await startScenario(valora, '2026-04-01T00:00:00Z');
  await scenario.plan('team', [{ ...seat, versionResolution }]);
  await publish(scenario, 'seat', '2026-04-11T00:00:00Z', { model: { model: { $case: 'flat', value: { amount: '45' } } } });
  await scenario.subscribe('acme', 'team', '2026-04-01T00:00:00Z');
  await scenario.advance('2026-05-01T00:00:00Z');
  expect((await scenario.invoices()).map(summary)).toEqual([`acme 1: seat ${amount} = ${amount}`]);
  expect(await verdicts(scenario)).toEqual(['match']);
}, 60_000);

test('a version that ends within a period without another one stops a split run, names the instant, and is mended by publishing one', async () => {
  const scenario = await startScenario(valora, '2026-04-01T00:00:00Z');
  await scenario.plan('team', [seat]);
  await publish(scenario, 'seat', '2026-04-11T00:00:00Z', { model: { model: { $case: 'flat', value: { amount: '45' } } }, effectiveToTime: timestampFromInstant(parseInstant('2026-04-21T00:00:00Z')) });
  await scenario.subscribe('acme', 'team', '2026-04-01T00:00:00Z');
  const failed = { reason: 'BILLING_RUN_FAILED', metadata: { subscription: 'acme', reason: 'PRICE_VERSION_MISSING' } };
  await expect(scenario.advance('2026-05-01T00:00:00Z')).rejects.toMatchObject(failed);
  await expect(scenario.advance('2026-05-01T00:00:00Z')).rejects.toThrow('Price seat has no version at 2026-04-21T00:00:00Z.');
  await publish(scenario, 'seat', '2026-04-21T00:00:00Z', { model: { model: { $case: 'flat', value: { amount: '60' } } }, allowBackDating: true });
  await scenario.advance('2026-05-01T00:00:01Z');
  // 30.00 × 10/30 + 45.00 × 10/30 + 60.00 × 10/30.
  expect((await scenario.invoices()).map(summary)).toEqual(['acme 1: seat 45.00 = 45.00']);
  expect(await verdicts(scenario)).toEqual(['match']);
  const [tree] = await explained(scenario);
  expect(tree?.lines[0]?.settled?.parts.map(({ price, amount }) => [price?.version, price?.knownBeforeTime === undefined, amount])).toEqual([[1, false, '10.00'], [2, false, '15.00'], [3, true, '20.00']]);
}, 60_000);
