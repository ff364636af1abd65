/**
 * Random traces: the lines of a run over a random price, charged in a random way, through a random month or two of a
 * subscription. Nothing is made up of a trace itself; each is what `composeRun` says of the facts.
 */
import fc from 'fast-check';
import {
  type AggregatedUsage,
  type ChargingTerms,
  composeRun,
  type ComposedRun,
  cycleBounds,
  type CycleFact,
  type Decimal,
  ENGINE_VERSION,
  exactToJson,
  type GroupUsage,
  instant,
  parseDecimal,
  parseInstant,
  type Price,
  type PriceRule,
  type PriceVersion,
  type RunFacts,
  type SubscriptionFact,
  type UsageQuery,
  usageQueriesOfRun,
} from '../src/index.ts';
import { eventLists, type RandomEvent, rules, usageOf } from './random-price.ts';
import { LONG_AGO, SETTINGS } from './world.ts';

const HOUR = 3_600_000_000n;
const START = parseInstant('2024-04-10T15:00:00Z');
const END = parseInstant('2024-07-10T15:00:00Z');
const DIGEST = 'a'.repeat(64);

const moments = fc.bigInt(START, END).map(instant);
const copies = fc.integer({ min: 0, max: 9 }).map((count): Decimal => parseDecimal(`${count}`));
const changes = fc.array(
  fc.record({ kind: fc.constantFrom('ITEMS_CHANGED', 'ITEMS_CHANGED', 'PAUSED', 'RESUMED', 'CANCELED'), effectiveTime: moments, recordedTime: moments, quantity: copies }),
  { maxLength: 3 },
);

const drawn = fc.record({
  rules: fc.array(rules, { minLength: 1, maxLength: 2 }),
  override: fc.option(rules, { freq: 3 }),
  secondFrom: moments,
  isMetered: fc.boolean(),
  versionResolution: fc.constantFrom('PERIOD_START', 'SPLIT'),
  groupBy: fc.constantFrom([], ['region'], ['size', 'region']),
  isByDimension: fc.boolean(),
  isInAdvance: fc.boolean(),
  first: copies,
  changes,
  zone: fc.constantFrom('UTC', 'America/New_York', 'Asia/Kathmandu'),
  isCalendar: fc.boolean(),
  runIndex: fc.integer({ min: 1, max: 2 }),
  currencyCode: fc.constantFrom('USD', 'JPY', 'KWD', 'CLF'),
  roundingMode: fc.constantFrom('HALF_UP', 'HALF_EVEN'),
  events: fc.array(eventLists, { minLength: 1, maxLength: 4 }),
  carriedIn: fc.boolean(),
});
type Drawn = typeof drawn extends fc.Arbitrary<infer Value> ? Value : never;

/** The prices of those runs, with all of their versions and overrides. */
export const randomPrices: fc.Arbitrary<Price> = drawn.map((one) => ({ ...priceOf(one), versions: [...priceOf(one).versions, ...(one.override === null ? [] : [versionOf(one.override, 7, { from: LONG_AGO, to: null })])] }));

/** The lines of one run, zeros included. */
export const randomRuns: fc.Arbitrary<ComposedRun> = drawn.map((one) => {
  const facts = factsOf(one);
  const answers = usageQueriesOfRun(facts).map((query, position) => [query.queryKey, answerTo(query, one.events[position % one.events.length] ?? [], one.carriedIn)] as const);
  return composeRun(facts, new Map(answers));
});

function factsOf(one: Drawn): RunFacts {
  const { zone, isCalendar, runIndex, currencyCode, roundingMode } = one;
  const cadence = { anchor: isCalendar ? parseInstant('2024-04-01T00:00:00Z') : START, interval: 'MONTH', count: 1, zone } as const;
  const cycles: CycleFact[] = [];
  for (let index = 1; index <= runIndex + 1; index += 1) {
    const { start, end } = cycleBounds(cadence, index, START);
    cycles.push({ index, start, end, cutoff: instant(end + HOUR), previousCutoff: cycles.at(-1)?.cutoff ?? START, tzdataVersion: '2025b' });
  }
  const current = cycles[runIndex - 1];
  const price = priceOf(one);
  return {
    engineVersion: ENGINE_VERSION,
    currencyCode,
    subscription: {
      reference: 'subscription-1',
      customerReference: 'customer-1',
      cadence,
      startTime: START,
      facts: lifeOf(one),
      ...(one.override === null ? {} : { overrides: [{ code: price.code, versions: [versionOf(one.override, 7, { from: one.secondFrom, to: null })], bounds: [] }] }),
    },
    settings: [{ ...SETTINGS, roundingMode }],
    prices: [price],
    runIndex,
    cutoff: current?.cutoff ?? START,
    previousCutoff: current?.previousCutoff ?? null,
    cycles,
    credits: [],
  };
}

