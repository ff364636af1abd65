/**
 * A meter: which usage events count, and how they become one quantity.
 *
 * A meter never changes, because invoices already rest on it; another definition is another code. So a meter that was once read may be kept in memory for ever. The
 * trap: its filters decide when usage is read, not when it is recorded. An event that passes none of them is stored all the same.
 */
import { timestampFromInstant, type Fields } from '@valora/chassis';
import { Aggregation, type Meter as MeterMessage, type PropertyFilter as PropertyFilterMessage } from '@valora/contracts/valora/metering/v1/meter';
import type { AggregationKind, Instant, PropertyFilter } from '@valora/rating';

export interface Meter extends MeterDefinition {
  readonly recordedTime: Instant;
}

export type MetersByCode = ReadonlyMap<string, Meter>;

export interface MeterDefinition {
  readonly code: string;
  readonly displayName: string;
  readonly aggregation: AggregationKind;
  /** All must hold; at most one a property. */
  readonly filters: readonly PropertyFilter[];
  /** For UNIQUE_COUNT, and null for every other kind. */
  readonly uniqueProperty: string | null;
  readonly takesNegativeValues: boolean;
}

const DISPLAY_NAME_LENGTH_MAX = 200;
const FILTERS_MAX = 20;
const FILTER_VALUES_MAX = 100;
export const PROPERTY_NAME_LENGTH_MAX = 128;
export const PROPERTY_VALUE_LENGTH_MAX = 256;

const AGGREGATIONS = {
  [Aggregation.COUNT]: 'COUNT', [Aggregation.SUM]: 'SUM', [Aggregation.MAX]: 'MAX', [Aggregation.MIN]: 'MIN', [Aggregation.AVERAGE]: 'AVERAGE',
  [Aggregation.LATEST]: 'LATEST', [Aggregation.UNIQUE_COUNT]: 'UNIQUE_COUNT', [Aggregation.WEIGHTED_SUM]: 'WEIGHTED_SUM',
} as const satisfies Record<number, AggregationKind>;

export function isAggregationKind(text: string): text is AggregationKind {
  return Object.values<string>(AGGREGATIONS).includes(text);
}

/** Aggregations to which an event without a value says something. */
const VALUELESS: ReadonlySet<AggregationKind> = new Set(['COUNT', 'UNIQUE_COUNT']);

export function needsValue({ aggregation }: Pick<Meter, 'aggregation'>): boolean {
  return !VALUELESS.has(aggregation);
}

/** Reads the definition of a new meter. */
export function parseMeter(fields: Fields, message: MeterMessage): MeterDefinition {
  fields.count('meter.filters', message.filters, { min: 0, max: FILTERS_MAX });
  return {
    code: fields.code('meter.code', message.code),
    displayName: fields.text('meter.display_name', message.displayName, { lengthMax: DISPLAY_NAME_LENGTH_MAX }),
    aggregation: fields.choice<AggregationKind>('meter.aggregation', message.aggregation, AGGREGATIONS),
    filters: message.filters.slice(0, FILTERS_MAX).map((filter, index, all) => parseFilter(fields, `meter.filters[${index}]`, { filter, before: all.slice(0, index) })),
    uniqueProperty: parseUniqueProperty(fields, message),
    takesNegativeValues: message.takesNegativeValues,
  };
}

function parseUniqueProperty(fields: Fields, { aggregation, uniqueProperty }: MeterMessage): string | null {
  const isCounted = aggregation === Aggregation.UNIQUE_COUNT;
  if (isCounted && uniqueProperty !== '') return fields.text('meter.unique_property', uniqueProperty, { lengthMax: PROPERTY_NAME_LENGTH_MAX });
  if (isCounted) fields.refuse('meter.unique_property', 'MISSING', 'Must be given: the property whose different values are counted.');
  else if (uniqueProperty !== '') fields.refuse('meter.unique_property', 'NOT_ALLOWED', 'Only a UNIQUE_COUNT counts the values of a property. Leave it empty, or filter and group by the property.');
  return null;
}

function parseFilter(fields: Fields, field: string, { filter, before }: { filter: PropertyFilterMessage; before: readonly PropertyFilterMessage[] }): PropertyFilter {
  const { property, values } = filter;
  fields.text(`${field}.property`, property, { lengthMin: 1, lengthMax: PROPERTY_NAME_LENGTH_MAX });
  if (before.some((other) => other.property === property)) fields.refuse(`${field}.property`, 'REPEATED', 'Give one filter a property; its values are alternatives.');
  fields.count(`${field}.values`, values, { min: 1, max: FILTER_VALUES_MAX });
  values.slice(0, FILTER_VALUES_MAX).forEach((value, index) => {
    fields.text(`${field}.values[${index}]`, value, { lengthMax: PROPERTY_VALUE_LENGTH_MAX });
    if (values.indexOf(value) !== index) fields.refuse(`${field}.values[${index}]`, 'REPEATED', 'Give each value once.');
  });
  return { property, values };
}

export function meterToProto({ aggregation, uniqueProperty, recordedTime, ...meter }: Meter): MeterMessage {
  return { ...meter, aggregation: Aggregation[aggregation], uniqueProperty: uniqueProperty ?? '', recordedTime: timestampFromInstant(recordedTime) };
}
