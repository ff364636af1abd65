/** Random usage: meters of every kind, events with awkward properties and values, recorded, voided and released over some hours; and random queries about it. */
import type { CallContext } from '@valora/chassis';
import type { HeldCycle, Lateness } from '@valora/contracts/valora/metering/v1/lateness';
import { Aggregation } from '@valora/contracts/valora/metering/v1/meter';
import type { UsageQuery } from '@valora/contracts/valora/metering/v1/usage';
import type { PropertyFilter } from '@valora/rating';
import { releaseUsage, voidUsage } from '../src/correct-usage.ts';
import { createMeter } from '../src/create-meter.ts';
import { dice, HOUR, newOrganization, NOON, outcomes, period, setClock, timestamp, usageEvent, type Metering } from './metering.ts';
import { digested, type Facts, type OracleMeter } from './usage-oracle.ts';

const REGION: readonly PropertyFilter[] = [{ property: 'region', values: ['eu', 'eu-west', 'null'] }];

export const METERS: Readonly<Record<string, OracleMeter>> = {
  'count': { kind: 'COUNT', filters: [] }, 'sum': { kind: 'SUM', filters: [] }, 'max': { kind: 'MAX', filters: [] }, 'min': { kind: 'MIN', filters: REGION },
  'average': { kind: 'AVERAGE', filters: [] }, 'latest': { kind: 'LATEST', filters: [] }, 'unique': { kind: 'UNIQUE_COUNT', filters: [], uniqueProperty: 'constructor' },
  'level': { kind: 'WEIGHTED_SUM', filters: [] }, 'eu-sum': { kind: 'SUM', filters: [...REGION, { property: 'constructor', values: ['', 'A'] }] },
  'eu-level': { kind: 'WEIGHTED_SUM', filters: REGION }, 'eu-unique': { kind: 'UNIQUE_COUNT', filters: REGION, uniqueProperty: '\u{1f600}' },
};
const CODES = Object.keys(METERS);

const STEP = HOUR / 4n;
const STEPS = 12;
/** Names and values on which orders and comparisons may differ: by UTF-16 and by code point, by case, with a missing one beside its text. */
const NAMES = ['region', 'constructor', '1', '!', '\uff5e', '\u{1f600}'];
const VALUES = ['eu', 'eu-west', 'EU', 'null', '', 'A', 'a', 'e\u0301', '\u00e9', '\uff5e', '\u{1f600}', '"\\'];

export type Roll = (below: number) => number;

export interface World {
  readonly context: CallContext;
  readonly facts: Facts;
}

function picker(roll: Roll): <T>(values: readonly T[]) => T {
  return (values) => {
    const value = values[roll(values.length)];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  };
}

export async function createWorldMeters({ dependencies }: Metering, context: CallContext): Promise<void> {
  for (const [code, { kind, filters, uniqueProperty = '' }] of Object.entries(METERS)) {
    const meter = { code, displayName: '', aggregation: Aggregation[kind], filters, uniqueProperty, takesNegativeValues: true, recordedTime: undefined };
    await createMeter(dependencies, context, { requestId: code, meter });
  }
}

/** Twelve times a quarter of an hour, at each of which some events come, and some that came are voided or released. */
export async function randomWorld(metering: Metering, seed: number, eventsPerStep = 200): Promise<World> {
  const roll = dice(seed);
  const pick = picker(roll);
  const context = newOrganization();
  await createWorldMeters(metering, context);
  const facts = { events: [] as Facts['events'][number][], voids: new Map<string, bigint>(), releases: new Map<string, bigint>() };
  for (let step = 0; step < STEPS; step += 1) {
    const recorded = NOON + BigInt(step) * STEP;
    await setClock(metering.dependencies, context, recorded);
    const events = Array.from({ length: eventsPerStep }, (_, index) => usageEvent(`${pick(['a', 'B', '~', '!'])}${roll(1_000_000)}-${step}-${index}`, {
      meter: pick(CODES), customer: pick(['acme', 'acme', 'globex']), subscription: pick(['', '', 's1', 's2']), time: recorded + STEP - BigInt(roll(20)) * STEP - BigInt(roll(3) - 1),
      value: pick(['0', '1', '-1', '7', '-7', '0.000000000000000001', '99999999999999999999999999999999999999', `${roll(1000)}.${roll(1000)}`, `-${roll(1_000_000)}.5`]),
      properties: new Map(NAMES.filter(() => roll(2) === 0).map((name) => [name, pick(VALUES)])),
    }));
    const answered = await outcomes(metering.dependencies, context, events);
    if (answered.some((outcome) => outcome !== 'RECORDED')) throw new Error(answered.join(' '));
    facts.events.push(...events.map((message) => ({ event: digested(message), recorded })));
    const keys = (share: number): string[] => facts.events.map(({ event }) => event.idempotencyKey).filter((key) => roll(share) === 0 && !facts.voids.has(key));
    const released = [...new Set(keys(20))];
    if (released.length > 0) await releaseUsage(metering.dependencies, context, { requestId: `r${step}`, idempotencyKeys: released, reason: 'all right' });
    for (const key of released) facts.releases.set(key, facts.releases.get(key) ?? recorded);
    const voided = keys(40);
    if (voided.length > 0) await voidUsage(metering.dependencies, context, { requestId: `v${step}`, idempotencyKeys: voided, reason: 'wrong' });
    for (const key of voided) facts.voids.set(key, recorded);
  }
  return { context, facts };
}

export function randomQueries(seed: number, count: number): UsageQuery[] {
  const roll = dice(seed);
  const pick = picker(roll);
  const time = (): bigint => NOON - 5n * HOUR + BigInt(roll(36)) * STEP + BigInt(roll(3) - 1);
  const stretch = (from = time(), steps = 24): ReturnType<typeof period> => period(from, from + BigInt(roll(steps)) * STEP);
  const recordedTime = (): bigint => NOON + BigInt(roll(STEPS + 2)) * STEP + BigInt(roll(3) - 1);
  const lateness = (): Lateness | undefined => {
    const cutoffTime = timestamp(recordedTime());
    const carried = Array.from({ length: roll(4) }, () => ({ eventPeriod: stretch(), recordedPeriod: stretch(recordedTime(), 10) }));
    const earlier = (): HeldCycle[] => Array.from({ length: roll(4) }, time).toSorted((one, other) => (one < other ? -1 : 1))
      .map((end) => ({ endTime: timestamp(end), cutoffTime: roll(3) === 0 ? undefined : timestamp(recordedTime()) }));
    const policies: Lateness[] = [{ policy: { $case: 'adjust', value: {} } }, { policy: { $case: 'hold', value: { cutoffTime: roll(4) === 0 ? undefined : cutoffTime, earlier: earlier() } } }, { policy: { $case: 'carryForward', value: { cutoffTime, carried } } }];
    return pick([null, ...policies]) ?? undefined;
  };
  return Array.from({ length: count }, (_, index) => {
    const meter = pick(CODES);
    const additive = ['COUNT', 'SUM'].includes(METERS[meter]?.kind ?? '');
    return {
      queryKey: `q${index}`, meter, customer: pick(['acme', 'acme', 'globex', 'nobody']), subscription: pick(['', 's1', 's2', 's3']), period: stretch(),
      fullPeriod: roll(2) === 0 ? undefined : stretch(), knownBeforeTime: timestamp(recordedTime()), groupBy: roll(2) === 0 ? [] : NAMES.filter(() => roll(3) === 0).toReversed(),
      needsEventValues: additive && roll(2) === 0, lateness: lateness(),
    };
  });
}
