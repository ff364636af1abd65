/** What a price says, from the contract to the core and back, word for word. */
import { QuantityRoundingMode, UnitConversionOperation, type PriceModel, type PriceModifiers } from '@valora/contracts/valora/pricing/v1/price_model';
import { VersionResolution, type Price } from '@valora/contracts/valora/pricing/v1/catalog';
import { timestampFromInstant } from '@valora/chassis';
import { parseDecimal, parseInstant } from '@valora/rating';
import { expect, test } from 'vitest';
import { priceFromProto } from '../src/facts-from-proto.ts';
import { priceModelFromProto, priceModelToProto, priceModifiersFromProto, priceModifiersToProto } from '../src/price-rule.ts';

type ModelCase = NonNullable<PriceModel['model']>;

const models: { readonly [Case in ModelCase['$case']]: Extract<ModelCase, { $case: Case }>['value'] } = {
  flat: { amount: '20' },
  perUnit: { unitAmount: '0.0000025' },
  graduated: { tiers: [{ upTo: '99.5', unitAmount: '0.1', flatAmount: '3' }, { upTo: '', unitAmount: '0', flatAmount: '' }] },
  volume: { tiers: [{ upTo: '', unitAmount: '0.1', flatAmount: '0' }] },
  package: { packageSize: '10', packageAmount: '5' },
  stairstep: { stairs: [{ upTo: '100', amount: '10' }, { upTo: '', amount: '25' }] },
  percentage: { percent: '1.3', fixedAmount: '2' },
  graduatedPercentage: { tiers: [{ upTo: '100', percent: '3', flatAmount: '1' }, { upTo: '', percent: '2', flatAmount: '' }] },
};

test.each(Object.entries(models))('%s comes back as it was', ($case, value) => {
  const model = { $case, value } as ModelCase; // the table's key is the case
  expect(priceModelToProto(priceModelFromProto(model))).toEqual(model);
});

test('a percentage without a fixed amount has none, and no terms of single events', () => {
  const model = priceModelFromProto({ $case: 'percentage', value: { percent: '0.5', fixedAmount: '' } });
  expect(model).toEqual({ kind: 'PERCENTAGE', percent: '0.5', fixedAmount: null, freeEvents: null, freeAmount: null, eventMinimum: null, eventMaximum: null });
});

test.each<[title: string, modifiers: PriceModifiers]>([
  ['none', { includedQuantity: '', minimum: '', maximum: '' }],
  ['a minimum of zero alone', { includedQuantity: '', minimum: '0', maximum: '' }],
  ...([QuantityRoundingMode.HALF_UP, QuantityRoundingMode.HALF_EVEN, QuantityRoundingMode.CEILING, QuantityRoundingMode.FLOOR] as const).map((mode): [string, PriceModifiers] =>
    [`all, rounding ${mode}`, { unitConversion: { operation: UnitConversionOperation.DIVIDE, factor: '1000', rounding: { decimals: 2, mode } }, includedQuantity: '10.5', minimum: '5', maximum: '50' }]),
  ['a conversion that stays exact', { unitConversion: { operation: UnitConversionOperation.MULTIPLY, factor: '0.1', rounding: undefined }, includedQuantity: '', minimum: '', maximum: '' }],
])('modifiers come back as they were: %s', (_title, modifiers) => {
  expect(priceModifiersToProto(priceModifiersFromProto(modifiers))).toEqual(modifiers);
});

test('what is not modified is not there', () => {
  expect(priceModifiersFromProto({ includedQuantity: '', minimum: '', maximum: '7' })).toEqual({ maximum: parseDecimal('7') });
});

test.each([
  ['an operation', { operation: UnitConversionOperation.UNSPECIFIED, factor: '1' }],
  ['a rounding mode', { operation: UnitConversionOperation.DIVIDE, factor: '1', rounding: { decimals: 0, mode: QuantityRoundingMode.UNSPECIFIED } }],
  ['an operation that this program knows', { operation: 9 as UnitConversionOperation, factor: '1' }], // as a newer service may send
])('a conversion without %s stops the run', (_title, unitConversion) => {
  expect(() => priceModifiersFromProto({ unitConversion, includedQuantity: '', minimum: '', maximum: '' })).toThrow('without a value of the contract');
});

const price: Price = {
  code: 'tokens', displayName: 'Tokens', meter: 'tokens', currencyCode: 'USD', billingTiming: 1, bounds: [], versionResolution: VersionResolution.SPLIT,
  versions: [{
    version: 1, effectiveFromTime: timestampFromInstant(parseInstant('2026-01-01T00:00:00Z')), recordedTime: timestampFromInstant(parseInstant('2026-01-01T00:00:00Z')), model: { model: { $case: 'perUnit', value: { unitAmount: '1' } } },
    modifiers: { includedQuantity: '5', minimum: '', maximum: '' },
  }],
};

test('a price says which version rates a split period, and its versions what they modify', () => {
  expect(priceFromProto(price)).toMatchObject({ versionResolution: 'SPLIT', versions: [{ model: { kind: 'PER_UNIT' }, modifiers: { includedQuantity: '5' } }] });
  expect(priceFromProto({ ...price, versionResolution: VersionResolution.PERIOD_START }).versionResolution).toBe('PERIOD_START');
  expect(() => priceFromProto({ ...price, versionResolution: VersionResolution.UNSPECIFIED })).toThrow('without a resolution of versions');
  const [version] = price.versions;
  expect('modifiers' in (priceFromProto({ ...price, versions: version === undefined ? [] : [{ ...version, modifiers: undefined }] }).versions[0] ?? {})).toBe(false);
});
