import { describe, expect, test } from 'vitest';
import { type ChargingTerms, type PercentageTerms, type PriceModel, type PriceModifiers, type PriceRule, type PriceToValidate, USUAL_TERMS, validatePrice, validatePriceModel, validatePriceRule } from '../src/index.ts';
import { decimal, flat, graduated, matrix, packages, percentage, percentTiers, perUnit, stairstep, unlessNull, volume } from './prices.ts';

type Problems = readonly ReturnType<typeof validatePriceModel>[number][];

function brief(problems: Problems): string[] {
  return problems.map(({ severity, path, reason }) => `${severity} ${path} ${reason}`);
}

describe('a model, by itself', () => {
  test.each<[string, PriceModel, string[]]>([
    ['1,000 tiers', graduated(...Array.from({ length: 999 }, (_, position) => `${position + 1} 1`), 'rest 1'), []],
    ['1,001 tiers', graduated(...Array.from({ length: 1000 }, (_, position) => `${position + 1} 1`), 'rest 1'), ['ERROR tiers TIERS_TOO_MANY']],
    ['20 after 10, then 15: an earlier bound is above it', graduated('10 1', '20 1', '15 1', 'rest 1'), ['ERROR tiers[2].up_to TIER_BOUND_NOT_ASCENDING']],
    ['20, 10, 15: both are below the highest before them', graduated('20 1', '10 1', '15 1', 'rest 1'), ['ERROR tiers[1].up_to TIER_BOUND_NOT_ASCENDING', 'ERROR tiers[2].up_to TIER_BOUND_NOT_ASCENDING']],
    ['bounds one 10⁻¹⁸ apart ascend', graduated('0.1 1', '0.100000000000000001 1', 'rest 1'), []],
    ['packages of 10', packages('10', '5'), []],
    ['packages of 0', packages('0', '5'), ['ERROR package_size PACKAGE_SIZE_NOT_POSITIVE']],
    ['packages of −1 at −5', packages('-1', '-5'), ['ERROR package_size PACKAGE_SIZE_NOT_POSITIVE', 'ERROR package_amount AMOUNT_NEGATIVE']],
    ['packages of 10⁻¹⁸', packages('0.000000000000000001', '0'), []],
    ['stairs that rise', stairstep('100 10', 'rest 25'), []],
    ['stairs that stay', stairstep('100 10', 'rest 10'), []],
    ['stairs that fall', stairstep('100 10', '200 9.99', 'rest 9.99'), ['WARNING stairs[1].amount STAIRSTEP_CLIFF']],
    ['stairs without an open end, below zero', stairstep('100 -1'), ['ERROR stairs[0].up_to TIER_LAST_NOT_OPEN', 'ERROR stairs[0].amount AMOUNT_NEGATIVE']],
    ['no stairs', stairstep(), ['ERROR stairs TIERS_EMPTY']],
    ['no cliff is sought between unsound stairs', stairstep('100 10', '50 5'), ['ERROR stairs[1].up_to TIER_BOUND_NOT_ASCENDING', 'ERROR stairs[1].up_to TIER_LAST_NOT_OPEN']],
    ['percent tiers', percentTiers('100 3', 'rest 2 +1'), []],
    ['percent tiers: −1 %, 100.1 %, a negative flat amount', percentTiers('1 -1', 'rest 100.1 +-1'), ['ERROR tiers[0].percent PERCENT_NEGATIVE', 'WARNING tiers[1].percent PERCENT_ABOVE_HUNDRED', 'ERROR tiers[1].flat_amount AMOUNT_NEGATIVE']],
    ['percent tiers that fall are no cliff', percentTiers('100 3', 'rest 0'), []],
    ['no percent tiers', percentTiers(), ['ERROR tiers TIERS_EMPTY']],
  ])('%s', (_name, model, expected) => {
    expect(brief(validatePriceModel(model))).toEqual(expected);
  });
});

