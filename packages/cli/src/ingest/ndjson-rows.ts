// A JSON object a line. Numbers are taken as they are written, digit by digit: a JavaScript number would be binary floating
// point.
import type { Readable } from 'node:stream';
import { CommandError } from '../command.ts';
import { REJECT_COLUMNS, ROW_BYTES_MAX, RowRefused, type Refusal, type Row, type RowReader } from './row.ts';

type Values = Readonly<Record<string, unknown>>;

export function readNdjson(source: Readable): RowReader {
  return {
    columns: async () => null,
    rejectsHeading: () => '',
    async *rows() {
      let number = 0;
      for await (const text of linesOf(source)) {
        number += 1;
        const line = number === 1 ? text.replace(/^\uFEFF/, '') : text;
        if (line.trim() !== '') yield ndjsonRow(number, line);
      }
    },
  };
}

async function* linesOf(source: Readable): AsyncGenerator<string, void, undefined> {
  source.setEncoding('utf8');
  let rest = '';
  let number = 0;
  for await (const chunk of source) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    number += lines.length;
    yield* lines;
    if (rest.length > ROW_BYTES_MAX) throw new CommandError(`Line ${number + 1} is longer than ${ROW_BYTES_MAX} characters. A file of this format has an event a line.`);
  }
  if (rest !== '') yield rest;
}

function ndjsonRow(number: number, line: string): Row {
  const values = parseObject(line);
  return {
    number,
    get(column) {
      if (values === null && REJECT_COLUMNS.some((each) => each === column)) return undefined;
      if (values === null) throw new RowRefused('', 'This line is no JSON object.');
      return textOf(column, valueAt(values, column));
    },
    names: () => (values === null ? [] : Object.keys(objectAt(values, 'properties')).map((name) => `properties.${name}`)),
    rejected(source, row, { reason, field, message }: Refusal) {
      const added = JSON.stringify({ valora_source: source, valora_row: row, valora_reason: reason, valora_field: field, valora_message: message }).slice(1);
      // What an earlier refusal added goes; the rest stays as it was written.
      const own = values === null ? `{"valora_line":${JSON.stringify(line)}` : line.trimEnd().replace(/,?\s*"valora_source":[^]*$/, '').replace(/\s*\}$/, '');
      return `${own}${/\{\s*$/.test(own) ? '' : ','}${added}\n`;
    },
  };
}

/** Null for what is no object. */
function parseObject(line: string): Values | null {
  try {
    // Node hands the source text of each number to the reviver; the types of the language don't know that yet.
    const parse = JSON.parse as (text: string, reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown) => unknown;
    const parsed = parse(line, (_name, value, { source }) => (typeof value === 'number' ? source : value));
    return isObject(parsed) && !('valora_line' in parsed) ? parsed : null;
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
  const value = values[name];
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
