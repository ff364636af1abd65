/** Late usage by each policy: where it counts, and that none of it is lost or billed twice. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CycleFact, instant, type LatenessPolicy, parseInstant, settingsKnownBefore, type SubscriptionFact } from '../src/index.ts';
import { serviceStretches } from '../src/run/subscription.ts';
import { rounds } from './rounds.ts';
import { type Change, factsOf } from './subscription-facts.ts';
import { amounts, chain, cyclesOf, decimal, event, flat, LONG_AGO, perUnit, priceWith, type RecordedEvent, SETTINGS, version, type World } from './world.ts';

const DAY = 86_400_000_000n;
const PER_UNIT = priceWith('calls', { meter: 'calls' }, perUnit('1'));

/** From April on, by the month, an hour of grace. */
function worldOf(policy: LatenessPolicy, events: readonly RecordedEvent[], more: Partial<World> = {}): World {
  return { start: '2024-04-01T00:00:00Z', prices: [PER_UNIT], settings: [{ ...SETTINGS, latenessPolicy: policy, keepZeroLines: false }], events, ...more };
}

const punctual = event('punctual', 'calls', '2024-04-10T00:00:00Z', '100');
const late = event('late', 'calls', '2024-04-12T00:00:00Z', '40', '2024-05-03T00:00:00Z');
/** In the grace of April it is known by May's window alone. */
const atCutoff = event('at-cutoff', 'calls', '2024-04-30T23:59:59.999999Z', '7', '2024-05-01T01:00:00Z');
const beforeCutoff = event('before-cutoff', 'calls', '2024-04-30T23:59:59.999999Z', '3', '2024-05-01T00:59:59.999999Z');
const april = [punctual, late, atCutoff, beforeCutoff];
const withFacts = (...changes: readonly Change[]): Partial<World> => ({ facts: factsOf({ calls: '1' }, changes) });

describe('April has 103 in time and 47 late, recorded in the window of May', () => {
  test.each<[string, World, readonly (readonly string[])[]]>([
    ['ADJUST: May bills 47 for April', worldOf('ADJUST', april), [['103.00'], ['47.00 for cycle 1'], []]],
    ['HOLD: nobody bills them', worldOf('HOLD', april), [['103.00'], [], []]],
    ['HOLD, 40 released in May: May bills them for April', worldOf('HOLD', [punctual, { ...late, releasedTime: parseInstant('2024-05-20T00:00:00Z') }, atCutoff]), [['100.00'], ['40.00 for cycle 1'], []]],
    ['HOLD, 40 released at the cutoff of May: June bills them for April', worldOf('HOLD', [late].map((one) => ({ ...one, releasedTime: parseInstant('2024-06-01T01:00:00Z') }))), [[], [], ['40.00 for cycle 1']]],
    ['HOLD, 40 released and voided: nobody bills them', worldOf('HOLD', [{ ...late, releasedTime: parseInstant('2024-05-20T00:00:00Z'), voidedTime: parseInstant('2024-05-21T00:00:00Z') }]), [[], [], []]],
    ['CARRY_FORWARD: May bills 47 as its own', worldOf('CARRY_FORWARD', april), [['103.00'], ['47.00'], []]],
    ['CARRY_FORWARD, 40 voided in June: June takes 40 off May', worldOf('CARRY_FORWARD', [{ ...late, voidedTime: parseInstant('2024-06-20T00:00:00Z') }, atCutoff]), [[], ['47.00'], ['-40.00 for cycle 2']]],
    ['CARRY_FORWARD, canceled on 1 May: as ADJUST', worldOf('CARRY_FORWARD', april, withFacts(['CANCELED', '2024-05-01', '2024-04-20'])), [['103.00'], ['47.00 for cycle 1'], []]],
    ['CARRY_FORWARD, all of May paused: as ADJUST', worldOf('CARRY_FORWARD', april, withFacts(['PAUSED', '2024-05-01', '2024-04-20'], ['RESUMED', '2024-06-01', '2024-04-20'])), [['103.00'], ['47.00 for cycle 1'], []]],
    ['CARRY_FORWARD, May paused from the 2nd on: one day of service takes them', worldOf('CARRY_FORWARD', april, withFacts(['PAUSED', '2024-05-02', '2024-04-20'], ['RESUMED', '2024-06-01', '2024-04-20'])), [['103.00'], ['47.00'], []]],
    ['CARRY_FORWARD, in June it turns out that the service had ended with April: June takes 47 off May and bills them for April', worldOf('CARRY_FORWARD', april, withFacts(['CANCELED', '2024-05-01', '2024-06-20'])), [['103.00'], ['47.00'], ['47.00 for cycle 1', '-47.00 for cycle 2']]],
    ['CARRY_FORWARD of a MAX: as ADJUST', worldOf('CARRY_FORWARD', [late], { meters: { calls: 'MAX' } }), [[], ['40.00 for cycle 1'], []]],
    ['CARRY_FORWARD of a COUNT: May bills 2', worldOf('CARRY_FORWARD', april, { meters: { calls: 'COUNT' } }), [['2.00'], ['2.00'], []]],
  ])('%s', (_, world, expected) => {
    expect(chain(world, 3).map((run) => amounts(run).map((text) => text.replace('calls-item ', '')))).toEqual(expected);
  });

  test('carried usage is rated by the version of the first part that rates usage, once', () => {
    const prices = [priceWith('calls', { meter: 'calls', versionResolution: 'SPLIT' },
      version(1, '2000-01-01', perUnit('1'), { to: '2024-05-01' }), version(2, '2024-05-01', flat('5'), { to: '2024-05-11' }),
      version(3, '2024-05-11', perUnit('2'), { to: '2024-05-21' }), version(4, '2024-05-21', perUnit('3')))];
    const [, may] = chain(worldOf('CARRY_FORWARD', [late], { prices }), 2);
    // 5 × 10 of 31 days, and 40 × 2.
    expect(may?.lines.map(({ trace }) => trace.amount)).toEqual(['81.61']);
  });

  test('the policy of a cycle is the one known at its cutoff, and usage is carried only where both cycles say so', () => {
    const from = (policy: LatenessPolicy, recorded: string) => ({ ...SETTINGS, latenessPolicy: policy, keepZeroLines: false, recordedTime: parseInstant(recorded) });
    const changed = (...settings: readonly (readonly [LatenessPolicy, string])[]) =>
      chain(worldOf('ADJUST', april, { settings: settings.map(([policy, recorded]) => from(policy, recorded)) }), 2).map((run) => amounts(run).join().replaceAll('calls-item ', ''));
    expect(changed(['ADJUST', '2000-01-01T00:00:00Z'], ['CARRY_FORWARD', '2024-05-01T01:00:00Z'])).toEqual(['103.00', '47.00 for cycle 1']);
    expect(changed(['ADJUST', '2000-01-01T00:00:00Z'], ['CARRY_FORWARD', '2024-05-01T00:59:59.999999Z'])).toEqual(['103.00', '47.00']);
    expect(changed(['CARRY_FORWARD', '2000-01-01T00:00:00Z'], ['HOLD', '2024-05-20T00:00:00Z'])).toEqual(['103.00', '47.00 for cycle 1']);
    expect(changed(['HOLD', '2000-01-01T00:00:00Z'], ['ADJUST', '2024-05-01T01:00:00Z'])).toEqual(['103.00', '']);
  });
});