describe('PERCENTAGE', () => {
  const terms: { readonly [Name in keyof PercentageTerms]?: string } = { percent: '2.9' };
  test.each<[string, { readonly [Name in keyof PercentageTerms]?: string }, string[]]>([
    ['2.9 %', {}, []],
    ['0 %', { percent: '0' }, []],
    ['100 %', { percent: '100' }, []],
    ['100.000001 %', { percent: '100.000001' }, ['WARNING percent PERCENT_ABOVE_HUNDRED']],
    ['−0.1 %', { percent: '-0.1' }, ['ERROR percent PERCENT_NEGATIVE']],
    ['everything at once', { fixedAmount: '0.3', freeEvents: '3', freeAmount: '100', eventMinimum: '0.5', eventMaximum: '5' }, []],
    ['a fixed amount below zero', { fixedAmount: '-0.3' }, ['ERROR fixed_amount AMOUNT_NEGATIVE']],
    ['half a free event', { freeEvents: '2.5' }, ['WARNING free_events FREE_EVENTS_NOT_WHOLE']],
    ['−1 free events', { freeEvents: '-1' }, ['ERROR free_events QUANTITY_NEGATIVE']],
    ['allowances of zero', { freeEvents: '0', freeAmount: '0' }, ['WARNING free_events FREE_ALLOWANCE_ZERO', 'WARNING free_amount FREE_ALLOWANCE_ZERO']],
    ['a free amount below zero', { freeAmount: '-5' }, ['ERROR free_amount AMOUNT_NEGATIVE']],
    ['event minimum = maximum', { eventMinimum: '5', eventMaximum: '5' }, []],
    ['event minimum 10 above maximum 9, as numbers', { eventMinimum: '10', eventMaximum: '9' }, ['ERROR event_minimum EVENT_MINIMUM_ABOVE_MAXIMUM']],
    ['both below zero', { eventMinimum: '-2', eventMaximum: '-1' }, ['ERROR event_minimum AMOUNT_NEGATIVE', 'ERROR event_maximum AMOUNT_NEGATIVE']],
    ['a fixed amount at the event maximum', { fixedAmount: '5', eventMaximum: '5' }, []],
    ['a fixed amount above it', { fixedAmount: '5.01', eventMaximum: '5' }, ['WARNING event_maximum EVENT_MAXIMUM_BELOW_FIXED']],
  ])('%s', (_name, changed, expected) => {
    expect(brief(validatePriceModel(percentage({ ...terms, ...changed })))).toEqual(expected);
  });
});

describe('MATRIX', () => {
  const many = Array.from({ length: 1001 }, (_, position) => `${position} 1`);
  test.each<[string, PriceModel, string[]]>([
    ['sound', matrix('region,size', '0', 'eu,small 1', 'eu,none 2'), []],
    ['without a default', matrix('region', null, 'eu 1'), ['WARNING default_unit_amount MATRIX_DEFAULT_MISSING']],
    ['a default below zero', matrix('region', '-1', 'eu 1'), ['ERROR default_unit_amount AMOUNT_NEGATIVE']],
    ['no cells, but a default', matrix('region', '1'), []],
    ['a dimension twice', matrix('region,region', '0'), ['ERROR dimensions[1] DIMENSION_REPEATED']],
    ['a dimension without a name', matrix('region,', '0'), ['ERROR dimensions[1] DIMENSION_EMPTY']],
    ['four dimensions', matrix('a,b,c,d', '0'), []],
    ['five', matrix('a,b,c,d,e', '0'), ['ERROR dimensions DIMENSIONS_TOO_MANY']],
    ['none', { kind: 'MATRIX', dimensions: [], cells: [], defaultUnitAmount: decimal('0') }, ['ERROR dimensions DIMENSIONS_EMPTY']],
    ['a cell with a value too few', matrix('region,size', '0', 'eu,small 1', 'eu 1'), ['ERROR cells[1].values CELL_VALUES_MISCOUNTED']],
    ['a cell with a value too many', matrix('region', '0', 'eu,small 1'), ['ERROR cells[0].values CELL_VALUES_MISCOUNTED']],
    ['the same cell twice', matrix('region', '0', 'eu 1', 'us 1', 'eu 2', 'eu 3'), ['ERROR cells[2].values CELL_REPEATED', 'ERROR cells[3].values CELL_REPEATED']],
    ['no value and the text "null" are two', { kind: 'MATRIX', dimensions: ['region'], cells: [{ values: [null], unitAmount: decimal('1') }, { values: ['null'], unitAmount: decimal('1') }], defaultUnitAmount: decimal('0') }, []],
    ['names and values cut within a character', matrix('region,\uD800', '0', 'eu,\uDC00 1'), ['ERROR dimensions[1] TEXT_MALFORMED', 'ERROR cells[0].values TEXT_MALFORMED']],
    ['a cell below zero', matrix('region', '0', 'eu -1'), ['ERROR cells[0].unit_amount AMOUNT_NEGATIVE']],
    ['1,000 cells', matrix('region', '0', ...many.slice(1)), []],
    ['1,001 cells', matrix('region', '0', ...many), ['ERROR cells CELLS_TOO_MANY']],
  ])('%s', (_name, model, expected) => {
    expect(brief(validatePriceModel(model))).toEqual(expected);
  });
});

