/** Laws of runs over random lives of a subscription: items that come and go, pauses, cancels, each known when it will. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ComposedRun, instant, parseInstant, type SubscriptionFact } from '../src/index.ts';
import { rounds } from './rounds.ts';
import { bill, chain, cyclesOf, decimal, event, flat, graduated, perUnit, priceWith, version, type World } from './world.ts';

const RUNS = 4;
const START = parseInstant('2024-04-10T15:00:00Z');
const ZONES = ['UTC', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Apia'];
const EVENTS = Array.from({ length: 12 }, (_, position) => event(`e${position}`, 'calls', `2024-0${4 + (position % 4)}-${12 + position}T${10 + position}:30:00Z`, `${position * 7}.5`));

function worldOf(billingTiming: 'IN_ADVANCE' | 'IN_ARREARS', zone: string): World {
  const prices = [
    priceWith('fee', { billingTiming }, flat('29.99')),
    priceWith('seats', { billingTiming }, graduated('3 10.01 +5', 'rest 7.77')),
    priceWith('calls', { meter: 'calls' }, graduated('10 0.1234 +1', '50 0.0377 +2.5', 'rest 0.01')),
  ];
  return { start: '2024-04-10T15:00:00Z', zone, prices, events: EVENTS };
}

const moment = fc.bigInt(START, parseInstant('2024-08-10T00:00:00Z')).map(instant);
const items = fc.uniqueArray(fc.record({ priceCode: fc.constantFrom('fee', 'seats', 'calls'), quantity: fc.integer({ min: 0, max: 9 }) }), { selector: ({ priceCode }) => priceCode, maxLength: 3 });
const change = fc.record({ kind: fc.constantFrom('ITEMS_CHANGED' as const, 'ITEMS_CHANGED' as const, 'PAUSED' as const, 'RESUMED' as const, 'CANCELED' as const, 'CANCEL_UNDONE' as const), effectiveTime: moment, recordedTime: moment, items });
const life = fc.record({ first: items, changes: fc.array(change, { maxLength: 6 }), zone: fc.constantFrom(...ZONES) });
type Life = typeof life extends fc.Arbitrary<infer Drawn> ? Drawn : never;

const itemsOf = (drawn: Life['first']) => drawn.map(({ priceCode, quantity }) => ({ item: `${priceCode}-item`, priceCode, quantity: decimal(String(quantity)) }));

function factsOf({ first, changes }: Life, recordedTime: (change: Life['changes'][number], position: number) => SubscriptionFact['recordedTime']): SubscriptionFact[] {
  const inOrder = changes.toSorted((one, other) => (one.recordedTime < other.recordedTime ? -1 : 1));
  const started: SubscriptionFact = { kind: 'STARTED', sequence: 0, effectiveTime: START, recordedTime: START, items: itemsOf(first) };
  return [started, ...inOrder.map((drawn, position): SubscriptionFact => {
    const common = { sequence: position + 1, effectiveTime: drawn.effectiveTime, recordedTime: recordedTime(drawn, position) };
    return drawn.kind === 'ITEMS_CHANGED' ? { kind: drawn.kind, ...common, items: itemsOf(drawn.items) } : { kind: drawn.kind, ...common };
  })];
}

const asDrawn = ({ recordedTime }: Life['changes'][number]) => recordedTime;
const allRuns = (world: World) => [bill(world, 0), ...chain(world, RUNS)];

/** What each line key comes to over all runs, zeros left out. */
function totals(runs: readonly ComposedRun[]): Record<string, string> {
  const sums = new Map<string, bigint>();
  for (const line of runs.flatMap(({ lines }) => lines)) sums.set(line.lineKey, (sums.get(line.lineKey) ?? 0n) + line.amountMinorUnits);
  return Object.fromEntries([...sums].filter(([, sum]) => sum !== 0n).map(([key, sum]) => [key, sum.toString()]));
}

