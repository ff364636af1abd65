/**
 * A small billing world for tests: short words for facts, and a meter in memory.
 *
 * The meter answers a run's questions by folding the events it holds with `aggregateUsage`, as the definition of usage asks; it is the reference for the real one.
 */
import {
  ENGINE_VERSION,
  type AggregatedUsage,
  type AggregationKind,
  aggregateUsage,
  calendarAnchor,
  type CarriedCredit,
  type ChargingTerms,
  composeRun,
  type ComposedRun,
  type CycleFact,
  cycleBounds,
  cycleCutoff,
  type Decimal,
  type DigestedUsageEvent,
  firstCutoff,
  type Instant,
  type Interval,
  levelsAfter,
  parseDecimal,
  parseInstant,
  type Price,
  type PriceModel,
  type PriceModifiers,
  type PriceVersion,
  type RunFacts,
  type RunLine,
  type SettingsVersion,
  type Tier,
  type UsageEvent,
  usageEventContent,
  type UsageQuery,
  usageQueriesOfRun,
  USUAL_TERMS,
  type VersionedPrice,
} from '../src/index.ts';
import type { CreditOutcome } from '../src/run/credit.ts';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

export const LONG_AGO = parseInstant('2000-01-01T00:00:00Z');

export function decimal(text: string): Decimal {
  return parseDecimal(text);
}

/** `tiers('100 0.10', 'rest 0.05 +5')`: up to 100 at 0.10, the rest at 0.05 with a flat amount of 5. */
export function tiers(...rows: readonly string[]): readonly Tier[] {
  return rows.map((row) => {
    const [upTo = '', unitAmount = '', flatAmount] = row.split(' ');
    return {
      upTo: upTo === 'rest' ? null : decimal(upTo),
      unitAmount: decimal(unitAmount),
      flatAmount: flatAmount === undefined ? null : decimal(flatAmount.replace('+', '')),
    };
  });
}

export function graduated(...rows: readonly string[]): PriceModel {
  return { kind: 'GRADUATED', tiers: tiers(...rows) };
}

export function volume(...rows: readonly string[]): PriceModel {
  return { kind: 'VOLUME', tiers: tiers(...rows) };
}

export function perUnit(unitAmount: string): PriceModel {
  return { kind: 'PER_UNIT', unitAmount: decimal(unitAmount) };
}

export function flat(amount: string): PriceModel {
  return { kind: 'FLAT', amount: decimal(amount) };
}

/** A price with one version, in force and known since long ago. */
export function price(code: string, meterCode: string | null, model: PriceModel, currencyCode = 'USD'): Price {
  const version = { version: 1, effectiveFrom: LONG_AGO, effectiveTo: null, recordedTime: LONG_AGO, model };
  return { code, displayName: code, meterCode, currencyCode, versions: [version], bounds: [], ...USUAL_TERMS };
}

/** `priceWith('seats', { billingTiming: 'IN_ADVANCE' }, perUnit('10'))`: a fee with other terms than usual; `meter` makes it metered. */
export function priceWith(code: string, { meter, ...terms }: Partial<ChargingTerms> & { readonly meter?: string }, ...rules: readonly (PriceModel | PriceVersion)[]): Price {
  const [first] = rules;
  if (first === undefined) throw new Error('a price needs a model or versions');
  const usual = price(code, meter ?? null, 'kind' in first ? first : first.model);
  return { ...usual, ...terms, ...('kind' in first ? {} : { versions: rules.flatMap((rule) => ('kind' in rule ? [] : [rule])) }) };
}

/** `version(2, '2024-03-11', perUnit('0.20'))`: in force from then on, known since long ago; bounded by the one after it. */
export function version(number: number, from: string, model: PriceModel, { to = null, recorded = '2000-01-01', modifiers }: { to?: string | null; recorded?: string; modifiers?: PriceModifiers } = {}): PriceVersion {
  const at = (date: string) => parseInstant(date.includes('T') ? date : `${date}T00:00:00Z`);
  return { version: number, effectiveFrom: at(from), effectiveTo: to === null ? null : at(to), recordedTime: at(recorded), model, ...(modifiers === undefined ? {} : { modifiers }) };
}

export const SETTINGS: SettingsVersion = {
  recordedTime: LONG_AGO,
  roundingMode: 'HALF_UP',
  graceMicros: 3_600_000_000n,
  latenessPolicy: 'ADJUST',
  keepZeroLines: true,
  timeZone: 'UTC',
};

export interface RecordedEvent extends UsageEvent {
  readonly recordedTime: Instant;
  readonly voidedTime?: Instant;
  readonly releasedTime?: Instant;
}

export interface WorldMeter {
  readonly kind: AggregationKind;
  readonly uniqueProperty?: string;
}