describe('modifiers', () => {
  const convert = (factor: string, decimals?: number): PriceModifiers => ({
    unitConversion: { operation: 'DIVIDE', factor: decimal(factor), ...(decimals === undefined ? {} : { rounding: { decimals, mode: 'CEILING' } }) },
  });
  const factor = 'modifiers.unit_conversion.factor';
  const decimals = 'modifiers.unit_conversion.rounding.decimals';
  const free = percentage({ percent: '1', freeAmount: '10' });
  test.each<[string, PriceModel, PriceModifiers, string[]]>([
    ['all of them', perUnit('1'), { ...convert('1000', 0), includedQuantity: decimal('10'), minimum: decimal('5'), maximum: decimal('50') }, []],
    ['÷ 0', perUnit('1'), convert('0'), [`ERROR ${factor} CONVERSION_FACTOR_NOT_POSITIVE`]],
    ['÷ −1', perUnit('1'), convert('-1'), [`ERROR ${factor} CONVERSION_FACTOR_NOT_POSITIVE`]],
    ['0 decimals', perUnit('1'), convert('1', 0), []],
    ['18 decimals', perUnit('1'), convert('1', 18), []],
    ['19 decimals', perUnit('1'), convert('1', 19), [`ERROR ${decimals} CONVERSION_DECIMALS_INVALID`]],
    ['−1 decimals', perUnit('1'), convert('1', -1), [`ERROR ${decimals} CONVERSION_DECIMALS_INVALID`]],
    ['1.5 decimals', perUnit('1'), convert('1', 1.5), [`ERROR ${decimals} CONVERSION_DECIMALS_INVALID`]],
    ['events converted', free, convert('100'), []],
    ['events converted and rounded', free, convert('100', 2), ['ERROR modifiers.unit_conversion.rounding CONVERSION_ROUNDS_EVENTS']],
    ['a percentage of the total alone, rounded', percentage({ percent: '1', fixedAmount: '1' }), convert('100', 2), []],
    ['included below zero', perUnit('1'), { includedQuantity: decimal('-1') }, ['ERROR modifiers.included_quantity QUANTITY_NEGATIVE']],
    ['included zero', perUnit('1'), { includedQuantity: decimal('0') }, ['WARNING modifiers.included_quantity INCLUDED_QUANTITY_ZERO']],
    ['included beside PERCENTAGE', percentage({ percent: '1' }), { includedQuantity: decimal('1') }, ['ERROR modifiers.included_quantity INCLUDED_QUANTITY_UNUSABLE']],
    ['included beside MATRIX', matrix('region', '0'), { includedQuantity: decimal('1') }, ['ERROR modifiers.included_quantity INCLUDED_QUANTITY_UNUSABLE']],
    ['included beside GRADUATED_PERCENTAGE', percentTiers('rest 1'), { includedQuantity: decimal('1') }, []],
    ['minimum = maximum', perUnit('1'), { minimum: decimal('5'), maximum: decimal('5') }, []],
    ['minimum 10 above maximum 9', perUnit('1'), { minimum: decimal('10'), maximum: decimal('9') }, ['ERROR modifiers.minimum MINIMUM_ABOVE_MAXIMUM']],
    ['both below zero', perUnit('1'), { minimum: decimal('-2'), maximum: decimal('-1') }, ['ERROR modifiers.minimum AMOUNT_NEGATIVE', 'ERROR modifiers.maximum AMOUNT_NEGATIVE']],
    ['a maximum of zero', perUnit('1'), { maximum: decimal('0') }, ['WARNING modifiers.maximum MAXIMUM_ZERO']],
    ['a minimum of zero', perUnit('1'), { minimum: decimal('0') }, []],
    ['everything wrong, in the order of the fields', flat('-1'), { ...convert('0', 19), includedQuantity: decimal('-1'), minimum: decimal('2'), maximum: decimal('-1') }, [
      'ERROR amount AMOUNT_NEGATIVE', `ERROR ${factor} CONVERSION_FACTOR_NOT_POSITIVE`, `ERROR ${decimals} CONVERSION_DECIMALS_INVALID`,
      'ERROR modifiers.included_quantity QUANTITY_NEGATIVE', 'ERROR modifiers.minimum MINIMUM_ABOVE_MAXIMUM', 'ERROR modifiers.maximum AMOUNT_NEGATIVE',
    ]],
  ])('%s', (_name, model, modifiers, expected) => {
    expect(brief(validatePriceRule({ model, modifiers }))).toEqual(expected);
  });

  test('a first tier of 0 % is what is included: 150 @ [≤100 × 0 %, rest × 2 %] has no problem', () => {
    expect(validatePriceRule({ model: percentTiers('100 0', 'rest 2') })).toEqual([]);
  });
});

