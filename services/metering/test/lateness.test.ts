// The policies for late usage, by one event: it happens within a cycle of an hour, has 5 units, and comes at the cutoff or a microsecond before it.
import type { CallContext } from '@valora/chassis';
import type { Lateness } from '@valora/contracts/valora/metering/v1/lateness';
import type { UsageQuery } from '@valora/contracts/valora/metering/v1/usage';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aggregateUsage } from '../src/aggregate-usage.ts';
import { releaseUsage, voidUsage } from '../src/correct-usage.ts';
import { HOUR, newOrganization, NOON, outcomes, period, setClock, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';

let metering: Metering;
beforeAll(async () => { metering = await startMetering(); });
afterAll(() => metering.stop());

/** Two cycles, before noon and after it, without grace. */
const CUTOFF = NOON;
const NEXT_CUTOFF = NOON + HOUR;
const before = period(NOON - HOUR, NOON);
const after = period(NOON, NOON + HOUR);

const hold = (cutoff: bigint): Lateness => ({ policy: { $case: 'hold', value: { cutoffTime: timestamp(cutoff), earlier: [] } } });
/** The second cycle takes what was recorded in its window. */
const forward = (cutoff: bigint): Lateness => ({
  policy: { $case: 'carryForward', value: { cutoffTime: timestamp(cutoff), carried: cutoff === CUTOFF ? [] : [{ eventPeriod: before, recordedPeriod: period(CUTOFF, cutoff) }] } },
});

/** When it is recorded, and what is done to it at which time. The sandbox's clock starts at noon. */
interface Story {
  readonly time?: bigint;
  readonly recorded: bigint;
  readonly released?: bigint;
  readonly voided?: bigint;
}

async function tell(context: CallContext, { time: happened = NOON - 1n, recorded, released, voided }: Story): Promise<void> {
  await metering.createMeters(context);
  await setClock(metering.dependencies, context, recorded);
  await outcomes(metering.dependencies, context, [usageEvent('e', { time: happened, value: '5' })]);
  for (const [kind, time] of [['release', released], ['void', voided]] as const) {
    if (time === undefined) continue;
    await setClock(metering.dependencies, context, time);
    const request = { requestId: kind, idempotencyKeys: ['e'], reason: 'because' };
    await (kind === 'void' ? voidUsage(metering.dependencies, context, request) : releaseUsage(metering.dependencies, context, request));
  }
}

const LATE = CUTOFF;

test.each<[string, Story, { known: bigint; policy?: (cutoff: bigint) => Lateness; cutoff?: bigint }, string]>([
  ['ADJUST: counts in its own cycle once it is known', { recorded: LATE }, { known: LATE + 1n }, 'before 5, after 0'],
  ['ADJUST: not before', { recorded: LATE }, { known: LATE }, 'before 0, after 0'],
  ['ADJUST: a void takes it out of later knowledge', { recorded: LATE, voided: LATE + 9n }, { known: LATE + 10n }, 'before 0, after 0'],
  ['ADJUST: and not of earlier', { recorded: LATE, voided: LATE + 9n }, { known: LATE + 9n }, 'before 5, after 0'],
  ['HOLD: what was recorded at the cutoff is held', { recorded: LATE }, { known: LATE + 99n, policy: hold }, 'before 0, after 0'],
  ['HOLD: what was recorded a microsecond before a cutoff is not', { recorded: LATE }, { known: LATE + 99n, policy: () => hold(LATE + 1n) }, 'before 5, after 0'],
  ['HOLD: released, it counts in its own cycle for later knowledge', { recorded: LATE, released: LATE + 9n }, { known: LATE + 10n, policy: hold }, 'before 5, after 0'],
  ['HOLD: and not for earlier', { recorded: LATE, released: LATE + 9n }, { known: LATE + 9n, policy: hold }, 'before 0, after 0'],
  ['HOLD: a void wins over the release', { recorded: LATE, released: LATE + 5n, voided: LATE + 9n }, { known: LATE + 10n, policy: hold }, 'before 0, after 0'],
  ['HOLD: the release stands until the void', { recorded: LATE, released: LATE + 5n, voided: LATE + 9n }, { known: LATE + 9n, policy: hold }, 'before 5, after 0'],
  ['CARRY_FORWARD: what was recorded at the cutoff counts in the next cycle', { recorded: LATE }, { known: NEXT_CUTOFF, policy: forward }, 'before 0, after 5'],
  ['CARRY_FORWARD: as soon as it is known', { recorded: LATE + 9n }, { known: LATE + 9n, policy: forward }, 'before 0, after 0'],
  ['CARRY_FORWARD: what was recorded at the end of the window counts in neither', { recorded: NEXT_CUTOFF }, { known: NEXT_CUTOFF + 1n, policy: forward }, 'before 0, after 0'],
  ['CARRY_FORWARD: more than an hour after it happened, found by when it was recorded', { recorded: NOON + HOUR - 1n }, { known: NEXT_CUTOFF, policy: forward }, 'before 0, after 5'],
  ['CARRY_FORWARD: exactly an hour after it happened, at the first instant of the window', { time: NOON - HOUR, recorded: LATE }, { known: NEXT_CUTOFF, policy: forward }, 'before 0, after 5'],
  ['CARRY_FORWARD: a void takes it out there too', { recorded: LATE, voided: LATE + 9n }, { known: NEXT_CUTOFF, policy: forward }, 'before 0, after 0'],
])('%s', async (_, story, { known, policy }, expected) => {
  const context = newOrganization();
  await tell(context, story);
  const query = (part: typeof before, cutoff: bigint): UsageQuery => ({
    queryKey: String(cutoff), meter: 'tokens', customer: 'acme', subscription: '', period: part, fullPeriod: undefined, knownBeforeTime: timestamp(known), groupBy: [], needsEventValues: false, lateness: policy?.(cutoff),
  });
  const { usages } = await aggregateUsage(metering.dependencies, context, { useStoredLevels: true, queries: [query(before, CUTOFF), query(after, NEXT_CUTOFF)] });
  expect(`before ${usages[0]?.quantity}, after ${usages[1]?.quantity}`).toBe(expected);
});
