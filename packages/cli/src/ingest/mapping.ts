// From the rows of somebody's file to usage events: which column is what.
import { hash } from 'node:crypto';
import { timestampFromText, type Timestamp } from '@valora/client';
import type { UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { UsageError } from '../command.ts';
import { originOf, RowRefused, type Row } from './row.ts';

export const TIME_FORMATS = ['rfc3339', 'sql', 'unix', 'unix-ms', 'unix-us'] as const;
export type TimeFormat = (typeof TIME_FORMATS)[number];

/** The columns that are looked for where nothing is mapped, in this order. */
const FIELDS = {
  key: ['idempotency_key', 'idempotencyKey', 'key'],
  meter: ['meter'],
  customer: ['customer'],
  subscription: ['subscription'],
  time: ['event_time', 'eventTime', 'time'],
  value: ['value'],
} as const;
export const FIELD_NAMES = Object.keys(FIELDS);
type FieldName = keyof typeof FIELDS;
const PROPERTY = 'property.';
/** Property columns that nobody needs to map: `property.region` in CSV, the members of `properties` in NDJSON. */
const PROPERTY_COLUMNS = [PROPERTY, 'properties.'];
const MICROS_PER_UNIT = { unix: 1_000_000n, 'unix-ms': 1_000n, 'unix-us': 1n } as const;

export interface MappingOptions {
  /** Target to column; a target is a field's name or `property.<name>`. */
  readonly columns: ReadonlyMap<string, string>;
  /** Target to a text that every event gets. */
  readonly constants: ReadonlyMap<string, string>;
  /** Meter to the column with its value: every row becomes an event for each. */
  readonly meterColumns: ReadonlyMap<string, string>;
  readonly timeFormat: TimeFormat;
  /** Derives keys from the source's name, the row's number and the meter. */
  readonly keyFromRow: boolean;
  /** The source's name, for derived keys and rejects. */
  readonly source: string;
}

export interface Mapping<Source extends Row = Row> {
  /** Throws UsageError for what columns that are known don't give. */
  check(columns: readonly string[]): void;
  /** Throws RowRefused. */
  eventsOf(row: Source): UsageEvent[];
  /** Where a row came from first: a rejects file that is sent again keeps it, and with it the derived keys. */
  origin(row: Source): { readonly source: string; readonly number: string };
}

export function createMapping(options: MappingOptions): Mapping {
  const { columns, constants, meterColumns, timeFormat, keyFromRow, source } = options;
  checkTargets(options);
  const candidates = (field: FieldName): readonly string[] => {
    const mapped = columns.get(field);
    return mapped === undefined ? FIELDS[field] : [mapped];
  };
  const properties = [...columns].flatMap(([target, column]) => (target.startsWith(PROPERTY) ? [[target.slice(PROPERTY.length), column] as const] : []));
  const constantProperties = [...constants].flatMap(([target, text]) => (target.startsWith(PROPERTY) ? [[target.slice(PROPERTY.length), text] as const] : []));

  function field(row: Row, name: FieldName): string {
    const constant = constants.get(name);
    if (constant !== undefined) return constant;
    for (const column of candidates(name)) {
      const text = row.get(column);
      if (text !== undefined) return text;
    }
    return '';
  }

  function propertiesOf(row: Row): Map<string, string> {
    const found = new Map<string, string>(constantProperties);
    const add = (name: string, column: string): void => {
      const text = row.get(column);
      if (text !== undefined && (text !== '' || row.hasEmptyTexts)) found.set(name, text);
    };
    for (const column of row.names()) {
      const prefix = PROPERTY_COLUMNS.find((each) => column.startsWith(each));
      if (prefix !== undefined) add(column.slice(prefix.length), column);
    }
    for (const [name, column] of properties) add(name, column);
    return found;
  }

  function keyOf(row: Row, meter: string): string {
    if (keyFromRow) {
      const { source: firstSource, number } = originOf(row, source);
      return hash('sha256', `${firstSource}\n${number}\n${meter}`);
    }
    const key = field(row, 'key');
    return meterColumns.size > 1 && key !== '' ? `${key}:${meter}` : key;
  }

  return {
    origin: (row) => originOf(row, source),
    check(known) {
      const missing = [...new Set([...columns.values(), ...meterColumns.values()])].filter((column) => !known.includes(column));
      if (missing.length > 0) throw new UsageError(`The file has no column ${missing.map((column) => `"${column}"`).join(', ')}. It has ${known.join(', ')}.`);
      const needed: readonly FieldName[] = ['customer', 'time', ...(keyFromRow ? [] : (['key'] as const)), ...(meterColumns.size > 0 ? [] : (['meter'] as const))];
      for (const name of needed) {
        if (constants.has(name) || candidates(name).some((column) => known.includes(column))) continue;
        const other = name === 'key' ? ', or --key-from-row if the rows have no names of their own and the file never changes' : `, or --constant ${name}=…`;
        throw new UsageError(`Which column is the ${name}? The file has ${known.join(', ')}. Say --map ${name}=<column>${other}.`);
      }
    },
    eventsOf(row) {
      const shared = { customer: field(row, 'customer'), subscription: field(row, 'subscription'), eventTime: parseTime(field(row, 'time'), timeFormat) };
      const usages = meterColumns.size > 0
        ? [...meterColumns].map(([meter, column]) => ({ meter, value: row.get(column) ?? '' }))
        : [{ meter: field(row, 'meter'), value: field(row, 'value') }];
      return usages.map(({ meter, value }) => ({ ...shared, meter, value, idempotencyKey: keyOf(row, meter), properties: propertiesOf(row) }));
    },
  };
}

function checkTargets({ columns, constants, meterColumns, keyFromRow }: MappingOptions): void {
  for (const target of [...columns.keys(), ...constants.keys()]) {
    if (!FIELD_NAMES.includes(target) && !target.startsWith(PROPERTY)) throw new UsageError(`An event has no "${target}". Map ${FIELD_NAMES.join(', ')} or property.<name>.`);
  }
  if (constants.has('key')) throw new UsageError('A constant key would make every event the same one. Map a column, or give --key-from-row.');
  if (keyFromRow && columns.has('key')) throw new UsageError('Give either a column for the key, or --key-from-row.');
  if (meterColumns.size > 0 && ['meter', 'value'].some((name) => columns.has(name) || constants.has(name))) throw new UsageError('With --meter-column the meter and value are given already; leave --map and --constant of them out.');
}

/** Throws RowRefused. */
export function parseTime(text: string, format: TimeFormat): Timestamp {
  try {
    switch (format) {
      case 'rfc3339':
        return timestampFromText(text);
      case 'sql':
        return timestampFromText(`${text}Z`);
      case 'unix':
      case 'unix-ms':
      case 'unix-us':
        return timestampFromUnix(text, MICROS_PER_UNIT[format]);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RowRefused('event_time', `${error.message} The time format is ${format}; others are ${TIME_FORMATS.filter((each) => each !== format).join(', ')}.`);
  }
}

/** Seconds, milliseconds or microseconds since 1970, with a fraction or without; cut toward the past. */
function timestampFromUnix(text: string, microsPerUnit: bigint): Timestamp {
  const match = /^(-?)(\d{1,18})(?:\.(\d{1,18}))?$/.exec(text);
  if (match === null) throw new RangeError(`"${text.slice(0, 64)}" is no number of units since 1970.`);
  const [, sign, whole = '', fraction = ''] = match;
  const scaled = BigInt(whole + fraction) * microsPerUnit * (sign === '-' ? -1n : 1n);
  const micros = floored(scaled, 10n ** BigInt(fraction.length));
  const seconds = floored(micros, 1_000_000n);
  return { seconds, nanos: Number(micros - seconds * 1_000_000n) * 1000 };
}

function floored(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}
