/**
 * Proration by day: fees × active days ÷ days of the full period, exact.
 *
 * What is prorated is what is due for time: the whole amount of an item's own quantity, and the flat amounts of the
 * tiers that usage reached. Usage itself never is, since it is cut at the exact instants already, and neither are the
 * bounds of tiers. The full period stays the denominator where a cycle begins late (calendar alignment) or ends early
 * (a cancel). The traps: the factor is kept as two counts of days and never becomes a decimal; and a full period has
 * factor 1 and no step at all, so its trace and its bytes are those of a world without proration.
 */
import {
  addFractions,
  type Fraction,
  fractionFromBigInt,
  fractionFromDecimal,
  fractionToJson,
  multiplyFractions,
  subtractFractions,
  ZERO_FRACTION,
} from '../number/fraction.ts';
import type { RatedQuantity } from '../model/model.ts';
import { daysOf } from '../time/days.ts';
import { formatInstant, type Interval } from '../time/instant.ts';
import type { QuantityTrace, RatingStep } from '../trace/trace.ts';

export interface Proration {
  readonly active: Interval;
  readonly period: Interval;
  readonly zone: string;
  readonly activeDays: number;
  readonly periodDays: number;
}

/** `null` for factor 1: every day of the period is active, or the period spans no date and can't be divided. */
export function prorationOf(active: Interval, period: Interval, zone: string): Proration | null {
  if (active.start === period.start && active.end === period.end) return null;
  const periodDays = daysOf(period, zone);
  const activeDays = Math.min(daysOf(active, zone), periodDays);
  return activeDays === periodDays ? null : { active, period, zone, activeDays, periodDays };
}

/** The amount with its fees prorated, and the step that says so; unchanged where there is no fee in it. */
export function prorate(
  rated: RatedQuantity,
  kind: QuantityTrace['kind'],
  proration: Proration | null,
): RatedQuantity {
  if (proration === null) return rated;
  const fees = kind === 'ITEM' ? rated.amount : flatAmounts(rated.steps);
  if (fees.numerator.isZero()) return rated;
  const { active, period, zone, activeDays, periodDays } = proration;
  const prorated = multiplyFractions(fees, fractionFromBigInt(BigInt(activeDays), BigInt(periodDays)));
  const change = subtractFractions(prorated, fees);
  const step: RatingStep = {
    kind: 'PRORATION',
    zone,
    active: { start: formatInstant(active.start), end: formatInstant(active.end) },
    period: { start: formatInstant(period.start), end: formatInstant(period.end) },
    activeDays,
    periodDays,
    fees: fractionToJson(fees),
    prorated: fractionToJson(prorated),
    amount: fractionToJson(change),
  };
  return { amount: addFractions(rated.amount, change), steps: [...rated.steps, step] };
}

function flatAmounts(steps: readonly RatingStep[]): Fraction {
  return steps
    .flatMap((step) => ('flatAmount' in step && step.flatAmount !== null ? [fractionFromDecimal(step.flatAmount)] : []))
    .reduce(addFractions, ZERO_FRACTION);
}
