/**
 * Proration by day: fees × active days ÷ days of the full period, exact.
 *
 * What is prorated is what is due for time: the whole amount of an item's own quantity; of a usage price the flat
 * amounts that the usage reached, the included quantity, the minimum and the maximum. Usage itself never is, since it is
 * cut at the exact instants already, and neither are the bounds of tiers. The full period stays the denominator where a
 * cycle begins late (calendar alignment) or ends early (a cancel), and where a change cuts it into parts. The traps: the
 * factor is kept as two counts of days and never becomes a decimal; and a full period has factor 1 and no step at all,
 * so its trace and its bytes are those of a world without proration.
 */
import { addFractions, type Fraction, fractionFromBigInt, fractionToJson, isZero, multiplyFractions, subtractFractions } from '../number/fraction.ts';
import type { RatableQuantity, RatedQuantity } from '../model/model.ts';
import { ENGINE_VERSION } from '../engine-version.ts';
import { daysByDateAtEnds, daysOf } from '../time/days.ts';
import { formatInstant, type Interval } from '../time/instant.ts';
import type { DaysTrace, ProratedTrace } from '../trace/trace.ts';

export interface DaysProration {
  readonly active: Interval;
  readonly period: Interval;
  readonly zone: string;
  readonly activeDays: number;
  readonly periodDays: number;
}

/**
 * `null` for factor 1: every day of the period is active. A period may span no date (a day that begins a second time, by
 * a daily cadence anchored in it): it counts as one day, and belongs to what comes last in it.
 */
export function prorationOf(
  active: Interval,
  period: Interval,
  { zone, engineVersion = ENGINE_VERSION }: { readonly zone: string; readonly engineVersion?: number },
): DaysProration | null {
  if (active.start === period.start && active.end === period.end) return null;
  const days = engineVersion >= 2 ? daysOf : daysByDateAtEnds;
  const periodDays = days(period, zone);
  if (periodDays === 0 && engineVersion >= 2) return active.end === period.end ? null : { active, period, zone, activeDays: 0, periodDays: 1 };
  const activeDays = Math.min(days(active, zone), periodDays);
  return activeDays === periodDays ? null : { active, period, zone, activeDays, periodDays };
}

/** value × active days ÷ days of the period. */
export function prorated(value: Fraction, proration: DaysProration | null): Fraction {
  if (proration === null) return value;
  return multiplyFractions(value, fractionFromBigInt(BigInt(proration.activeDays), BigInt(proration.periodDays)));
}

/** The amount with its fees prorated, and the step that says so; unchanged where there is no fee in it. */
export function prorateFees(rated: RatedQuantity, basis: RatableQuantity['basis'], proration: DaysProration | null): RatedQuantity {
  const fees = basis === 'ITEM' ? rated.amount : rated.flatAmount;
  if (proration === null || isZero(fees)) return rated;
  const reduced = prorated(fees, proration);
  const change = subtractFractions(reduced, fees);
  return {
    amount: addFractions(rated.amount, change),
    flatAmount: reduced,
    steps: () => [
      ...rated.steps(),
      { kind: 'PRORATION', ...daysTrace(proration), fees: fractionToJson(fees), prorated: fractionToJson(reduced), amount: fractionToJson(change) },
    ],
  };
}

export function daysTrace({ active, period, zone, activeDays, periodDays }: DaysProration): DaysTrace {
  return {
    zone,
    active: { start: formatInstant(active.start), end: formatInstant(active.end) },
    period: { start: formatInstant(period.start), end: formatInstant(period.end) },
    activeDays,
    periodDays,
  };
}

/** What a prorated parameter came to; nothing where it was not prorated. */
export function proratedTrace(value: Fraction, proration: DaysProration | null): { readonly prorated?: ProratedTrace } {
  return proration === null ? {} : { prorated: { ...daysTrace(proration), value: fractionToJson(value) } };
}
