import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Aggregation } from '../src/aggregation/aggregation.ts';
import { count } from '../src/aggregation/count.ts';
import { sum } from '../src/aggregation/sum.ts';
import { aggregateUsage, fractionToJson, matchesFilters, parseDecimal } from '../src/index.ts';
import { rounds } from './rounds.ts';
import { digested, event } from './world.ts';

function valued(values: readonly (string | null)[]) {
  return values.map((value, position) => event(`key-${position}`, 'm', '2024-01-01T00:00:00Z', value));
}

describe('events to a quantity', () => {
  test.each([
    ['SUM of nothing = 0', 'SUM', [], '0'],
    ['COUNT of nothing = 0', 'COUNT', [], '0'],
    ['3 + 4 = 7', 'SUM', ['3', '4'], '7'],
    ['COUNT of (3, 4, none) = 3', 'COUNT', ['3', '4', null], '3'],
    ['0.1 + 0.2 = 0.3', 'SUM', ['0.1', '0.2'], '0.3'],
    ['5 − 7.5 = −2.5', 'SUM', ['5', '-7.5'], '-2.5'],
    ['−0.5 + 0.5 = 0', 'SUM', ['-0.5', '0.5'], '0'],
    ['10⁻¹⁸ + 10⁻¹⁸ = 2 × 10⁻¹⁸', 'SUM', ['0.000000000000000001', '0.000000000000000001'], '0.000000000000000002'],
    ['38 nines twice has 39 digits', 'SUM', ['9'.repeat(38), '9'.repeat(38)], `1${'9'.repeat(37)}8`],
  ] as const)('%s', (_equation, kind, values, expected) => {
    const usage = aggregateUsage(kind, valued(values).map(digested));
    expect(usage.quantity).toBe(expected);
    expect(usage.eventCount).toBe(BigInt(values.length));
  });

  test('a sum without a value is refused, naming the event', () => {
    const metadata = { idempotency_key: 'key-1' };
    expect(() => aggregateUsage('SUM', valued(['1', null]).map(digested))).toThrow(
      expect.objectContaining({ reason: 'USAGE_VALUE_MISSING', metadata }),
    );
  });
});

describe('laws of aggregation', () => {
  const value = fc
    .tuple(fc.bigInt(-(10n ** 20n) + 1n, 10n ** 20n - 1n), fc.bigInt(0n, 10n ** 18n - 1n))
    .map(([whole, fraction]) => parseDecimal(`${whole}.${fraction.toString().padStart(18, '0')}`));
  const events = fc.array(value, { maxLength: 12 }).map(valued);

  function holdsFor<State>(aggregation: Aggregation<State>): void {
    const fold = (part: ReturnType<typeof valued>) => part.reduce(aggregation.add, aggregation.empty());
    const quantity = (state: State) => fractionToJson(aggregation.quantity(state));
    fc.assert(
      fc.property(events, events, events, (a, b, c) => {
        const [x, y, z] = [fold(a), fold(b), fold(c)];
        const whole = quantity(fold([...a, ...b, ...c]));
        expect(quantity(aggregation.merge(aggregation.merge(x, y), z))).toEqual(whole);
        expect(quantity(aggregation.merge(x, aggregation.merge(y, z)))).toEqual(whole);
        expect(quantity(aggregation.merge(z, aggregation.merge(y, x)))).toEqual(whole);
        expect(quantity(aggregation.merge(x, aggregation.empty()))).toEqual(quantity(x));
      }),
      rounds(),
    );
  }

  test('COUNT: merging parts, in any grouping and order, equals the fold over all', () => holdsFor(count));
  test('SUM: merging parts, in any grouping and order, equals the fold over all', () => holdsFor(sum));

  test('arrival order changes neither quantity nor digest', () => {
    fc.assert(
      fc.property(events, fc.infiniteStream(fc.nat()), (all, ranks) => {
        const ranked = all.map((one) => ({ one, rank: ranks.next().value ?? 0 }));
        const shuffled = ranked.sort((a, b) => a.rank - b.rank).map(({ one }) => one);
        expect(aggregateUsage('SUM', shuffled.map(digested))).toEqual(aggregateUsage('SUM', all.map(digested)));
      }),
      rounds(),
    );
  });
});

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
