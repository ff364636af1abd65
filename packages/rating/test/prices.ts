/** Short words for price models in tests: a row is `upTo amount [+flat]`, and `rest` is open. */
import { type Decimal, type PercentageTerms, parseDecimal, type PriceModel, type PriceModifiers, type UnitConversion } from '../src/index.ts';
import { decimal } from './world.ts';

export { decimal, flat, graduated, perUnit, volume } from './world.ts';

/** `packages('10', '5')`: each 10 begun cost 5. */
export function packages(packageSize: string, packageAmount: string): PriceModel {
  return { kind: 'PACKAGE', packageSize: decimal(packageSize), packageAmount: decimal(packageAmount) };
}

/** `stairstep('100 10', 'rest 25')`: up to 100 it is 10, beyond it 25. */
export function stairstep(...rows: readonly string[]): PriceModel {
  return { kind: 'STAIRSTEP', stairs: rows.map(parsedRow).map(({ upTo, value }) => ({ upTo, amount: value })) };
}

/** `percentTiers('100 3', 'rest 2 +1')`: 3 % up to 100, 2 % beyond it and a flat amount of 1. */
export function percentTiers(...rows: readonly string[]): PriceModel {
  return { kind: 'GRADUATED_PERCENTAGE', tiers: rows.map(parsedRow).map(({ upTo, value, flatAmount }) => ({ upTo, percent: value, flatAmount })) };
}

export function percentage(terms: { readonly [Name in keyof PercentageTerms]?: string }): PriceModel {
  const given = (text: string | undefined) => (text === undefined ? null : decimal(text));
  return {
    kind: 'PERCENTAGE',
    percent: decimal(terms.percent ?? '0'),
    fixedAmount: given(terms.fixedAmount),
    freeEvents: given(terms.freeEvents),
    freeAmount: given(terms.freeAmount),
    eventMinimum: given(terms.eventMinimum),
    eventMaximum: given(terms.eventMaximum),
  };
}

/** `matrix('region,size', '9', 'eu,small 1', 'eu,none 2')`: 9 for other values; `none` is an event without the property. */
export function matrix(dimensions: string, defaultUnitAmount: string | null, ...cells: readonly string[]): PriceModel {
  return {
    kind: 'MATRIX',
    dimensions: dimensions.split(','),
    cells: cells.map((cell) => {
      const [values = '', unitAmount = ''] = cell.split(' ');
      return { values: values.split(',').map((value) => (value === 'none' ? null : value)), unitAmount: decimal(unitAmount) };
    }),
    defaultUnitAmount: defaultUnitAmount === null ? null : decimal(defaultUnitAmount),
  };
}

/** `modifiers({ convert: '÷ 1000 CEILING 0', included: '10', minimum: '5', maximum: '50' })`. */
export function modifiers(short: { readonly convert?: string; readonly included?: string; readonly minimum?: string; readonly maximum?: string }): PriceModifiers {
  return unlessNull({
    unitConversion: short.convert === undefined ? undefined : conversion(short.convert),
    includedQuantity: short.included === undefined ? undefined : decimal(short.included),
    minimum: short.minimum === undefined ? undefined : decimal(short.minimum),
    maximum: short.maximum === undefined ? undefined : decimal(short.maximum),
  });
}

function conversion(text: string): UnitConversion {
  const [sign, factor = '', mode, decimals] = text.split(' ');
  const operation = sign === '×' ? 'MULTIPLY' : 'DIVIDE';
  const exact = { operation, factor: decimal(factor) } as const;
  return mode === 'CEILING' || mode === 'FLOOR' || mode === 'HALF_UP' || mode === 'HALF_EVEN' ? { ...exact, rounding: { mode, decimals: Number(decimals) } } : exact;
}

type Given<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined | null> };

/** The same without the fields that are not given. */
export function unlessNull<Fields extends object>(fields: Fields): Given<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)) as Given<Fields>;
}

function parsedRow(row: string): { readonly upTo: Decimal | null; readonly value: Decimal; readonly flatAmount: Decimal | null } {
  const [upTo = '', value = '', flatAmount] = row.split(' ');
  return {
    upTo: upTo === 'rest' ? null : parseDecimal(upTo),
    value: parseDecimal(value),
    flatAmount: flatAmount === undefined ? null : parseDecimal(flatAmount.replace('+', '')),
  };
}