const RUNS = 4;
const START = parseInstant('2024-04-01T00:00:00Z');
const moment = fc.bigInt(START, START + 130n * DAY).map(instant);
const POLICIES: readonly LatenessPolicy[] = ['ADJUST', 'HOLD', 'CARRY_FORWARD', 'CARRY_FORWARD'];

const drawnEvent = fc.record({ eventTime: moment, lag: fc.bigInt(0n, 90n * DAY), value: fc.integer({ min: 1, max: 99 }), voidLag: fc.option(fc.bigInt(0n, 60n * DAY)), releaseLag: fc.option(fc.bigInt(0n, 60n * DAY)) });
const drawnChange = fc.record({ kind: fc.constantFrom('PAUSED' as const, 'RESUMED' as const, 'CANCELED' as const, 'CANCEL_UNDONE' as const), effectiveTime: moment, recordedTime: moment });
const drawnPolicy = fc.record({ policy: fc.constantFrom(...POLICIES), recordedTime: moment });

function recordedEvents(drawn: readonly (typeof drawnEvent extends fc.Arbitrary<infer One> ? One : never)[]): readonly RecordedEvent[] {
  return drawn.map(({ eventTime, lag, value, voidLag, releaseLag }, position) => {
    const recordedTime = instant(eventTime + lag);
    return {
      ...event(`e${position}`, 'calls', '2024-04-01T00:00:00Z', String(value)), eventTime, recordedTime,
      ...(voidLag === null ? {} : { voidedTime: instant(recordedTime + voidLag) }), ...(releaseLag === null ? {} : { releasedTime: instant(recordedTime + releaseLag) }),
    };
  });
}