export interface World {
  readonly engineVersion?: number;
  readonly start: string;
  readonly zone?: string;
  readonly currencyCode?: string;
  readonly settings?: readonly SettingsVersion[];
  readonly prices: readonly Price[];
  /** SUM unless said otherwise. */
  readonly meters?: Readonly<Record<string, AggregationKind | WorldMeter>>;
  readonly events?: readonly RecordedEvent[];
  readonly facts?: RunFacts['subscription']['facts'];
  readonly overrides?: readonly VersionedPrice[];
  /** By anniversary unless said otherwise. */
  readonly alignment?: 'CALENDAR';
  /** Cancels beside the start. */
  readonly canceled?: readonly (readonly [effective: string, recorded: string])[];
  /** When the subscription was recorded; at its start unless said otherwise. */
  readonly recorded?: string;
}

/** One item per price, in the order of the prices. */
export function itemsOf(prices: readonly Price[]): { item: string; priceCode: string; quantity: Decimal }[] {
  return prices.map(({ code }) => ({ item: `${code}-item`, priceCode: code, quantity: decimal('1') }));
}

/** Cycles 1 to `count` of a monthly subscription, with the cutoff before the first. */
export function cyclesOf(world: World, count: number): { readonly firstCutoff: Instant; readonly cycles: readonly CycleFact[] } {
  const { startTime, recordedTime, cadence } = startOf(world);
  const graceMicros = world.settings?.[0]?.graceMicros ?? SETTINGS.graceMicros;
  const first = firstCutoff({ start: startTime, subscriptionRecordedTime: recordedTime });
  const cycles: CycleFact[] = [];
  for (let index = 1; index <= count; index += 1) {
    const { start, end } = cycleBounds(cadence, index, startTime);
    const previousCutoff = cycles.at(-1)?.cutoff ?? first;
    const cutoff = cycleCutoff({ previousCutoff, end, subscriptionRecordedTime: recordedTime, graceMicros });
    cycles.push({ index, start, end, cutoff, previousCutoff, tzdataVersion: '2025b' });
  }
  return { firstCutoff: first, cycles };
}

function startOf({ start, recorded, alignment, zone = 'UTC' }: World) {
  const startTime = parseInstant(start);
  const cadence = { anchor: alignment === undefined ? startTime : calendarAnchor(zone), interval: 'MONTH', count: 1, zone } as const;
  return { startTime, recordedTime: parseInstant(recorded ?? start), cadence };
}

/** The facts of run k, from 0, with every earlier cycle, the next if anything is charged in advance, and the credits that the runs before it left. */
export function runFacts(world: World, runIndex: number): RunFacts {
  return factsWithCredits(world, runIndex, creditsAfter(chain(world, runIndex - 1)));
}

function factsWithCredits(world: World, runIndex: number, credits: readonly CarriedCredit[]): RunFacts {
  const { startTime, recordedTime, cadence } = startOf(world);
  const { firstCutoff: first, cycles } = cyclesOf(world, runIndex + (world.prices.some(({ billingTiming }) => billingTiming === 'IN_ADVANCE') ? 1 : 0));
  const current = cycles[runIndex - 1];
  const started = { kind: 'STARTED', sequence: 1, effectiveTime: startTime, recordedTime, items: itemsOf(world.prices) } as const;
  const canceled = (world.canceled ?? []).map(
    ([effective, known], position) => ({ kind: 'CANCELED', sequence: position + 2, effectiveTime: parseInstant(effective), recordedTime: parseInstant(known) }) as const,
  );
  return {
    engineVersion: world.engineVersion ?? ENGINE_VERSION,
    currencyCode: world.currencyCode ?? 'USD',
    subscription: {
      reference: 'subscription-1',
      customerReference: 'customer-1',
      cadence,
      startTime,
      facts: world.facts ?? [started, ...canceled],
      ...(world.overrides === undefined ? {} : { overrides: world.overrides }),
    },
    settings: world.settings ?? [SETTINGS],
    prices: world.prices,
    runIndex,
    cutoff: current?.cutoff ?? first,
    previousCutoff: current?.previousCutoff ?? null,
    cycles,
    history: cycles,
    levelMeters: Object.keys(world.meters ?? {}).filter((code) => meterOf(world, code).kind === 'WEIGHTED_SUM'),
    credits,
  };
}

/** Runs 1 to `count`, in order, each with the credits that the runs before it left. */
export function chain(world: World, count: number): readonly ComposedRun[] {
  const runs: ComposedRun[] = [];
  while (runs.length < count) {
    const facts = factsWithCredits(world, runs.length + 1, creditsAfter(runs));
    runs.push(composeRun(facts, answers(world, usageQueriesOfRun(facts))));
  }
  return runs;
}

/** What is left of the credit notes of runs 1, 2, … after the last of them. */
export function creditsAfter(runs: readonly CreditOutcome[]): readonly CarriedCredit[] {
  const applied = runs.flatMap(({ appliedCredits }) => appliedCredits);
  return runs
    .map(({ creditMinorUnits }, position) => {
      const used = applied.filter(({ runIndex }) => runIndex === position + 1);
      return {
        runIndex: position + 1,
        remainingMinorUnits: used.reduce((left, { amountMinorUnits }) => left - amountMinorUnits, creditMinorUnits),
      };
    })
    .filter(({ remainingMinorUnits }) => remainingMinorUnits !== 0n);
}

