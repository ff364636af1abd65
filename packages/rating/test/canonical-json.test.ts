import { describe, expect, test } from 'vitest';
import { canonicalJson, derivedId, InvariantError, type JsonValue } from '../src/index.ts';

describe('canonical JSON', () => {
  test('names stand in the order of their code units, and none of them is special', () => {
    expect(canonicalJson(JSON.parse('{"toJSON":"c","constructor":null,"__proto__":"a","a":["z",1,true]}'))).toBe('{"__proto__":"a","a":["z",1,true],"constructor":null,"toJSON":"c"}');
  });

  test.each<[string, JsonValue]>([
    ['text with a lone surrogate', 'a\ud800'],
    ['a name with one', { 'a\udc00': 1 }],
    ['one deep within', [{ a: ['\ud800'] }]],
    ['a fraction', 1.5],
    ['no number', Number.NaN],
    ['one too large to be exact', 2 ** 53],
  ])('%s breaks off by name', (_name, value) => {
    expect(() => canonicalJson(value)).toThrow(InvariantError);
  });

  test('so does an id derived from such text', () => {
    expect(() => derivedId('line', '\ud800')).toThrow(InvariantError);
  });
});