/** In which cycle an event counts by what is known before an instant; `null` for none. */
function placeOf(world: World & { readonly facts: readonly SubscriptionFact[] }, { event: one, cycles, known }: { event: RecordedEvent; cycles: readonly CycleFact[]; known: bigint }): number | null {
  const { recordedTime, eventTime, voidedTime, releasedTime } = one;
  const before = (time: bigint | undefined) => time !== undefined && time < known;
  const policyOf = ({ cutoff }: CycleFact) => settingsKnownBefore(world.settings ?? [], cutoff).latenessPolicy;
  const serviceOf = ({ start, end }: CycleFact) => serviceStretches(world.facts, { start, end }, instant(known));
  const own = cycles.find(({ start, end }) => start <= eventTime && eventTime < end);
  if (own === undefined || !before(recordedTime) || before(voidedTime)) return null;
  if (!serviceOf(own).some(({ interval: { start, end } }) => start <= eventTime && eventTime < end)) return null;
  if (recordedTime < own.cutoff || policyOf(own) === 'ADJUST') return own.index;
  if (policyOf(own) === 'HOLD') return before(releasedTime) ? own.index : null;
  const taker = cycles.find(({ previousCutoff, cutoff }) => previousCutoff <= recordedTime && recordedTime < cutoff);
  return taker !== undefined && policyOf(taker) === 'CARRY_FORWARD' && serviceOf(taker).length > 0 ? taker.index : own.index;
}

const drawnSettings = (policies: readonly { readonly policy: LatenessPolicy; readonly recordedTime: ReturnType<typeof instant> }[], first: LatenessPolicy) =>
  [{ policy: first, recordedTime: LONG_AGO }, ...policies.toSorted((one, other) => (one.recordedTime < other.recordedTime ? -1 : 1))]
    .map(({ policy, recordedTime }) => ({ ...SETTINGS, recordedTime, latenessPolicy: policy, keepZeroLines: false }));

/** What the runs come to for each cycle. */
function billedByCycle(world: World): readonly bigint[] {
  const billed = Array.from({ length: RUNS }, () => 0n);
  for (const { cycleIndex, amountMinorUnits } of chain(world, RUNS).flatMap(({ lines }) => lines)) billed[cycleIndex - 1] = (billed[cycleIndex - 1] ?? 0n) + amountMinorUnits;
  return billed;
}

test('over any life, any change of policy, any lateness, void and release, every cycle comes to exactly the events that have their place in it', () => {
  fc.assert(fc.property(fc.array(drawnEvent, { maxLength: 14 }), fc.array(drawnChange, { maxLength: 4 }), fc.array(drawnPolicy, { maxLength: 3 }), (events, changes, policies) => {
    const inOrder = changes.toSorted((one, other) => (one.recordedTime < other.recordedTime ? -1 : 1));
    const items = [{ item: 'calls-item', priceCode: 'calls', quantity: decimal('1') }];
    const facts: SubscriptionFact[] = [
      { kind: 'STARTED', sequence: 0, effectiveTime: START, recordedTime: START, items }, ...inOrder.map((one, position) => ({ ...one, sequence: position + 1 })),
    ];
    const world = { ...worldOf('ADJUST', recordedEvents(events)), settings: drawnSettings(policies, 'CARRY_FORWARD'), facts };
    const { cycles } = cyclesOf(world, RUNS);
    const known = cycles.at(-1)?.cutoff ?? START;
    const expected = Array.from({ length: RUNS }, () => 0n);
    for (const one of world.events ?? []) {
      const place = placeOf(world, { event: one, cycles, known });
      if (place !== null) expected[place - 1] = (expected[place - 1] ?? 0n) + BigInt(one.value ?? '0') * 100n;
    }
    expect(billedByCycle(world)).toEqual(expected);
  }), rounds(300));
});

test('over any change of policy, a level comes to what it would if only the events that are not held had been recorded, each when it happened', () => {
  const early = fc.record({ eventTime: fc.bigInt(START - 30n * DAY, START).map(instant), lag: fc.bigInt(0n, 120n * DAY), value: fc.integer({ min: 1, max: 99 }), voidLag: fc.constant(null), releaseLag: fc.constant(null) });
  fc.assert(fc.property(fc.array(fc.oneof(drawnEvent, drawnEvent, early), { maxLength: 10 }), fc.array(drawnPolicy, { maxLength: 3 }), (events, policies) => {
    const world = { ...worldOf('HOLD', recordedEvents(events)), settings: drawnSettings(policies, 'HOLD'), meters: { calls: 'WEIGHTED_SUM' as const } };
    const { cycles } = cyclesOf(world, RUNS);
    const known = cycles.at(-1)?.cutoff ?? START;
    const isCounted = ({ eventTime, recordedTime, voidedTime, releasedTime }: RecordedEvent): boolean => {
      const own = cycles.find(({ start, end }) => start <= eventTime && eventTime < end);
      const isHeld = own !== undefined && recordedTime >= own.cutoff && settingsKnownBefore(world.settings, own.cutoff).latenessPolicy === 'HOLD' && !(releasedTime !== undefined && releasedTime < known);
      return recordedTime < known && !(voidedTime !== undefined && voidedTime < known) && !isHeld;
    };
    const inTime = (world.events ?? []).filter(isCounted).map(({ voidedTime: _void, releasedTime: _release, ...one }) => ({ ...one, recordedTime: one.eventTime }));
    expect(billedByCycle(world)).toEqual(billedByCycle({ ...worldOf('ADJUST', inTime), meters: world.meters }));
  }), rounds(200));
});
