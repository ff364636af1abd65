/** Every step that a trace can hold, as the message of the contract that tells it, to the wire and back. */
import { timestampFromInstant } from '@valora/chassis';
import { RatingStep as RatingStepMessage } from '@valora/contracts/valora/invoicing/v1/explanation';
import { QuantityRoundingMode, UnitConversionOperation } from '@valora/contracts/valora/pricing/v1/price_model';
import { parseDecimal, parseInstant, type RatingStep } from '@valora/rating';
import { expect, test } from 'vitest';
import { stepToProto } from '../src/explained-step.ts';

type StepOf<Kind extends RatingStep['kind']> = RatingStep & { readonly kind: Kind };

const exact = (numerator: string, denominator = '1') => ({ numerator, denominator });
const decimal = parseDecimal;
const at = (text: string) => timestampFromInstant(parseInstant(text));
const half = {
  zone: 'Europe/Paris', active: { start: '2026-04-16T12:00:00.000001Z', end: '2026-05-01T00:00:00Z' }, period: { start: '2026-04-01T00:00:00Z', end: '2026-05-01T00:00:00Z' }, activeDays: 15, periodDays: 30,
};
const halfMessage = {
  timeZone: 'Europe/Paris', active: { startTime: at('2026-04-16T12:00:00.000001Z'), endTime: at('2026-05-01T00:00:00Z') }, period: { startTime: at('2026-04-01T00:00:00Z'), endTime: at('2026-05-01T00:00:00Z') },
  activeDays: 15, periodDays: 30,
};

type Table = { readonly [Kind in RatingStep['kind']]: readonly (readonly [title: string, step: StepOf<Kind>, message: RatingStepMessage['step']])[] };

