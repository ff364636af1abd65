// What a bench prints: figures with the spread they were found in, the floors they are measured against, and on which machine.
import type { Machine } from './machine.ts';
import type { Settings } from './options.ts';

/** One timed stretch of work. */
export interface Round {
  readonly count: number;
  readonly seconds: number;
  /** Of each call, where calls were timed one by one. */
  readonly latenciesMs?: readonly number[];
  /** Of all of it together. */
  readonly processorMicros?: { readonly client: number; readonly server: number };
}

export interface Figure {
  /** Of what the rates are: `events/s`. */
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** (max − min) ÷ median: what a difference must exceed to mean anything. */
  readonly spread: number;
  readonly rounds: readonly number[];
  readonly latencyMs?: { readonly p50: number; readonly p99: number };
  /** Processor time for each of what the rate counts; the median over the rounds. */
  readonly processorMicros?: { readonly client: number; readonly server: number };
}

export interface Goal {
  readonly what: string;
  readonly goal: number;
  readonly measured: number;
  readonly met: boolean;
}

export interface Report {
  readonly bench: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly settings: Settings;
  /** How often each figure was measured, in turn with the others. */
  readonly rounds: number;
  readonly results: Readonly<Record<string, Figure>>;
  readonly floors: Readonly<Record<string, Figure>>;
  readonly ratios: Readonly<Record<string, number>>;
  readonly goals: readonly Goal[];
  /** What a reader of the figures must know about how they came about. */
  readonly notes: readonly string[];
}

/** The part of a report that the bench itself finds out. */
export type Findings = Pick<Report, 'results' | 'floors' | 'ratios' | 'goals' | 'notes'>;

export function figureOf(unit: string, rounds: readonly Round[]): Figure {
  const rates = rounds.map(({ count, seconds }) => count / seconds);
  const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs ?? []);
  const median = quantile(rates, 0.5);
  const min = Math.min(...rates), max = Math.max(...rates);
  return {
    unit, median: rounded(median), min: rounded(min), max: rounded(max), spread: rounded((max - min) / median), rounds: rates.map(rounded),
    ...processorOf(rounds),
    ...(latencies.length === 0 ? {} : { latencyMs: { p50: rounded(quantile(latencies, 0.5)), p99: rounded(quantile(latencies, 0.99)) } }),
  };
}

function processorOf(rounds: readonly Round[]): Pick<Figure, 'processorMicros'> {
  const each = rounds.flatMap(({ count, processorMicros }) => (processorMicros === undefined ? [] : [{ client: processorMicros.client / count, server: processorMicros.server / count }]));
  if (each.length === 0) return {};
  return { processorMicros: { client: rounded(quantile(each.map(({ client }) => client), 0.5)), server: rounded(quantile(each.map(({ server }) => server), 0.5)) } };
}

/** By nearest rank; of an even number of values the median is the mean of the middle two. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (position: number): number => {
    const value = sorted[Math.min(Math.max(position, 0), sorted.length - 1)];
    if (value === undefined) throw new Error('nothing was measured');
    return value;
  };
  if (part === 0.5 && sorted.length % 2 === 0) return (at(sorted.length / 2 - 1) + at(sorted.length / 2)) / 2;
  return at(Math.ceil(part * sorted.length) - 1);
}

export function ratio(figure: Figure, floor: Figure): number {
  return rounded(figure.median / floor.median);
}

export function atLeast(what: string, goal: number, measured: number): Goal {
  return { what, goal, measured, met: measured >= goal };
}

/** Four digits: more would claim what was not measured. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
