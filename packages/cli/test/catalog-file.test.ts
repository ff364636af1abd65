/** Catalogs as files: what is read, what is filled in, and that every problem is named at once. */
import { Aggregation } from '@valora/contracts/valora/metering/v1/meter';
import { BillingTiming, VersionResolution } from '@valora/contracts/valora/pricing/v1/catalog';
import { QuantityRoundingMode, UnitConversionOperation } from '@valora/contracts/valora/pricing/v1/price_model';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import { expect, test } from 'vitest';
import { catalogFromJson, CatalogRefused, parseCatalog } from '../src/catalog/catalog-file.ts';

const from = '2026-01-01T00:00:00Z';
const flat = { flat: { amount: '20' } };

function problemsOf(json: unknown): readonly string[] {
  try {
    catalogFromJson(json);
  } catch (error) {
    if (error instanceof CatalogRefused) return error.problems;
    throw error;
  }
  return [];
}

test('what is left out is filled in', () => {
  const { meters, prices, plans } = catalogFromJson({
    meters: [{ code: 'requests', aggregation: 'sum' }], prices: [{ code: 'seat', versions: [{ effectiveFromTime: from, model: flat }] }], plans: [{ code: 'team', prices: ['seat'] }],
  });
  expect(meters).toMatchObject([{ code: 'requests', displayName: 'requests', aggregation: Aggregation.SUM }]);
  expect(prices).toMatchObject([{ code: 'seat', displayName: 'seat', currencyCode: '', billingTiming: BillingTiming.IN_ARREARS, versionResolution: VersionResolution.PERIOD_START, versions: [{ effectiveFromTime: { seconds: 1_767_225_600n, nanos: 0 }, model: { model: { $case: 'flat', value: { amount: '20' } } } }] }]);
  expect(plans).toMatchObject([{ code: 'team', displayName: 'team', interval: PeriodInterval.MONTH, intervalCount: 1, prices: ['seat'] }]);
});

test('models, modifiers and the resolution of versions are read, enum values without their prefix', () => {
  const modifiers = { unitConversion: { operation: 'DIVIDE', factor: '1000', rounding: { mode: 'ceiling' } }, includedQuantity: '10', minimum: '5.00' };
  const models = [
    { package: { packageSize: '10', packageAmount: '5' } }, { stairstep: { stairs: [{ upTo: '100', amount: '10' }, { amount: '25' }] } }, { percentage: { percent: '1.3' } },
    { graduatedPercentage: { tiers: [{ percent: '3' }] } },
  ];
  const { prices } = catalogFromJson({ prices: models.map((model, position) => ({ code: `p${position}`, versionResolution: 'split', versions: [{ effectiveFromTime: from, model, ...(position === 0 ? { modifiers } : {}) }] })) });
  expect(prices.map(({ versionResolution, versions }) => [versionResolution, versions[0]?.model?.model?.$case])).toEqual([
    [VersionResolution.SPLIT, 'package'], [VersionResolution.SPLIT, 'stairstep'], [VersionResolution.SPLIT, 'percentage'], [VersionResolution.SPLIT, 'graduatedPercentage'],
  ]);
  expect(prices[0]?.versions[0]?.modifiers).toMatchObject({
    unitConversion: { operation: UnitConversionOperation.DIVIDE, factor: '1000', rounding: { decimals: 0, mode: QuantityRoundingMode.CEILING } }, includedQuantity: '10', minimum: '5.00', maximum: '',
  });
});

test('times keep their microseconds', () => {
  const { prices } = catalogFromJson({ prices: [{ code: 'seat', versions: [{ effectiveFromTime: '2026-01-01T00:00:00.000001Z', model: flat }] }] });
  expect(prices[0]?.versions[0]?.effectiveFromTime).toEqual({ seconds: 1_767_225_600n, nanos: 1_000 });
});

test.each<{ title: string; json: unknown; problems: readonly RegExp[] }>([
  { title: 'no object', json: [], problems: [/^It must be an object/] },
  { title: 'an unknown list', json: { meter: [] }, problems: [/^meter: there is no such list/] },
  { title: 'no list', json: { meters: {} }, problems: [/^meters: must be a list/] },
  { title: 'unknown fields, in each element', json: { meters: [{ code: 'a', agg: 'SUM' }], plans: [{ kode: 'x' }, 'y'] }, problems: [/^meters\[0\]: .*agg/, /^plans\[0\]: .*kode/, /^plans\[1\]: /] },
  { title: 'a decimal that is a number', json: { prices: [{ code: 'seat', versions: [{ effectiveFromTime: from, model: { flat: { amount: 20 } } }] }] }, problems: [/^prices\[0\]\.versions\[0\]: .*amount/] },
  {
    title: 'bad codes, twice the same, no aggregation',
    json: { meters: [{ code: 'A', aggregation: 'SUM' }, { code: 'b' }, { code: 'b', aggregation: 'COUNT' }] },
    problems: [/^meters\[0\]\.code: Must be 1 to 64/, /^meters\[2\]\.code: "b" stands above already/, /^meters\[1\]\.aggregation: Must be given/],
  },
  {
    title: 'versions without time or model, and twice from one time',
    json: { prices: [{ code: 'a', versions: [{ model: flat }, { effectiveFromTime: from }, { effectiveFromTime: from, model: flat }] }] },
    problems: [/^prices\[0\]\.versions\[0\]\.effectiveFromTime: Must be given/, /^prices\[0\]\.versions\[1\]\.model: Must be one of/, /^prices\[0\]\.versions\[2\]\.effectiveFromTime: Another version starts/],
  },
  {
    title: 'everything about a model',
    json: { prices: [{ code: 'a', versions: [{ effectiveFromTime: from, model: { volume: { tiers: [{ unitAmount: 'x' }, { upTo: '5', unitAmount: '-1' }] } } }] }] },
    problems: [/volume\.tiers\[0\]\.unit_amount: /, /volume\.tiers\[0\]\.up_to: Only the last tier is open/, /volume\.tiers\[1\]\.up_to: /, /volume\.tiers\[1\]\.unit_amount: /],
  },
  {
    title: 'everything about modifiers',
    json: { prices: [{ code: 'a', versions: [{ effectiveFromTime: from, model: { package: { packageSize: '0', packageAmount: '1' } }, modifiers: { unitConversion: { factor: '-1' }, minimum: '6', maximum: '5' } }] }] },
    problems: [/package\.package_size: /, /^prices\[0\]\.versions\[0\]\.modifiers\.unit_conversion\.operation: /, /modifiers\.unit_conversion\.factor: /, /^prices\[0\]\.versions\[0\]\.modifiers\.minimum: /],
  },
  { title: 'plans without prices, and with one twice', json: { plans: [{ code: 'a' }, { code: 'b', prices: ['x', 'x'] }] }, problems: [/^plans\[0\]\.prices: A plan needs a price/, /^plans\[1\]\.prices: "x" is named twice/] },
])('$title: all of it is said', ({ json, problems }) => {
  const said = problemsOf(json);
  expect(said).toHaveLength(problems.length);
  for (const problem of problems) expect(said.some((each) => problem.test(each)), `${String(problem)} in ${said.join(' / ')}`).toBe(true);
});

test('text that is no JSON says what is wrong with it', () => {
  expect(() => parseCatalog('{"meters": [}')).toThrow(/^The catalog has 1 problem\. Nothing was applied\.\n {2}It is no JSON: Unexpected token/);
});