const table: Table = {
  UNIT_CONVERSION: [
    ['2,500 ÷ 1,000 = 5/2, rounded up 3',
      { kind: 'UNIT_CONVERSION', quantity: exact('2500'), operation: 'DIVIDE', factor: decimal('1000'), converted: exact('5', '2'), rounding: { decimals: 0, mode: 'CEILING' }, rounded: exact('3') },
      { $case: 'unitConversion', value: { quantity: exact('2500'), conversion: { operation: UnitConversionOperation.DIVIDE, factor: '1000', rounding: { decimals: 0, mode: QuantityRoundingMode.CEILING } }, converted: exact('5', '2'), rounded: exact('3') } }],
    ['5 × 0.1 = 1/2, not rounded',
      { kind: 'UNIT_CONVERSION', quantity: exact('5'), operation: 'MULTIPLY', factor: decimal('0.1'), converted: exact('1', '2') },
      { $case: 'unitConversion', value: { quantity: exact('5'), conversion: { operation: UnitConversionOperation.MULTIPLY, factor: '0.1', rounding: undefined }, converted: exact('1', '2'), rounded: undefined } }],
  ],
  INCLUDED_QUANTITY: [
    ['121 − 10 = 111', { kind: 'INCLUDED_QUANTITY', quantity: exact('121'), includedQuantity: decimal('10'), remaining: exact('111') },
      { $case: 'includedQuantity', value: { quantity: exact('121'), includedQuantity: '10', prorated: undefined, remaining: exact('111') } }],
    ['121 − 10 × 15/30 = 116', { kind: 'INCLUDED_QUANTITY', quantity: exact('121'), includedQuantity: decimal('10'), prorated: { ...half, value: exact('5') }, remaining: exact('116') },
      { $case: 'includedQuantity', value: { quantity: exact('121'), includedQuantity: '10', prorated: { days: halfMessage, value: exact('5') }, remaining: exact('116') } }],
  ],
  FLAT: [['2 × 20 = 40', { kind: 'FLAT', quantity: exact('2'), unitAmount: decimal('20'), amount: exact('40') }, { $case: 'flat', value: { quantity: exact('2'), unitAmount: '20', amount: exact('40') } }]],
  PER_UNIT: [['7 × 1.2 = 42/5', { kind: 'PER_UNIT', quantity: exact('7'), unitAmount: decimal('1.2'), amount: exact('42', '5') }, { $case: 'perUnit', value: { quantity: exact('7'), unitAmount: '1.2', amount: exact('42', '5') } }]],
  GRADUATED_TIER: [['50 × 0.05 + 3 = 11/2 above 100', { kind: 'GRADUATED_TIER', tier: 2, above: decimal('100'), upTo: null, quantity: exact('50'), unitAmount: decimal('0.05'), flatAmount: decimal('3'), amount: exact('11', '2') },
    { $case: 'graduatedTier', value: { tier: 2, above: '100', upTo: '', quantity: exact('50'), unitAmount: '0.05', flatAmount: '3', amount: exact('11', '2'), percent: '' } }]],
  VOLUME_TIER: [['100 × 0.1 = 10 up to 100', { kind: 'VOLUME_TIER', tier: 1, above: decimal('0'), upTo: decimal('100'), quantity: exact('100'), unitAmount: decimal('0.1'), flatAmount: null, amount: exact('10') },
    { $case: 'volumeTier', value: { tier: 1, above: '0', upTo: '100', quantity: exact('100'), unitAmount: '0.1', flatAmount: '', amount: exact('10'), percent: '' } }]],
  PACKAGE: [['121 ÷ 10, 13 × 5 = 65', { kind: 'PACKAGE', quantity: exact('121'), packageSize: decimal('10'), packages: '13', packageAmount: decimal('5'), amount: exact('65') },
    { $case: 'package', value: { quantity: exact('121'), packageSize: '10', packages: '13', packageAmount: '5', amount: exact('65') } }]],
  STAIRSTEP: [['150 is 25', { kind: 'STAIRSTEP', tier: 2, above: decimal('100'), upTo: null, quantity: exact('150'), flatAmount: decimal('25'), amount: exact('25') },
    { $case: 'stairstep', value: { tier: 2, above: '100', upTo: '', quantity: exact('150'), unitAmount: '', flatAmount: '25', amount: exact('25'), percent: '' } }]],
  PERCENTAGE: [
    ['800 × 1.3 % + 4 × 2 = 92/5', { kind: 'PERCENTAGE', quantity: exact('800'), percent: decimal('1.3'), paidEvents: '4', fixedAmount: decimal('2'), amount: exact('92', '5') },
      { $case: 'percentage', value: { quantity: exact('800'), percent: '1.3', paidEvents: 4n, fixedAmount: '2', free: undefined, limits: undefined, amount: exact('92', '5') } }],
    ['(800 − 100) × 1 % + 1 × 3 − 1 = 9, with allowances and limits', {
      kind: 'PERCENTAGE', quantity: exact('800'), percent: decimal('1'), paidEvents: '3', fixedAmount: null, amount: exact('9'),
      free: { freeEvents: decimal('1'), freeAmount: null, prorated: half, events: '1', quantity: exact('100') },
      limited: { minimum: decimal('3'), maximum: null, raised: { events: '1', amount: exact('1') }, lowered: { events: '0', amount: exact('0') }, change: exact('2') },
    }, { $case: 'percentage', value: {
      quantity: exact('800'), percent: '1', paidEvents: 3n, fixedAmount: '', amount: exact('9'),
      free: { freeEvents: '1', freeAmount: '', prorated: halfMessage, events: 1n, quantity: exact('100') },
      limits: { minimum: '3', maximum: '', raisedEvents: 1n, raisedAmount: exact('1'), loweredEvents: 0n, loweredAmount: exact('0'), change: exact('2') },
    } }],
  ],
  GRADUATED_PERCENTAGE_TIER: [['50 × 2 % + 1 = 2 above 100', { kind: 'GRADUATED_PERCENTAGE_TIER', tier: 2, above: decimal('100'), upTo: decimal('200'), quantity: exact('50'), percent: decimal('2'), flatAmount: decimal('1'), amount: exact('2') },
    { $case: 'graduatedPercentageTier', value: { tier: 2, above: '100', upTo: '200', quantity: exact('50'), unitAmount: '', percent: '2', flatAmount: '1', amount: exact('2') } }]],
  MATRIX_CELL: [
    ['10 in (eu, no size) × 1 = 10', { kind: 'MATRIX_CELL', group: { region: 'eu', size: null }, quantity: exact('10'), unitAmount: decimal('1'), amount: exact('10') },
      { $case: 'matrixCell', value: { group: [{ property: 'region', value: 'eu' }, { property: 'size', value: undefined }], quantity: exact('10'), unitAmount: '1', isDefault: false, amount: exact('10') } }],
    ['4 in an empty value × 2 = 8, by default', { kind: 'MATRIX_CELL', group: { region: '' }, quantity: exact('4'), unitAmount: decimal('2'), isDefault: true, amount: exact('8') },
      { $case: 'matrixCell', value: { group: [{ property: 'region', value: '' }], quantity: exact('4'), unitAmount: '2', isDefault: true, amount: exact('8') } }],
  ],
  GROUPED_LINES: [['groups of 7/3', { kind: 'GROUPED_LINES', amount: exact('7', '3') }, { $case: 'groupedLines', value: { amount: exact('7', '3') } }]],
  PRORATION: [['20 × 15/30 = 10', { kind: 'PRORATION', ...half, fees: exact('20'), prorated: exact('10'), amount: exact('-10') },
    { $case: 'proration', value: { ...halfMessage, fees: exact('20'), prorated: exact('10'), amount: exact('-10') } }]],
  MINIMUM: [
    ['6/5 raised to 5', { kind: 'MINIMUM', before: exact('6', '5'), minimum: decimal('5'), amount: exact('19', '5') }, { $case: 'minimum', value: { before: exact('6', '5'), limit: '5', prorated: undefined, amount: exact('19', '5') } }],
  ],
  MAXIMUM: [
    ['4 lowered to 7 × 15/30', { kind: 'MAXIMUM', before: exact('4'), maximum: decimal('7'), prorated: { ...half, value: exact('7', '2') }, amount: exact('-1', '2') },
      { $case: 'maximum', value: { before: exact('4'), limit: '7', prorated: { days: halfMessage, value: exact('7', '2') }, amount: exact('-1', '2') } }],
  ],
};

const rows = Object.values(table).flat();

test.each(rows)('%s', (_title, step, message) => {
  const told = stepToProto(step);
  expect(told).toEqual({ step: message });
  expect(RatingStepMessage.decode(RatingStepMessage.encode(told).finish())).toEqual(told);
});
