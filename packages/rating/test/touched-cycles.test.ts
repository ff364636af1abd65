/**
 * Which earlier cycles a run has to look at: those from the earliest late fact on, and all of them where the service changed and usage may have been carried forward. Held
 * against the same run with every cycle, over random lives with back-dated starts, changes of items, pauses, cancels with a settlement, policies, voids and releases.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AggregationKind, composeRun, type CycleFact, cycleCutoff, ENGINE_VERSION, firstCutoff, type Instant, instant, type LatenessPolicy, parseInstant, type RunFacts, serviceChangedFrom, type SettingsVersion,
  type SubscriptionFact, usageQueriesOfRun,
} from '../src/index.ts';
import { rounds } from './rounds.ts';
import { answers, decimal, event, LONG_AGO, perUnit, priceWith, type RecordedEvent, SETTINGS } from './world.ts';

const DAY = 86_400_000_000n;
const HOUR = 3_600_000_000n;
const START = parseInstant('2024-04-01T00:00:00Z');
const CYCLE = 5n * DAY;
const CYCLES = 5;

/** On boundaries and next to them. */
const moment = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom(0n, 1n, -1n, HOUR)).map(([halfDays, offset]) => instant(START + (BigInt(halfDays) * DAY) / 2n + offset));
const lag = fc.oneof(fc.integer({ min: 0, max: 50 }).map((halfDays) => (BigInt(halfDays) * DAY) / 2n), fc.constantFrom(0n, 1n, HOUR));
const drawnEvent = fc.record({ eventTime: fc.oneof(moment, moment, fc.constant(instant(START - 10n * DAY))), lag, value: fc.integer({ min: 1, max: 99 }), voidLag: fc.option(lag), releaseLag: fc.option(lag) });
const drawnChange = fc.record({ kind: fc.constantFrom('PAUSED' as const, 'RESUMED' as const, 'CANCELED' as const, 'CANCEL_UNDONE' as const, 'ITEMS_CHANGED' as const), effectiveTime: moment, recordedTime: moment, priceCode: fc.constantFrom('one', 'two') });
const drawnPolicy = fc.record({ policy: fc.constantFrom<LatenessPolicy>('ADJUST', 'HOLD', 'CARRY_FORWARD'), recordedTime: moment });
const drawnLife = fc.record({
  events: fc.array(drawnEvent, { maxLength: 8 }), changes: fc.array(drawnChange, { maxLength: 4 }), policies: fc.array(drawnPolicy, { maxLength: 3 }),
  recordedTime: fc.integer({ min: 0, max: 15 }).map((days) => instant(START + BigInt(days) * DAY)), graceMicros: fc.constantFrom(0n, HOUR, 2n * DAY),
});
type Life = typeof drawnLife extends fc.Arbitrary<infer One> ? One : never;

const byRecordedTime = (one: { readonly recordedTime: Instant }, other: { readonly recordedTime: Instant }): number => (one.recordedTime < other.recordedTime ? -1 : 1);
const earliest = (...times: readonly (Instant | null)[]): Instant => times.flatMap((time) => time ?? []).reduce((one, other) => (other < one ? other : one));

function factsOf({ changes, recordedTime }: Life): SubscriptionFact[] {
  const items = (priceCode: string) => [{ item: 'item', priceCode, quantity: decimal('1') }];
  return [
    { kind: 'STARTED', sequence: 0, effectiveTime: START, recordedTime, items: items('one') },
    ...changes.map((change) => (change.recordedTime < recordedTime ? { ...change, recordedTime } : change)).toSorted(byRecordedTime).map(({ kind, priceCode, ...times }, position): SubscriptionFact => (
      kind === 'ITEMS_CHANGED' ? { kind, sequence: position + 1, ...times, items: items(priceCode) } : { kind, sequence: position + 1, ...times })),
  ];
}

