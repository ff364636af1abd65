// Rating: how fast the pure core prices quantities, composes invoices and folds usage, on one core, without a database or a network.
import {
  aggregateUsage, composeRun, exactToJson, formatMinorUnits, fractionToJson, ratePrice, roundToMinorUnits, usageEventContent,
  type DigestedUsageEvent, type PriceModel,
} from '@valora/rating';
import { hash } from 'node:crypto';
import { bareGraduated } from './rating-floor.ts';
import { benchedModels, ratable, sampleQuantities } from './rating-models.ts';
import { aggregations, firstRuns, usageEvents } from './rating-world.ts';
import { atLeast, ratio, rounded, type Findings, type Round } from './report.ts';
import { figure, interleaved, named, type Progress, type Series } from './rounds.ts';

export const RATING_DEFAULTS = {
  rounds: 7,
  /** Lines, and events, that a timed stretch works on; invoices a tenth of it. */
  count: 50_000,
};

export type RatingSettings = typeof RATING_DEFAULTS;

const EXPONENT = 2;
const METERED_LINES = 2;
const METERED_LINES_OF_A_LONG_INVOICE = 50;
/** Runs that are composed in turn. */
const DISTINCT_RUNS = 500;
const NANOS_PER_SECOND = 1e9;
const MICROS_PER_SECOND = 1e6;

export async function rating(settings: RatingSettings, progress: Progress): Promise<Findings> {
  requireSameTotals();
  const series = [...lineSeries(settings.count), ...invoiceSeries(Math.ceil(settings.count / 10)), ...eventSeries(settings.count)];
  const figures = await interleaved(series, { rounds: settings.rounds, progress });
  const traced = figure(figures, 'GRADUATED with trace'), floor = figure(figures, 'floor bare BigInt loop');
  return {
    results: Object.fromEntries([...figures].filter(([name]) => !name.startsWith('floor '))),
    floors: named(figures, 'floor '),
    ratios: {
      'bare BigInt loop to GRADUATED with trace': ratio(floor, traced),
      'bare BigInt loop to GRADUATED without trace': ratio(floor, figure(figures, 'GRADUATED without trace')),
      ...Object.fromEntries(aggregations.map(({ kind }) => [`nanoseconds per aggregated event, ${kind}`, rounded(NANOS_PER_SECOND / figure(figures, `events aggregated, ${kind}`).median)])),
    },
    goals: [atLeast('lines of 4 graduated tiers with trace, each second on one core', 100_000, traced.median)],
    notes: [
      'Seconds of processor time of this process, the collection of garbage included: what one core does.',
      'A line: decimal text to quantity, the whole policy of a price, one rounding. With trace, the quantity, every step, the exact amount and the residue are written too; three of four quantities reach the last of four tiers.',
      `Composed lines: invoices of a fee and ${METERED_LINES_OF_A_LONG_INVOICE} graduated lines with everything that belongs to them: line keys, the canonical form and its digest. Invoices: a fee and ${METERED_LINES} such lines. ${DISTINCT_RUNS} subscriptions in turn, each with times and usage of its own.`,
      'The bare loop does the same arithmetic in scaled BigInt: no decimals, fractions, steps or checks. Both come to the same amounts, which is checked first.',
    ],
  };
}

function amountOf(model: PriceModel, position: number): bigint {
  const { amount } = ratePrice({ model }, ratable(model, position));
  return roundToMinorUnits(amount, EXPONENT, 'HALF_UP').minorUnits;
}

/** The same with all that a trace says of it. */
function tracedAmountOf(model: PriceModel, position: number): { readonly minorUnits: bigint } {
  const { quantity, ...rest } = ratable(model, position);
  const { amount, steps } = ratePrice({ model }, { quantity, ...rest });
  const { minorUnits, residue } = roundToMinorUnits(amount, EXPONENT, 'HALF_UP');
  const rounding = { amount: formatMinorUnits(minorUnits, EXPONENT), residue: fractionToJson(residue) };
  const trace = { minorUnits, quantity: exactToJson(quantity), steps: steps(), exact: fractionToJson(amount), rounding };
  return trace;
}

function requireSameTotals(): void {
  for (const [position, quantity] of sampleQuantities.entries()) {
    const amount = amountOf(benchedModels.GRADUATED, position);
    if (amount !== bareGraduated(quantity)) throw new Error(`${quantity} comes to ${amount} minor units, and to ${bareGraduated(quantity)} in the bare loop`);
  }
}

function lineSeries(count: number): Series[] {
  const over = (name: string, rate: (position: number) => bigint): Series => ({
    name, unit: 'lines/s', round: () => timed(count, () => {
      let total = 0n;
      for (let done = 0; done < count; done += 1) total += rate(done);
      return total;
    }),
  });
  return [
    ...Object.values(benchedModels).flatMap((model) => [
      over(`${model.kind} with trace`, (position) => tracedAmountOf(model, position).minorUnits),
      over(`${model.kind} without trace`, (position) => amountOf(model, position)),
    ]),
    over('floor bare BigInt loop', (position) => bareGraduated(sampleQuantities[position % sampleQuantities.length] ?? '0')),
  ];
}

function invoiceSeries(count: number): Series[] {
  const composed = (metered: number, invoices: number): (() => number) => {
    const runs = firstRuns(Math.min(DISTINCT_RUNS, invoices), metered);
    return () => {
      let length = 0;
      for (let done = 0; done < invoices; done += runs.length) {
        for (const { facts, answers } of runs.slice(0, invoices - done)) length += composeRun(facts, answers).canonicalInvoice.length;
      }
      return length;
    };
  };
  const linesOfALongInvoice = METERED_LINES_OF_A_LONG_INVOICE + 1; // and the fee
  const longInvoices = Math.ceil((count * METERED_LINES) / linesOfALongInvoice);
  const short = composed(METERED_LINES, count), long = composed(METERED_LINES_OF_A_LONG_INVOICE, longInvoices);
  return [
    { name: 'invoices composed', unit: 'invoices/s', round: () => timed(count, short) },
    { name: 'composed lines', unit: 'lines/s', round: () => timed(longInvoices * linesOfALongInvoice, long) },
  ];
}

function eventSeries(count: number): Series[] {
  const events: DigestedUsageEvent[] = usageEvents(count).map((event) => ({ ...event, contentDigest: hash('sha256', usageEventContent(event), 'buffer') }));
  return aggregations.map(({ kind, terms }) => ({
    name: `events aggregated, ${kind}`, unit: 'events/s', round: () => timed(count, () => aggregateUsage(kind, events, terms).eventCount),
  }));
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
