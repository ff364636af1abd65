// A JSON object a line. Numbers are taken as they are written, digit by digit: a JavaScript number would be binary floating
// point.
import type { Bytes } from './file-bytes.ts';
import { checkPiece, earlierMessage, isRejectColumn, rejectColumn, rejectedJson, REJECTED_LINE } from './json-row.ts';
import { RowRefused, type Row, type RowReader } from './row.ts';
import { isBlank, linesOf, type Piece } from './text-pieces.ts';

type Values = Readonly<Record<string, unknown>>;

export function readNdjson(bytes: Bytes): RowReader {
  return {
    columns: async () => null,
    rejectsHeading: () => '',
    async *rows() {
      for await (const line of linesOf(bytes)) if (!isBlank(line)) yield ndjsonRow(line);
    },
  };
}

function ndjsonRow(line: Piece): Row {
  const values = line.fault === null ? parseObject(line.text) : null;
  return {
    number: line.number,
    hasEmptyTexts: true,
    get(column) {
      if (isRejectColumn(column)) return rejectColumn(line, values, column);
      checkPiece(line);
      if (values === null) throw new RowRefused('', earlierMessage(line) ?? 'This line is no JSON object.');
      return textOf(column, valueAt(values, column));
    },
    names: () => (values === null ? [] : Object.keys(objectAt(values, 'properties')).map((name) => `properties.${name}`)),
    rejected: rejectedJson(line, values !== null),
  };
}

/** Null for what is no object. */
function parseObject(line: string): Values | null {
  try {
    // Node hands the source text of each number to the reviver; the types of the language don't know that yet.
    const parse = JSON.parse as (text: string, reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown) => unknown;
    const parsed = parse(line, (_name, value, { source }) => (typeof value === 'number' ? source : value));
    return isObject(parsed) && !(REJECTED_LINE in parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** By its name, or by a path of names: `properties.region`. */
function valueAt(values: Values, column: string): unknown {
  if (Object.hasOwn(values, column)) return values[column];
  const cut = column.indexOf('.');
  if (cut < 0) return undefined;
  return valueAt(objectAt(values, column.slice(0, cut)), column.slice(cut + 1));
}

function objectAt(values: Values, name: string): Values {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(column: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' || typeof value === 'boolean') return String(value);
  throw new RowRefused(column, `"${column}" must be text, a number or a boolean.`);
}