function priceOf(one: Drawn): Price {
  const isMetered = isUsage(one);
  const isFlat = ruleList(one).some(({ model }) => model.kind === 'FLAT');
  const versions = one.rules.map((rule, position) => versionOf(rule, position + 1, position === 0 ? { from: LONG_AGO, to: one.rules.length > 1 ? one.secondFrom : null } : { from: one.secondFrom, to: null }));
  const terms: ChargingTerms = {
    billingTiming: one.isInAdvance && !isMetered ? 'IN_ADVANCE' : 'IN_ARREARS',
    versionResolution: one.versionResolution,
    groupBy: isMetered ? one.groupBy : [],
    rateBy: one.isByDimension && isMetered && !isFlat && one.groupBy.length > 0 ? 'DIMENSION' : 'ITEM',
  };
  return { code: 'price', displayName: 'Price', meterCode: isMetered ? 'calls' : null, currencyCode: one.currencyCode, versions, bounds: [], ...terms };
}

function ruleList({ rules: of, override }: Drawn): readonly PriceRule[] {
  return [...of, ...(override === null ? [] : [override])];
}

function isUsage(one: Drawn): boolean {
  return one.isMetered || ruleList(one).some(({ model }) => model.kind === 'PERCENTAGE' || model.kind === 'MATRIX');
}

/** A matrix has a default here, so that every run goes through. */
function versionOf({ model, modifiers }: PriceRule, version: number, { from, to }: { readonly from: PriceVersion['effectiveFrom']; readonly to: PriceVersion['effectiveTo'] }): PriceVersion {
  const complete = model.kind === 'MATRIX' ? { ...model, defaultUnitAmount: model.defaultUnitAmount ?? parseDecimal('1') } : model;
  return { version, effectiveFrom: from, effectiveTo: to, recordedTime: LONG_AGO, model: complete, ...(modifiers === undefined ? {} : { modifiers }) };
}

function lifeOf({ first, changes: of }: Drawn): SubscriptionFact[] {
  const items = (quantity: Decimal) => [{ item: 'item', priceCode: 'price', quantity }];
  const inOrder = of.toSorted((one, other) => (one.recordedTime < other.recordedTime ? -1 : 1));
  return [
    { kind: 'STARTED', sequence: 1, effectiveTime: START, recordedTime: START, items: items(first) },
    ...inOrder.map(({ kind, quantity, ...times }, position): SubscriptionFact => {
      const common = { sequence: position + 2, ...times };
      return kind === 'ITEMS_CHANGED' ? { kind, ...common, items: items(quantity) } : { kind, ...common };
    }),
  ];
}

/** As a SUM meter answers; where it is asked to make levels up, each event stands for one of 3 carried in. */
function answerTo({ groupBy }: UsageQuery, events: readonly RandomEvent[], carriedIn: boolean): AggregatedUsage {
  const answer = (of: readonly RandomEvent[]) => {
    const { quantity, eventCount, eventValues } = usageOf(of);
    return { eventCount, quantity: exactToJson(quantity), usageSetDigest: DIGEST, eventValues: eventValues?.map(exactToJson) ?? [], ...(carriedIn ? { carriedIn: `${3n * eventCount}` } : {}) };
  };
  const groups = usageOf(events, groupBy).groups.map(({ group }): GroupUsage => ({
    group,
    ...answer(events.filter(({ properties }) => groupBy.every((name) => (properties[name] ?? null) === group[name]))),
  }));
  return { ...answer(events), groups };
}
