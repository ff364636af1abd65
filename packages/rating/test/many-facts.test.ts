/** How often facts are looked at where there are many of them: counted, since a clock would tell of the machine. */
import { describe, expect, test } from 'vitest';
import {
  type CycleFact, ENGINE_VERSION, type Instant, instant, parseInstant, resolvePriceVersion, serviceChangedFrom, serviceStretches, type SubscriptionFact, usageQueriesOfRun,
} from '../src/index.ts';
import { decimal, flat, LONG_AGO, perUnit, price, SETTINGS } from './world.ts';

const START = parseInstant('2024-04-01T00:00:00Z');
const END = parseInstant('2024-05-01T00:00:00Z');
const COUNT = 1000;
const minute = (number: number): Instant => instant(START + BigInt(number) * 60_000_000n);

/** The same facts, and how often one was asked when it takes effect, when it was recorded, or of which version it is. */
function counted<Fact extends object>(facts: readonly Fact[]): { readonly facts: readonly Fact[]; readonly looks: () => number } {
  let looks = 0;
  const watched = facts.map((fact) => new Proxy(fact, {
    get(target, name, receiver): unknown {
      if (name === 'effectiveTime' || name === 'recordedTime' || name === 'version') looks += 1;
      return Reflect.get(target, name, receiver);
    },
  }));
  return { facts: watched, looks: () => looks };
}

describe('a thousand facts', () => {
  test('of one cycle are not all looked at again for each stretch between them', () => {
    const changes = Array.from({ length: COUNT }, (_, position): SubscriptionFact => ({
      kind: position === 0 ? 'STARTED' : 'ITEMS_CHANGED',
      sequence: position + 1,
      effectiveTime: minute(position),
      recordedTime: position === COUNT - 1 ? minute(1) : LONG_AGO,
      items: [{ item: 'seat', priceCode: 'seats', quantity: decimal(`${position + 1}`) }],
    }));
    const ofStretches = counted(changes);
    expect(serviceStretches(ofStretches.facts, { start: START, end: END }, END)).toHaveLength(COUNT);
    expect(ofStretches.looks()).toBeLessThan(100 * COUNT);
    const ofChange = counted(changes);
    expect(serviceChangedFrom(ofChange.facts, { since: START, before: END })).toBe(minute(COUNT - 1));
    expect(ofChange.looks()).toBeLessThan(100 * COUNT);
  });

  test('that bound the versions of a price are looked at once each to find the one in force, not once for each version', () => {
    const versions = Array.from({ length: COUNT }, (_, position) => ({
      version: position + 1, effectiveFrom: minute(position), effectiveTo: null, recordedTime: LONG_AGO, model: flat('1'),
    }));
    const bounds = counted(versions.slice(1).map(({ version, effectiveFrom }) => ({ version: version - 1, effectiveTo: effectiveFrom, recordedTime: LONG_AGO })));
    expect(resolvePriceVersion({ ...price('fee', null, flat('1')), versions, bounds: bounds.facts }, minute(500), START)).toMatchObject({ version: 501, effectiveTo: minute(501) });
    expect(bounds.looks()).toBeLessThan(10 * COUNT);
  });
});

test('a run that looks at hundreds of cycles again finds out once, not once for each of them, in which cycles late usage may be carried', () => {
  const DAY = 86_400_000_000n;
  const cycles = Array.from({ length: 300 }, (_, position): CycleFact => {
    const start = instant(START + BigInt(position) * DAY);
    return { index: position + 1, start, end: instant(start + DAY), cutoff: instant(start + DAY), previousCutoff: start, tzdataVersion: '2025b' };
  });
  const last = cycles.at(-1);
  if (last === undefined) throw new Error('there are cycles');
  const { cutoff, previousCutoff } = last;
  const { facts, looks } = counted<SubscriptionFact>([{ kind: 'STARTED', sequence: 1, effectiveTime: START, recordedTime: LONG_AGO, items: [{ item: 'calls', priceCode: 'calls', quantity: decimal('1') }] }]);
  const queries = usageQueriesOfRun({
    engineVersion: ENGINE_VERSION, currencyCode: 'USD', settings: [{ ...SETTINGS, latenessPolicy: 'CARRY_FORWARD' }], prices: [price('calls', 'calls', perUnit('1'))],
    subscription: { reference: 's', customerReference: 'c', cadence: { anchor: START, interval: 'DAY', count: 1, zone: 'UTC' }, startTime: START, facts },
    runIndex: cycles.length, cutoff, previousCutoff, cycles, history: cycles, credits: [],
  });
  expect(queries).toHaveLength(2 * cycles.length - 1);
  expect(looks()).toBeLessThan(100 * cycles.length);
});
