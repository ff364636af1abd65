/**
 * The aggregations by their kinds, and the states in which usage is aggregated in parts.
 *
 * A state is plain data (bigints, texts, a set of texts), documented in the file of its kind, so a database column can
 * hold it and another worker can go on with it. The trap: a state says nothing of which events it holds. Whoever
 * merges has to know that no event is in two parts.
 */
import { RatingError } from '../errors.ts';
import type { Interval } from '../time/instant.ts';
import type { Aggregation, AggregationKind } from './aggregation.ts';
import { average, type AverageState } from './average.ts';
import { count } from './count.ts';
import { latest, type LatestState } from './latest.ts';
import { max } from './max.ts';
import { min } from './min.ts';
import { sum } from './sum.ts';
import { uniqueCount } from './unique-count.ts';
import { weightedSum, type WeightedSumState } from './weighted-sum.ts';

export interface AggregationStates {
  readonly COUNT: bigint;
  readonly SUM: bigint;
  readonly MAX: bigint | null;
  readonly MIN: bigint | null;
  readonly AVERAGE: AverageState;
  readonly LATEST: LatestState | null;
  readonly UNIQUE_COUNT: Set<string>;
  readonly WEIGHTED_SUM: WeightedSumState;
}

/** What some kinds need beside the events. */
export interface AggregationTerms {
  /** UNIQUE_COUNT: the property whose values are counted. */
  readonly uniqueProperty?: string;
  /** WEIGHTED_SUM: the interval in which the events lie, and the full period around it, by whose length it is divided. */
  readonly interval?: Interval;
  readonly period?: Interval;
  /** WEIGHTED_SUM: the level at the start of the interval, the text of a decimal; zero unless given. */
  readonly carriedIn?: string;
}

const AGGREGATIONS: { readonly [Kind in AggregationKind]: (terms: AggregationTerms) => Aggregation<AggregationStates[Kind]> } = {
  COUNT: () => count,
  SUM: () => sum,
  MAX: () => max,
  MIN: () => min,
  AVERAGE: () => average,
  LATEST: () => latest,
  UNIQUE_COUNT: ({ uniqueProperty }) => uniqueCount(uniqueProperty ?? missingProperty()),
  WEIGHTED_SUM: ({ interval = missingInterval(), period = missingInterval(), carriedIn = '0' }) => weightedSum({ interval, period, carriedIn }),
};

/**
 * To aggregate in parts: fold each part with `add`, then `merge` the states, in any grouping and order, and ask for the
 * `quantity`. Errors: AGGREGATION_PROPERTY_MISSING, AGGREGATION_INTERVAL_MISSING.
 */
export function aggregationOf<Kind extends AggregationKind>(kind: Kind, terms: AggregationTerms = {}): Aggregation<AggregationStates[Kind]> {
  return AGGREGATIONS[kind](terms);
}

function missingProperty(): never {
  throw new RatingError('AGGREGATION_PROPERTY_MISSING', 'A UNIQUE_COUNT does not say what it counts.');
}

function missingInterval(): never {
  throw new RatingError('AGGREGATION_INTERVAL_MISSING', 'A WEIGHTED_SUM does not say over which time it is weighted.');
}
