/**
 * Canonical JSON (RFC 8785): one value, one text, and so one digest.
 *
 * Stricter than the standard in one point: a number must be a whole number that JavaScript holds exactly. Quantities
 * and amounts are strings here, and a fraction that slips in as a number is a bug that must not be hashed.
 */
import canonicalize from 'canonicalize';
import { invariant } from '../errors.ts';
import { remembered } from '../remembered.ts';

export type JsonValue =
  | string
  | boolean
  | null
  | number
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/**
 * RFC 8785 text. Breaks off (a bug, not an input error) on a number that is not a safe integer and on text with a lone
 * surrogate.
 */
export function canonicalJson(value: JsonValue): string {
  requireCanonical(value);
  const text = canonicalize(value);
  invariant(text !== undefined, 'a JSON value has a text');
  return text;
}

/** RFC 8785 text of one string. */
export function canonicalString(text: string): string {
  requireWellFormed(text);
  return JSON.stringify(text);
}

/** The same value with the names of its members in snake_case: `upTo` becomes `up_to`. Text stays as it is. */
export function snakeCased(value: JsonValue): JsonValue {
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map(snakeCased);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [snakeCasedName(name), snakeCased(member)]));
}

const snakeCasedName = remembered((name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function requireCanonical(value: JsonValue): void {
  if (typeof value === 'string') requireWellFormed(value);
  else if (typeof value === 'number') invariant(Number.isSafeInteger(value), `${value} is not a whole number that canonical JSON admits`);
  else if (value !== null && typeof value === 'object') {
    if (!isList(value)) Object.keys(value).forEach(requireWellFormed);
    for (const member of isList(value) ? value : Object.values(value)) requireCanonical(member);
  }
}

function requireWellFormed(text: string): void {
  invariant(text.isWellFormed(), 'text with a lone surrogate has no canonical form');
}