describe('a price, whole', () => {
  interface Change extends Partial<ChargingTerms>, Partial<Omit<PriceToValidate, 'terms' | 'rule'>> {
    readonly model?: PriceModel;
  }
  const problemsOf = ({ model = perUnit('1'), meterCode = 'calls', currencyCode = 'USD', organizationCurrency, aggregation, ...terms }: Change) => {
    const rule: PriceRule = { model };
    return brief(validatePrice({ rule, meterCode, currencyCode, terms: { ...USUAL_TERMS, ...terms }, ...unlessNull({ organizationCurrency, aggregation }) }));
  };
  const freely = percentage({ percent: '1', freeEvents: '1' });

  test.each<[string, Change, string[]]>([
    ['usage per unit', {}, []],
    ['a fee', { meterCode: null, model: flat('1') }, []],
    ['seats', { meterCode: null }, []],
    ['seats in advance', { meterCode: null, billingTiming: 'IN_ADVANCE' }, []],
    ['usage in advance', { billingTiming: 'IN_ADVANCE' }, ['ERROR billing_timing IN_ADVANCE_NEEDS_FEE']],
    ['a fee by PERCENTAGE', { meterCode: null, model: percentage({ percent: '1' }) }, ['ERROR meter_code MODEL_NEEDS_METER']],
    ['a fee by MATRIX', { meterCode: null, model: matrix('region', '0') }, ['ERROR meter_code MODEL_NEEDS_METER']],
    ['a fee by GRADUATED_PERCENTAGE', { meterCode: null, model: percentTiers('rest 1') }, []],
    ['a fee in groups', { meterCode: null, groupBy: ['region'] }, ['ERROR group_by GROUP_BY_NEEDS_METER']],
    ['a fee by dimension', { meterCode: null, groupBy: ['region'], rateBy: 'DIMENSION' }, ['ERROR group_by GROUP_BY_NEEDS_METER', 'ERROR rate_by RATE_BY_NEEDS_USAGE']],
    ['a metered FLAT', { model: flat('1') }, ['WARNING meter_code METER_UNUSED']],
    ['a metered FLAT in groups', { model: flat('1'), groupBy: ['region'] }, ['WARNING meter_code METER_UNUSED', 'WARNING group_by GROUP_BY_UNUSED']],
    ['a metered FLAT by dimension', { model: flat('1'), groupBy: ['region'], rateBy: 'DIMENSION' }, ['WARNING meter_code METER_UNUSED', 'WARNING group_by GROUP_BY_UNUSED', 'ERROR rate_by RATE_BY_NEEDS_USAGE']],
    ['by dimension', { groupBy: ['region'], rateBy: 'DIMENSION' }, []],
    ['by dimension without groups', { rateBy: 'DIMENSION' }, ['ERROR rate_by RATE_BY_NEEDS_GROUP_BY']],
    ['four groups', { groupBy: ['a', 'b', 'c', 'd'] }, []],
    ['five groups', { groupBy: ['a', 'b', 'c', 'd', 'e'] }, ['ERROR group_by GROUP_BY_TOO_MANY']],
    ['four groups and a dimension among them', { groupBy: ['a', 'b', 'c', 'd'], model: matrix('a', '0') }, []],
    ['four groups and another dimension', { groupBy: ['a', 'b', 'c', 'd'], model: matrix('e', '0') }, ['ERROR group_by GROUP_BY_TOO_MANY']],
    ['a group twice, and one without a name', { groupBy: ['a', 'a', ''] }, ['ERROR group_by[1] GROUP_BY_REPEATED', 'ERROR group_by[2] GROUP_BY_EMPTY']],
    ['a group cut within a character', { groupBy: ['a', '\uD800'] }, ['ERROR group_by[1] TEXT_MALFORMED']],
    ['event by event of a SUM', { model: freely, aggregation: 'SUM' }, []],
    ['event by event of a COUNT', { model: freely, aggregation: 'COUNT' }, []],
    ['event by event of a MAX', { model: freely, aggregation: 'MAX' }, ['ERROR meter_code EVENT_VALUES_NOT_SUMMED']],
    ['a percentage of a MAX', { model: percentage({ percent: '1', fixedAmount: '1' }), aggregation: 'MAX' }, []],
    ['the organization’s currency', { organizationCurrency: 'USD' }, []],
    ['another one', { organizationCurrency: 'EUR' }, ['ERROR currency_code CURRENCY_MISMATCH']],
    ['one without decimals', { currencyCode: 'JPY', organizationCurrency: 'JPY' }, []],
    ['none at all', { currencyCode: 'XXX', organizationCurrency: 'EUR' }, ['ERROR currency_code CURRENCY_UNKNOWN']],
    ['everything wrong, in the order of the fields', { model: packages('0', '1'), currencyCode: 'usd', billingTiming: 'IN_ADVANCE', groupBy: ['a', 'a'] }, [
      'ERROR package_size PACKAGE_SIZE_NOT_POSITIVE', 'ERROR currency_code CURRENCY_UNKNOWN', 'ERROR billing_timing IN_ADVANCE_NEEDS_FEE', 'ERROR group_by[1] GROUP_BY_REPEATED',
    ]],
  ])('%s', (_name, change, expected) => {
    expect(problemsOf(change)).toEqual(expected);
  });

  test.each([
    ['PERCENTAGE', freely, 'PERCENTAGE rates events, not one quantity. Use its free amount, or GRADUATED_PERCENTAGE with a first tier of 0 %.'],
    ['MATRIX', matrix('region', '0'), 'MATRIX rates groups, not one quantity. Give cells an amount of zero, or use another model.'],
  ])('an included quantity beside %s: what to use instead', (_kind, model, message) => {
    expect(validatePriceRule({ model, modifiers: { includedQuantity: decimal('1') } })).toMatchObject([{ message }]);
  });

  test('every message says the fix, as a sentence of its own', () => {
    const messages = [
      validatePriceModel(matrix('a,a', null, 'x 1')),
      validatePriceModel(volume('100 2', 'rest 1')),
      validatePriceRule({ model: freely, modifiers: { includedQuantity: decimal('0'), minimum: decimal('2'), maximum: decimal('1') } }),
    ].flat().map(({ message }) => message);
    expect(messages).toHaveLength(7);
    for (const message of messages) expect(message).toMatch(/^[^.].+[.] (Give|Use|Leave|Name)\b.+[.]$/s);
  });
});
