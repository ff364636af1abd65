/** Reads every `*.json` file of a folder: each is an array of cases. A file that is not is named, and the others are read all the same. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConformanceCase } from './case.ts';
import { type Fields, fieldsOf, MalformedCase, object, text, textIfAny } from './fields.ts';

export interface Unreadable {
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
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json')).sort()) {
    try {
      cases.push(...readFile(folder, file));
    } catch (error) {
      unreadable.push({ file, why: error instanceof Error ? error.message : String(error) });
    }
  }
  return { cases, unreadable };
}

function readFile(folder: string, file: string): readonly ConformanceCase[] {
  const content: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  if (!Array.isArray(content)) throw new MalformedCase('the file is not an array of cases');
  return content.map((value, position) => caseOf(file, fieldsOf(value, `case ${position + 1}`)));
}

function caseOf(file: string, fields: Fields): ConformanceCase {
  const { binding = true } = fields;
  if (typeof binding !== 'boolean') throw new MalformedCase('binding is neither true nor false');
  return { file, id: text(fields, 'id'), binding, convention: textIfAny(fields, 'convention') ?? '', fields, expected: object(fields, 'expected') };
}
