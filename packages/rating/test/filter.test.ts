import { describe, expect, test } from 'vitest';
import { matchesFilters } from '../src/index.ts';

describe('filters are a conjunction of "is one of"', () => {
  const filters = [
    { property: 'model', values: ['large', 'small'] },
    { property: 'region', values: ['eu'] },
  ];
  test.each([
    [{ model: 'large', region: 'eu' }, true],
    [{ model: 'small', region: 'eu', other: 'x' }, true],
    [{ model: 'large', region: 'us' }, false],
    [{ model: 'LARGE', region: 'eu' }, false],
    [{ region: 'eu' }, false],
    [{}, false],
  ])('%o: %s', (properties, taken) => {
    expect(matchesFilters(filters, properties)).toBe(taken);
  });

  test('no filter takes everything; an inherited name is no property', () => {
    expect(matchesFilters([], {})).toBe(true);
    expect(matchesFilters([{ property: 'constructor', values: ['x'] }], {})).toBe(false);
    expect(matchesFilters([{ property: 'region', values: [] }], { region: 'eu' })).toBe(false);
  });
});
