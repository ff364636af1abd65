// What the rating bench rates: a price of four graduated tiers, runs that use it, and usage.
import {
  ENGINE_VERSION, instant, parseDecimal, parseInstant, usageQueriesOfRun, type Price, type PriceModel, type RunFacts, type UsageAnswers, type UsageEvent,
} from '@valora/rating';

export const graduatedTiers = [
  { upTo: '1000', unitAmount: '0.01', flatAmount: null },
  { upTo: '10000', unitAmount: '0.008', flatAmount: '1.5' },
  { upTo: '500000', unitAmount: '0.0055', flatAmount: null },
  { upTo: null, unitAmount: '0.004125', flatAmount: '10' },
] as const;

export const graduatedModel: PriceModel = {
  kind: 'GRADUATED',
  tiers: graduatedTiers.map(({ upTo, unitAmount, flatAmount }) => ({
    upTo: upTo === null ? null : parseDecimal(upTo), unitAmount: parseDecimal(unitAmount), flatAmount: flatAmount === null ? null : parseDecimal(flatAmount),
  })),
};

const START = parseInstant('2026-01-01T00:00:00Z');
const END = parseInstant('2026-02-01T00:00:00Z');
const LONG_AGO = parseInstant('2000-01-01T00:00:00Z');
const MICROS_PER_SECOND = 1_000_000n;

function price(code: string, meterCode: string | null, model: PriceModel): Price {
  return { code, displayName: code, meterCode, currencyCode: 'USD', versions: [{ version: 1, effectiveFrom: LONG_AGO, effectiveTo: null, recordedTime: LONG_AGO, model }], bounds: [] };
}

/** The first run of a subscription: a fee, and as many lines of the graduated price as asked for, each on a meter of its own. */
export function runWithLines(metered: number): RunFacts {
  const prices = [
    price('fee', null, { kind: 'FLAT', amount: parseDecimal('20') }),
    ...Array.from({ length: metered }, (_, number) => price(`usage-${number}`, `meter-${number}`, graduatedModel)),
  ];
  const items = prices.map(({ code }) => ({ item: code, priceCode: code, quantity: parseDecimal('1') }));
  return {
    engineVersion: ENGINE_VERSION, currencyCode: 'USD', prices, runIndex: 1, previousCutoff: START, credits: [],
    subscription: {
      reference: 'subscription-1', customerReference: 'customer-1', startTime: START, cadence: { anchor: START, interval: 'MONTH', count: 1, zone: 'UTC' },
      facts: [{ kind: 'STARTED', sequence: 1, effectiveTime: START, recordedTime: START, items }],
    },
    settings: [{ recordedTime: LONG_AGO, roundingMode: 'HALF_UP', graceMicros: 0n, keepZeroLines: true, timeZone: 'UTC' }],
    cycles: [{ index: 1, start: START, end: END, cutoff: END, tzdataVersion: '2025b' }],
  };
}

export function answersTo(facts: RunFacts): UsageAnswers {
  return new Map(usageQueriesOfRun(facts).map(({ queryKey }, position) => [queryKey, { eventCount: 100n, quantity: parseDecimal(`${600_000 + position}.25`), usageSetDigest: '0'.repeat(64) }]));
}

export function usageEvents(count: number): UsageEvent[] {
  return Array.from({ length: count }, (_, position) => ({
    idempotencyKey: `event-${String(position).padStart(9, '0')}`, meterCode: 'meter-0', customerReference: 'customer-1', subscriptionReference: null,
    eventTime: instant(START + BigInt(position) * MICROS_PER_SECOND), value: parseDecimal(`${position % 1000}.5`), properties: {},
  }));
}
