// What the rating bench composes and folds: the first runs of many subscriptions that differ in reference, time and usage as those of a real month do, and events.
import {
  ENGINE_VERSION, instant, parseDecimal, parseInstant, USUAL_TERMS, usageQueriesOfRun,
  type AggregationKind, type Instant, type Price, type PriceModel, type RunFacts, type UsageAnswers, type UsageEvent, type UsageTerms,
} from '@valora/rating';
import { createHash } from 'node:crypto';
import { benchedModels } from './rating-models.ts';

const START = parseInstant('2026-01-01T00:00:00Z');
const LONG_AGO = parseInstant('2000-01-01T00:00:00Z');
const MICROS_PER_SECOND = 1_000_000n;
const MONTH_MICROS = 31n * 86_400n * MICROS_PER_SECOND;
/** Between the starts of two subscriptions: a time that falls on no round second, so that hardly two share an instant. */
const APART_MICROS = 7_919_000_123n;

export interface ComposableRun {
  readonly facts: RunFacts;
  readonly answers: UsageAnswers;
}

/** The first run of each of so many subscriptions: a fee, and as many lines of the graduated price as asked for, each on a meter of its own. */
export function firstRuns(subscriptions: number, metered: number): readonly ComposableRun[] {
  const prices = [
    price('fee', null, benchedModels.FLAT),
    ...Array.from({ length: metered }, (_, number) => price(`usage-${number}`, `meter-${number}`, benchedModels.GRADUATED)),
  ];
  return Array.from({ length: subscriptions }, (_, number) => {
    const facts = firstRun(prices, number);
    return { facts, answers: answersTo(facts, number) };
  });
}

function price(code: string, meterCode: string | null, model: PriceModel): Price {
  return { ...USUAL_TERMS, code, displayName: code, meterCode, currencyCode: 'USD', versions: [{ version: 1, effectiveFrom: LONG_AGO, effectiveTo: null, recordedTime: LONG_AGO, model }], bounds: [] };
}

function firstRun(prices: readonly Price[], number: number): RunFacts {
  const start: Instant = instant(START + BigInt(number) * APART_MICROS);
  const end = instant(start + MONTH_MICROS);
  const items = prices.map(({ code }) => ({ item: code, priceCode: code, quantity: parseDecimal('1') }));
  return {
    engineVersion: ENGINE_VERSION, currencyCode: 'USD', prices, runIndex: 1, cutoff: end, previousCutoff: start, credits: [],
    subscription: {
      reference: `subscription-${number}`, customerReference: `customer-${number}`, startTime: start, cadence: { anchor: start, interval: 'MONTH', count: 1, zone: 'UTC' },
      facts: [{ kind: 'STARTED', sequence: 1, effectiveTime: start, recordedTime: start, items }],
    },
    settings: [{ recordedTime: LONG_AGO, roundingMode: 'HALF_UP', graceMicros: 0n, latenessPolicy: 'ADJUST', keepZeroLines: true, timeZone: 'UTC' }],
    cycles: [{ index: 1, start, end, cutoff: end, previousCutoff: start, tzdataVersion: '2025b' }],
  };
}

function answersTo(facts: RunFacts, number: number): UsageAnswers {
  return new Map(usageQueriesOfRun(facts).map(({ queryKey }, position) => [queryKey, {
    eventCount: 100n,
    quantity: parseDecimal(`${600_000 + position}.${25 + 100 * number}`),
    usageSetDigest: createHash('sha256').update(queryKey).digest('hex'),
  }]));
}

const month = { start: START, end: instant(START + MONTH_MICROS) };

/** Every kind, with what it needs to know; levels are weighted over the month that the events lie in. */
export const aggregations: readonly { readonly kind: AggregationKind; readonly terms: UsageTerms }[] = [
  { kind: 'COUNT', terms: {} },
  { kind: 'SUM', terms: {} },
  { kind: 'MAX', terms: {} },
  { kind: 'MIN', terms: {} },
  { kind: 'AVERAGE', terms: {} },
  { kind: 'LATEST', terms: {} },
  { kind: 'UNIQUE_COUNT', terms: { uniqueProperty: 'region' } },
  { kind: 'WEIGHTED_SUM', terms: { interval: month, period: month } },
];

/** A second apart, in order; a thousand values and a hundred regions. */
export function usageEvents(count: number): UsageEvent[] {
  return Array.from({ length: count }, (_, position) => ({
    idempotencyKey: `event-${String(position).padStart(9, '0')}`, meterCode: 'meter-0', customerReference: 'customer-1', subscriptionReference: null,
    eventTime: instant(START + BigInt(position) * MICROS_PER_SECOND), value: parseDecimal(`${position % 1000}.5`), properties: { region: `region-${position % 100}` },
  }));
}
