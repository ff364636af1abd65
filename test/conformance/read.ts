/** Reads every `*.json` file of a folder: each is an array of cases. A file that is not is named, and so is an element that is no case; the others are read all the same. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConformanceCase } from './case.ts';
import { type Fields, fieldsOf, MalformedCase, object, text, textIfAny } from './fields.ts';

export interface Unreadable {
  /** Its name, or `name case 3`. */
  readonly file: string;
  readonly why: string;
}

export interface ReadFolder {
  readonly cases: readonly ConformanceCase[];
  readonly unreadable: readonly Unreadable[];
}

/** Throws where there is no such folder. Files in byte order of their names, so two runs print the same. */
export function readFolder(folder: string): ReadFolder {
  const cases: ConformanceCase[] = [];
  const unreadable: Unreadable[] = [];
  const read = <Value>(name: string, reader: () => Value): Value | null => {
    try {
      return reader();
    } catch (error) {
      unreadable.push({ file: name, why: error instanceof Error ? error.message : String(error) });
      return null;
    }
  };
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json')).sort()) {
    for (const [position, value] of (read(file, () => readArray(join(folder, file))) ?? []).entries()) {
      const name = `case ${position + 1}`;
      const one = read(`${file} ${name}`, () => caseOf(file, fieldsOf(value, name)));
      if (one !== null) cases.push(one);
    }
  }
  return { cases, unreadable };
}

function readArray(path: string): readonly unknown[] {
  const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!Array.isArray(content)) throw new MalformedCase('the file is not an array of cases');
  return content;
}

function caseOf(file: string, fields: Fields): ConformanceCase {
  const { binding = true } = fields;
  if (typeof binding !== 'boolean') throw new MalformedCase('binding is neither true nor false');
  return { file, id: text(fields, 'id'), binding, convention: textIfAny(fields, 'convention') ?? '', fields, expected: object(fields, 'expected') };
}
