// Rating: how fast the pure core prices quantities, composes invoices and folds usage, on one core, without a database or a network.
import {
  aggregateUsage, composeRun, fractionFromDecimal, parseDecimal, rateQuantity, roundToMinorUnits, usageEventContent, type DigestedUsageEvent,
} from '@valora/rating';
import { hash } from 'node:crypto';
import { bareGraduated } from './rating-floor.ts';
import { answersTo, graduatedModel, runWithLines, usageEvents } from './rating-world.ts';
import { atLeast, ratio, rounded, type Findings, type Round } from './report.ts';
import { figure, interleaved, named, type Progress, type Series } from './rounds.ts';

export const RATING_DEFAULTS = {
  rounds: 7,
  /** Lines, and events, that a timed stretch works on; invoices a tenth of it. */
  count: 100_000,
};

export type RatingSettings = typeof RATING_DEFAULTS;

const EXPONENT = 2;
const LINES_PER_LONG_INVOICE = 50;
const DISTINCT_QUANTITIES = 10_000;
const NANOS_PER_SECOND = 1e9;
const MICROS_PER_SECOND = 1e6;

export async function rating(settings: RatingSettings, progress: Progress): Promise<Findings> {
  const quantities = sampleQuantities();
  requireSameTotals(quantities);
  const figures = await interleaved([...lineSeries(quantities, settings.count), ...invoiceSeries(Math.ceil(settings.count / 10)), eventSeries(settings.count)], { rounds: settings.rounds, progress });
  const lines = figure(figures, 'lines'), floor = figure(figures, 'floor bare BigInt loop');
  const ratios = {
    'bare BigInt loop to lines': ratio(floor, lines),
    'nanoseconds per aggregated event': rounded(NANOS_PER_SECOND / figure(figures, 'events aggregated').median),
  };
  return {
    results: Object.fromEntries([...figures].filter(([name]) => !name.startsWith('floor '))),
    floors: named(figures, 'floor '),
    ratios,
    goals: [atLeast('lines of 4 graduated tiers with trace, each second on one core', 100_000, lines.median)],
    notes: [
      'Seconds of processor time of this process, the collection of garbage included: what one core does.',
      'A line: decimal text to quantity, 4 graduated tiers with a step for each in the trace, one rounding. The engine has no path without a trace.',
      `Composed lines: invoices of ${LINES_PER_LONG_INVOICE} such lines with everything that belongs to them: line keys, the canonical form and its digest. Invoices: a fee and two such lines.`,
      'The bare loop does the same arithmetic in scaled BigInt: no decimals, fractions, steps or checks. Both come to the same total, which is checked first.',
    ],
  };
}

/** In all four tiers, with and without decimals. */
function sampleQuantities(): string[] {
  return Array.from({ length: DISTINCT_QUANTITIES }, (_, position) => {
    const whole = (position * 7_919) % 2_000_000;
    return position % 2 === 0 ? String(whole) : `${whole}.${String(position % 1000).padStart(3, '0')}`;
  });
}

function amountOf(quantity: string): bigint {
  const { amount } = rateQuantity(graduatedModel, fractionFromDecimal(parseDecimal(quantity)));
  return roundToMinorUnits(amount, EXPONENT, 'HALF_UP').minorUnits;
}

function requireSameTotals(quantities: readonly string[]): void {
  for (const quantity of quantities) {
    if (amountOf(quantity) !== bareGraduated(quantity)) throw new Error(`${quantity} comes to ${amountOf(quantity)} minor units, and to ${bareGraduated(quantity)} in the bare loop`);
  }
}

function lineSeries(quantities: readonly string[], count: number): Series[] {
  const over = (rate: (quantity: string) => bigint) => (): Round => timed(count, () => {
    let total = 0n;
    for (let done = 0; done < count; done += 1) total += rate(quantities[done % quantities.length] ?? '0');
    return total;
  });
  return [
    { name: 'lines', unit: 'lines/s', round: over(amountOf) },
    { name: 'floor bare BigInt loop', unit: 'lines/s', round: over(bareGraduated) },
  ];
}

function invoiceSeries(count: number): Series[] {
  /** Invoices of as many metered lines as asked for. */
  const composed = (metered: number, runs: number): (() => number) => {
    const facts = runWithLines(metered);
    const answers = answersTo(facts);
    return () => {
      let length = 0;
      for (let done = 0; done < runs; done += 1) length += composeRun(facts, answers).canonicalInvoice.length;
      return length;
    };
  };
  const longInvoices = Math.ceil((count * 2) / LINES_PER_LONG_INVOICE);
  const short = composed(2, count), long = composed(LINES_PER_LONG_INVOICE, longInvoices);
  return [
    { name: 'invoices composed', unit: 'invoices/s', round: () => timed(count, short) },
    { name: 'composed lines', unit: 'lines/s', round: () => timed(longInvoices * LINES_PER_LONG_INVOICE, long) },
  ];
}

function eventSeries(count: number): Series {
  const events: DigestedUsageEvent[] = usageEvents(count).map((event) => ({ ...event, contentDigest: hash('sha256', usageEventContent(event), 'buffer') }));
  return { name: 'events aggregated', unit: 'events/s', round: () => timed(count, () => aggregateUsage('SUM', events).eventCount) };
}

/** Where results go, so that no compiler finds the work to be for nothing. */
const results: (bigint | number)[] = [];

/** By the time the processor worked for this process, not by the clock on the wall: what a core does, however many others want it. */
function timed(count: number, work: () => bigint | number): Round {
  const before = process.cpuUsage();
  results.push(work());
  const { user, system } = process.cpuUsage(before);
  return { count, seconds: (user + system) / MICROS_PER_SECOND };
}
