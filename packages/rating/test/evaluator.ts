/**
 * A second evaluator: recomputes a line from its trace alone.
 *
 * It shares no code with the engine (its fractions are pairs of bigints, never reduced, and it rounds by another formula), so that a trace which does not lead to its line is found out.
 */
import type { FractionJson, LineTrace, ProrationStep, RatingStep, SideTrace, TierStep } from '../src/index.ts';

type Pair = readonly [numerator: bigint, denominator: bigint];

const ZERO: Pair = [0n, 1n];

function pairOf(text: string): Pair {
  const [whole = '', fraction = ''] = text.split('.');
  return [BigInt(whole + fraction), 10n ** BigInt(fraction.length)];
}

function pairOfJson({ numerator, denominator }: FractionJson): Pair {
  return [BigInt(numerator), BigInt(denominator)];
}

function plus(a: Pair, b: Pair): Pair {
  return [a[0] * b[1] + b[0] * a[1], a[1] * b[1]];
}

function times(a: Pair, b: Pair): Pair {
  return [a[0] * b[0], a[1] * b[1]];
}

function equal(a: Pair, b: Pair): boolean {
  return a[0] * b[1] === b[0] * a[1];
}

function atMost(a: Pair, b: Pair): boolean {
  return a[0] * b[1] <= b[0] * a[1];
}

/** Everything in the trace that does not recompute; an empty list is a sound trace. */
export function faultsOf(trace: LineTrace): string[] {
  const sides = [trace.settled, trace.billed].flatMap((side) => (side === null ? [] : sideFaults(side, trace.exponent)));
  const settled = pairOf(trace.settled?.rounding.amount ?? '0');
  const [numerator, denominator] = pairOf(trace.billed?.rounding.amount ?? '0');
  const difference = plus(settled, [-numerator, denominator]);
  return equal(difference, pairOf(trace.amount)) ? sides : [...sides, 'settled − billed is not the amount'];
}

function sideFaults({ quantity, price, steps, exact, rounding }: SideTrace, exponent: number): string[] {
  const faults: string[] = steps.filter((step) => !equal(stepAmount(step), pairOfJson(step.amount))).map((step) => `${step.kind}: wrong product`);
  const total = steps.map(({ amount }) => pairOfJson(amount)).reduce(plus, ZERO);
  if (!equal(total, pairOfJson(exact))) faults.push('the steps do not add up');
  const quantities = steps.flatMap((step) => (step.kind === 'PRORATION' ? [] : [pairOfJson(step.quantity)])).reduce(plus, ZERO);
  if (!equal(quantities, pairOf(quantity.quantity))) faults.push('the quantities do not add up');
  const prorations = steps.flatMap((step) => (step.kind === 'PRORATION' ? [step] : []));
  if (prorations.length > 1 || !prorations.every((step) => isSoundProration(step, quantity.kind, steps))) faults.push('wrongly prorated');
  if (price.model.kind === 'VOLUME' && steps.length !== 1 + prorations.length) faults.push('volume pricing has one step');
  if (!steps.every(liesWithinTier)) faults.push('a quantity lies outside its tier');
  const minorUnits = roundedHalf(pairOfJson(exact), exponent, rounding.mode);
  if (!equal([minorUnits, 10n ** BigInt(exponent)], pairOf(rounding.amount))) faults.push('wrongly rounded');
  if (!equal(plus(pairOf(rounding.amount), pairOfJson(rounding.residue)), pairOfJson(exact))) faults.push('wrong residue');
  return faults;
}

/** The days by the calendar of Intl, which the engine does not use; the fees from the other steps. */
function isSoundProration(step: ProrationStep, kind: 'ITEM' | 'USAGE', steps: readonly RatingStep[]): boolean {
  const { active, period, zone, activeDays, periodDays, fees, prorated } = step;
  const due = steps.flatMap((one) => {
    if (one.kind === 'PRORATION') return [];
    if (kind === 'ITEM') return [pairOfJson(one.amount)];
    return 'flatAmount' in one && one.flatAmount !== null ? [pairOf(one.flatAmount)] : [];
  });
  return (
    dayNumber(active.end, zone) - dayNumber(active.start, zone) === activeDays &&
    dayNumber(period.end, zone) - dayNumber(period.start, zone) === periodDays &&
    activeDays < periodDays &&
    equal(due.reduce(plus, ZERO), pairOfJson(fees)) &&
    equal(times(pairOfJson(fees), [BigInt(activeDays), BigInt(periodDays)]), pairOfJson(prorated))
  );
}

function dayNumber(time: string, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date(time));
  return Date.parse(`${parts}T00:00:00Z`) / 86_400_000;
}

function stepAmount(step: RatingStep): Pair {
  if (step.kind === 'PRORATION') {
    const [numerator, denominator] = pairOfJson(step.fees);
    return plus(pairOfJson(step.prorated), [-numerator, denominator]);
  }
  const units = times(pairOfJson(step.quantity), pairOf(step.unitAmount));
  const flat = step.kind === 'GRADUATED_TIER' || step.kind === 'VOLUME_TIER' ? step.flatAmount : null;
  return flat === null ? units : plus(units, pairOf(flat));
}

function liesWithinTier(step: RatingStep): boolean {
  return step.kind === 'GRADUATED_TIER' || step.kind === 'VOLUME_TIER' ? tierTakes(step) : true;
}

function tierTakes(step: TierStep): boolean {
  const reached = step.kind === 'VOLUME_TIER' ? pairOfJson(step.quantity) : plus(pairOf(step.above), pairOfJson(step.quantity));
  const aboveLower = step.tier === 1 || !atMost(reached, pairOf(step.above));
  return aboveLower && (step.upTo === null || atMost(reached, pairOf(step.upTo)));
}

/** floor((2x + 1) / 2) of the magnitude, with one off for a tie that goes to even. */
function roundedHalf([numerator, denominator]: Pair, exponent: number, mode: string): bigint {
  const scaled = (numerator < 0n ? -numerator : numerator) * 10n ** BigInt(exponent);
  const halfUp = (2n * scaled + denominator) / (2n * denominator);
  const isTie = (2n * scaled) % denominator === 0n && ((2n * scaled) / denominator) % 2n === 1n;
  const magnitude = isTie && mode === 'HALF_EVEN' && halfUp % 2n === 1n ? halfUp - 1n : halfUp;
  return numerator < 0n ? -magnitude : magnitude;
}