describe('laws of a subscription', () => {
  test('when a fact was recorded moves money between runs, never the sum of a line', () => {
    fc.assert(fc.property(life, (drawn) => {
      const world = worldOf('IN_ARREARS', drawn.zone);
      const lastCutoff = cyclesOf(world, RUNS).cycles.at(-1)?.cutoff ?? START;
      const known = { ...drawn, changes: drawn.changes.filter(({ recordedTime }) => recordedTime < lastCutoff) };
      const atOnce = { ...world, facts: factsOf(known, (_, position) => instant(START + BigInt(position + 1))) };
      expect(totals(allRuns({ ...world, facts: factsOf(known, asDrawn) }))).toEqual(totals(allRuns(atOnce)));
      expect(chain(atOnce, RUNS).flatMap(({ lines }) => lines).filter(({ isAdjustment }) => isAdjustment)).toEqual([]);
    }), rounds(60));
  });

  test('in advance or in arrears, fees come to the same once the subscription is over', () => {
    fc.assert(fc.property(life, (drawn) => {
      const over = instant(parseInstant('2024-07-09T00:00:00Z'));
      const ended = { ...drawn, changes: [...drawn.changes.filter(({ kind, recordedTime }) => recordedTime < over && kind !== 'CANCELED' && kind !== 'CANCEL_UNDONE'), { kind: 'CANCELED' as const, effectiveTime: over, recordedTime: over, items: [] }] };
      const facts = factsOf(ended, asDrawn);
      expect(totals(allRuns({ ...worldOf('IN_ADVANCE', drawn.zone), facts }))).toEqual(totals(allRuns({ ...worldOf('IN_ARREARS', drawn.zone), facts })));
    }), rounds(60));
  });

  test('the order in which facts are listed changes no byte, nor does a change that changes nothing', () => {
    fc.assert(fc.property(life, moment, (drawn, when) => {
      const world = worldOf('IN_ADVANCE', drawn.zone);
      const facts = factsOf({ ...drawn, changes: [] }, asDrawn);
      const same: SubscriptionFact = { kind: 'ITEMS_CHANGED', sequence: 1, effectiveTime: when, recordedTime: START, items: itemsOf(drawn.first) };
      const digests = (of: readonly SubscriptionFact[]) => allRuns({ ...world, facts: of }).map(({ digest }) => digest);
      expect(digests([same, ...facts])).toEqual(digests(facts));
      const all = factsOf(drawn, asDrawn);
      expect(digests(all.toReversed())).toEqual(digests(all));
    }), rounds(40));
  });

  test('a period cut into parts by versions of one price sums to the whole: fees by days, linear usage at the instant', () => {
    fc.assert(fc.property(fc.uniqueArray(moment, { maxLength: 4 }), fc.constantFrom(...ZONES), fc.integer({ min: 1, max: 99_999 }), (cuts, zone, cents) => {
      const ascending = cuts.toSorted((one, other) => (one < other ? -1 : 1));
      const amount = `${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
      const priced = (bounds: typeof ascending): World => {
        const starts = [parseInstant('2000-01-01T00:00:00Z'), ...bounds];
        const versions = (model: typeof models[number]) => starts.map((from, position) => ({ ...version(position + 1, '2000-01-01', model), effectiveFrom: from, effectiveTo: starts[position + 1] ?? null }));
        const models = [flat(amount), perUnit(amount)] as const;
        const prices = [priceWith('fee', { versionResolution: 'SPLIT' }, ...versions(models[0])), priceWith('calls', { versionResolution: 'SPLIT', meter: 'calls' }, ...versions(models[1]))];
        return { ...worldOf('IN_ARREARS', zone), prices };
      };
      const sums = (world: World) => chain(world, RUNS).map(({ lines }) => lines.map(({ lineKey, amountMinorUnits }) => [lineKey, amountMinorUnits]));
      expect(sums(priced(ascending))).toEqual(sums(priced([])));
    }), rounds(60));
  });
});