/** And a settlement, of no length, long after. */
function cyclesOf({ recordedTime, graceMicros }: Life): CycleFact[] {
  const cycles: CycleFact[] = [];
  let previousCutoff = firstCutoff({ start: START, subscriptionRecordedTime: recordedTime });
  for (let index = 1; index <= CYCLES; index += 1) {
    const start = instant(START + BigInt(index - 1) * CYCLE);
    const end = instant(start + CYCLE);
    const cutoff = cycleCutoff({ previousCutoff, end, subscriptionRecordedTime: recordedTime, graceMicros });
    cycles.push({ index, start, end, cutoff, previousCutoff, tzdataVersion: '2025b' });
    previousCutoff = cutoff;
  }
  const settled = instant(START + BigInt(CYCLES - 1) * CYCLE);
  return [...cycles, { index: CYCLES + 1, start: settled, end: settled, cutoff: instant(previousCutoff + 20n * DAY), previousCutoff, tzdataVersion: '2025b' }];
}

function eventsOf({ events }: Life): RecordedEvent[] {
  return events.map(({ eventTime, lag: late, value, voidLag, releaseLag }, position) => {
    const recordedTime = instant(eventTime + late);
    return {
      ...event(`e${position}`, 'calls', '2024-04-01T00:00:00Z', String(value)), eventTime, recordedTime,
      ...(voidLag === null ? {} : { voidedTime: instant(recordedTime + voidLag) }), ...(releaseLag === null ? {} : { releasedTime: instant(recordedTime + releaseLag) }),
    };
  });
}

/** The earliest event that was recorded, voided or released in the window of the run and happened before its cycle; of a level also before the first. */
function earliestLate(events: readonly RecordedEvent[], { previousCutoff, cutoff, start }: CycleFact, lasts: boolean): Instant | null {
  const inWindow = (time: Instant | undefined): boolean => time !== undefined && time >= previousCutoff && time < cutoff;
  const late = events.filter(({ eventTime, recordedTime, voidedTime, releasedTime }) =>
    [recordedTime, voidedTime, releasedTime].some(inWindow) && eventTime < earliest(start, previousCutoff) && (lasts || eventTime >= START));
  return late.length === 0 ? null : earliest(...late.map(({ eventTime }) => eventTime));
}

test.each<AggregationKind>(['SUM', 'WEIGHTED_SUM', 'MAX'])('%s: a run comes to the same by the cycles that late facts touch as by all of them', (kind) => {
  fc.assert(fc.property(drawnLife, (life) => {
    const [facts, cycles, events] = [factsOf(life), cyclesOf(life), eventsOf(life)];
    const settings: readonly SettingsVersion[] = [{ policy: 'CARRY_FORWARD' as const, recordedTime: LONG_AGO }, ...life.policies.toSorted(byRecordedTime)]
      .map(({ policy, recordedTime }) => ({ ...SETTINGS, graceMicros: life.graceMicros, recordedTime, latenessPolicy: policy, keepZeroLines: false }));
    const prices = ['one', 'two'].map((code) => priceWith(code, { meter: 'calls' }, perUnit(code === 'one' ? '1' : '3')));
    for (const current of cycles) {
      const history = cycles.slice(0, current.index);
      const digest = (looked: readonly CycleFact[]): string => {
        const run: RunFacts = {
          engineVersion: ENGINE_VERSION, currencyCode: 'USD', settings, prices, runIndex: current.index, cutoff: current.cutoff, previousCutoff: current.previousCutoff, cycles: looked, history,
          subscription: { reference: 'subscription-1', customerReference: 'customer-1', cadence: { anchor: START, interval: 'DAY', count: 5, zone: 'UTC' }, startTime: START, facts },
          levelMeters: kind === 'WEIGHTED_SUM' ? ['calls'] : [], credits: [],
        };
        return composeRun(run, answers({ start: '2024-04-01T00:00:00Z', prices, events, meters: { calls: kind } }, usageQueriesOfRun(run))).canonicalInvoice;
      };
      const changedFrom = serviceChangedFrom(facts, { since: current.previousCutoff, before: current.cutoff });
      const touchedFrom = earliest(earliestLate(events, current, kind === 'WEIGHTED_SUM'), changedFrom === null ? null : START, current.start);
      expect(digest(history.filter((cycle) => cycle === current || cycle.end > touchedFrom))).toBe(digest(history));
    }
  }), rounds(100));
});
