/**
 * WEIGHTED_SUM: the mean over time of a level that lasts, such as stored gigabytes.
 *
 * Each event raises or lowers the level by its value from its own time on, and the level at the start of the interval
 * is carried in. The quantity is the area under the level, divided by the length of the whole *period*:
 *
 *     (carried in × (end − start) + Σ value × (end − event time)) ÷ length of the period
 *
 * in microseconds. 100 GB for 31 days of 31 are 100; put there at noon of 16 January they are 50. Over a whole period
 * that is the time-weighted mean. Where a cancel, a change or a version cuts the period, every part is divided by the
 * same length, so the parts add up to the whole, and a level that lasts half of a month costs half of its month.
 * Dividing a part by its own length would bill the whole level once for each part.
 * The state is linear in the events: the sum of their values, and the sum of value × event time, both in quintillionths.
 * It doesn't depend on the interval. The trap: an event before the start belongs to the level carried in, and
 * would count twice here.
 */
import { invariant } from '../errors.ts';
import { fractionFromBigInt, ZERO_FRACTION } from '../number/fraction.ts';
import type { Interval } from '../time/instant.ts';
import type { UsageEvent } from '../usage/usage-event.ts';
import type { Aggregation } from './aggregation.ts';
import { eventQuintillionths, QUINTILLION, quintillionths } from './event-value.ts';

export interface WeightedSumState {
  readonly sum: bigint;
  /** Σ value × microseconds of the event time. */
  readonly moment: bigint;
}

/**
 * `carriedIn` is the text of a decimal. In a period without length (a day that the zone skipped) the quantity is zero.
 * Breaks off on an event outside the interval.
 */
export function weightedSum({ interval, period, carriedIn }: {
  readonly interval: Interval;
  readonly period: Interval;
  readonly carriedIn: string;
}): Aggregation<WeightedSumState> {
  const level = quintillionths(carriedIn);
  const periodLength = period.end - period.start;
  invariant(interval.start <= interval.end && periodLength >= 0n, 'an interval does not end before it starts');
  return {
    empty: () => ({ sum: 0n, moment: 0n }),
    add: (state, event) => withEvent(state, interval, event),
    merge: (one, other) => ({ sum: one.sum + other.sum, moment: one.moment + other.moment }),
    quantity: ({ sum, moment }) => {
      if (periodLength === 0n) return ZERO_FRACTION;
      const area = level * (interval.end - interval.start) + sum * interval.end - moment;
      return fractionFromBigInt(area, QUINTILLION * periodLength);
    },
  };
}

function withEvent({ sum, moment }: WeightedSumState, { start, end }: Interval, event: UsageEvent): WeightedSumState {
  invariant(start <= event.eventTime && event.eventTime < end, 'an event lies outside the interval over which it is weighted');
  const value = eventQuintillionths(event);
  return { sum: sum + value, moment: moment + value * event.eventTime };
}
