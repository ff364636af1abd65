/**
 * What the second evaluator expects of a piece of a trace, and every place where the trace says something else.
 *
 * An expected value is what the JSON must be, with a pair wherever the trace has a fraction: it must be of equal value,
 * and in lowest terms, as fractions in traces are.
 */
import { equal, type Pair } from './pairs.ts';

export type Expected = string | number | boolean | null | Exact | readonly Expected[] | { readonly [name: string]: Expected | undefined };

/** A fraction in the trace. */
export class Exact {
  readonly pair: Pair;
  constructor(pair: Pair) {
    this.pair = pair;
  }
}

export function exact(pair: Pair): Exact {
  return new Exact(pair);
}

/** Each place that differs, by its path. */
export function faultsAgainst(expected: Expected, found: unknown, path: string): string[] {
  if (expected instanceof Exact) return fractionFaults(expected.pair, found, path);
  if (expected === null || typeof expected !== 'object') {
    return expected === found ? [] : [`${path}: ${JSON.stringify(expected)} is expected, not ${JSON.stringify(found)}`];
  }
  if (found === null || typeof found !== 'object' || Array.isArray(found) !== Array.isArray(expected)) return [`${path}: is of another shape`];
  const wanted = new Map(Object.entries(expected).filter(([, value]) => value !== undefined));
  const given = new Map<string, unknown>(Object.entries(found));
  const names = new Set([...wanted.keys(), ...given.keys()]);
  return [...names].flatMap((name) => {
    const value = wanted.get(name);
    const at = `${path}.${name}`;
    if (value === undefined) return [`${at}: is not expected`];
    return given.has(name) ? faultsAgainst(value, given.get(name), at) : [`${at}: is missing`];
  });
}

function fractionFaults(expected: Pair, found: unknown, path: string): string[] {
  const pair = pairOfJson(found);
  if (pair === null) return [`${path}: is no fraction in lowest terms`];
  return equal(expected, pair) ? [] : [`${path}: ${expected.join('/')} is expected, not ${pair.join('/')}`];
}

/** `null` where it is no fraction in lowest terms. */
export function pairOfJson(json: unknown): Pair | null {
  if (json === null || typeof json !== 'object' || !('numerator' in json) || !('denominator' in json)) return null;
  const { numerator, denominator } = json;
  if (typeof numerator !== 'string' || typeof denominator !== 'string' || !/^(0|-?[1-9]\d*)$/.test(numerator) || !/^[1-9]\d*$/.test(denominator)) return null;
  const pair: Pair = [BigInt(numerator), BigInt(denominator)];
  return commonDivisor(pair[0] < 0n ? -pair[0] : pair[0], pair[1]) === 1n ? pair : null;
}

function commonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : commonDivisor(b, a % b);
}