/**
 * What a WEIGHTED_SUM carries in is the sum of all matching events before the interval, from the first one ever on: the
 * level lasts over cycles, parts and pauses, whether or not anything was in service when the events happened.
 */
export function answers(world: World, queries: readonly UsageQuery[]): Map<string, AggregatedUsage> {
  return new Map(
    queries.map((query) => {
      const { interval, period, groupBy, needsEventValues } = query;
      const { kind, ...ofMeter } = meterOf(world, query.meterCode);
      const known = (world.events ?? []).filter((event) => matches(event, query));
      const within = known.filter(countsIn(query, kind));
      const before = known.filter((event) => kind === 'WEIGHTED_SUM' && countsBefore(query)(event));
      const terms = { ...ofMeter, interval, period, groupBy, needsEventValues, levels: levelsAfter(before, { groupBy }) };
      return [query.queryKey, aggregateUsage(kind, within.map(digested), terms)];
    }),
  );
}

function meterOf({ meters = {} }: World, code: string): WorldMeter {
  const meter = meters[code] ?? 'SUM';
  return typeof meter === 'string' ? { kind: meter } : meter;
}

/** Whether the event is one that the query asks for, whenever it happened. */
function matches(event: RecordedEvent, query: UsageQuery): boolean {
  return event.meterCode === query.meterCode &&
    event.customerReference === query.customerReference &&
    (event.subscriptionReference === null || event.subscriptionReference === query.subscriptionReference) &&
    isKnown(event, query);
}

function isKnown({ recordedTime, voidedTime }: RecordedEvent, { knownBefore }: UsageQuery): boolean {
  return recordedTime < knownBefore && (voidedTime === undefined || voidedTime >= knownBefore);
}

function isHeld(cutoff: Instant | null, { recordedTime, releasedTime }: Pick<RecordedEvent, 'recordedTime'> & { readonly releasedTime: Instant | undefined }, knownBefore: Instant): boolean {
  return cutoff !== null && recordedTime >= cutoff && !(releasedTime !== undefined && releasedTime < knownBefore);
}

/** Whether it counts in the level before the interval. */
function countsBefore({ interval, lateness, knownBefore }: UsageQuery): (event: RecordedEvent) => boolean {
  return ({ eventTime, recordedTime, releasedTime }) => {
    if (eventTime >= interval.start) return false;
    if (lateness?.policy !== 'HOLD') return true;
    const cutoff = (lateness.earlier ?? []).find(({ end }) => eventTime < end) ?? lateness;
    return !isHeld(cutoff.cutoff, { recordedTime, releasedTime }, knownBefore);
  };
}

/** Whether it counts in the interval, late or not; usage is carried forward for COUNT and SUM alone. */
function countsIn({ interval, lateness, knownBefore }: UsageQuery, kind: AggregationKind): (event: RecordedEvent) => boolean {
  const lies = ({ start, end }: Interval, time: Instant) => time >= start && time < end;
  return ({ eventTime, recordedTime, releasedTime }) => {
    const isOwn = lies(interval, eventTime);
    if (lateness === undefined) return isOwn;
    if (lateness.policy === 'HOLD') return isOwn && !isHeld(lateness.cutoff, { recordedTime, releasedTime }, knownBefore);
    if (kind !== 'COUNT' && kind !== 'SUM') return isOwn;
    return (isOwn && recordedTime < lateness.cutoff) || lateness.carried.some(({ events, recorded }) => lies(events, eventTime) && lies(recorded, recordedTime));
  };
}

export function bill(world: World, runIndex: number): ComposedRun {
  const facts = runFacts(world, runIndex);
  return composeRun(facts, answers(world, usageQueriesOfRun(facts)));
}

export function digested(event: UsageEvent): DigestedUsageEvent {
  return { ...event, contentDigest: sha256(utf8ToBytes(usageEventContent(event))) };
}

/** `event('k1', 'calls', '2024-01-05T00:00:00Z', '12')`, recorded when it happened unless said otherwise. */
export function event(
  ...[idempotencyKey, meterCode, eventTime, value, recordedTime]: [string, string, string, string | null, string?]
): RecordedEvent {
  return {
    idempotencyKey,
    meterCode,
    customerReference: 'customer-1',
    subscriptionReference: null,
    eventTime: parseInstant(eventTime),
    value: value === null ? null : decimal(value),
    properties: {},
    recordedTime: parseInstant(recordedTime ?? eventTime),
  };
}

/** `item amount` per line, for reading. */
export function amounts(run: ComposedRun): string[] {
  return run.lines.map((line: RunLine) => `${line.item} ${line.trace.amount}${line.isAdjustment ? ` for cycle ${line.cycleIndex}` : ''}`);
}
