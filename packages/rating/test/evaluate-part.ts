/**
 * One part of a traced line, worked out a second time: from its quantity and its price to the steps that it must have,
 * in the order of the policy, and to its exact amount.
 *
 * Whether a part is prorated follows from its days. They are counted by the calendar of Intl, which the engine does not
 * use, in the zone that the steps name.
 */
import type { ExactJson, LineTrace, PartTrace, PeriodTrace, RatingStep } from '../src/index.ts';
import { daysBetween } from './calendar-days.ts';
import { evaluateModel } from './evaluate-model.ts';
import { exact, type Expected, faultsAgainst, pairOfJson } from './expected.ts';
import { below, equal, lesser, minus, over, type Pair, pairOf, plus, roundedTo, sum, times, whole, ZERO } from './pairs.ts';

interface Days {
  readonly zone: string;
  readonly active: PeriodTrace;
  readonly period: PeriodTrace;
  readonly activeDays: number;
  readonly periodDays: number;
}

const QUANTITY_KINDS: readonly string[] = ['ITEM', 'USAGE', 'GROUPED_LINES'];

export function partFaults(trace: LineTrace, part: PartTrace): string[] {
  if (!QUANTITY_KINDS.includes(part.quantity.kind)) return ['the quantity is of no kind'];
  const { servicePeriod = { start: trace.cycle.start, end: trace.cycle.end }, quantity, price, steps, limitDays } = part;
  const days = limitDays ?? daysOf(steps);
  const hasLimits = price.modifiers?.minimum !== undefined || price.modifiers?.maximum !== undefined;
  const evaluated = quantity.kind === 'GROUPED_LINES' ? groupLines(part) : modelledPart(trace, part, days);
  const isLimited = quantity.kind === 'GROUPED_LINES' || trace.group === undefined;
  const { steps: expected, amount } = isLimited ? limitedBy(evaluated, price.modifiers ?? {}, days) : evaluated;
  const stepAmounts = steps.map((step) => ('amount' in step ? (pairOfJson(step.amount) ?? ZERO) : ZERO));
  return [
    ...faultsAgainst(expected, steps, 'steps'),
    ...faultsAgainst(exact(amount), part.exact, 'exact'),
    ...(equal(sum(stepAmounts), pairOfJson(part.exact) ?? ZERO) ? [] : ['the steps do not add up']),
    ...evaluated.faults,
    ...usageFaults(part),
    ...latenessFaults(trace, part),
    ...priceFaults(trace, part, servicePeriod),
    ...((limitDays !== undefined) === (hasLimits && days !== undefined) ? [] : ['the days of the limits stand where there are prorated limits']),
    ...(days === undefined ? unproratedFaults(trace, servicePeriod, evaluated.isDueForTime || hasLimits) : daysFaults(days, servicePeriod)),
  ];
}

interface Evaluated {
  readonly steps: readonly Expected[];
  readonly amount: Pair;
  readonly faults: readonly string[];
  /** Whether fewer days would make another amount of it. */
  readonly isDueForTime: boolean;
}

/** unit conversion → included quantity → model → proration of what is due for time. */
function modelledPart(trace: LineTrace, { quantity: counted, price, steps: found }: PartTrace, days: Days | undefined): Evaluated {
  if (counted.kind === 'GROUPED_LINES') throw new Error('group lines have no model');
  const { unitConversion, includedQuantity } = price.modifiers ?? {};
  const isItem = counted.kind === 'ITEM';
  const before: Expected[] = [];
  const priced = (json: ExactJson): Pair => {
    const metered = pairOfExact(json);
    if (unitConversion === undefined) return metered;
    return rounded(unitConversion, converted(unitConversion, metered));
  };
  let quantity = priced(counted.quantity);
  if (unitConversion !== undefined) {
    const metered = pairOfExact(counted.quantity);
    const { operation, factor, rounding } = unitConversion;
    before.push({
      kind: 'UNIT_CONVERSION', quantity: exact(metered), operation, factor, converted: exact(converted(unitConversion, metered)),
      rounding: rounding === undefined ? undefined : { ...rounding }, rounded: rounding === undefined ? undefined : exact(quantity),
    });
  }
  if (includedQuantity !== undefined) {
    const included = times(pairOf(includedQuantity), isItem ? whole(1) : factorOf(days));
    const remaining = below(ZERO, quantity) ? minus(quantity, lesser(quantity, included)) : quantity;
    before.push({ kind: 'INCLUDED_QUANTITY', quantity: exact(quantity), includedQuantity, prorated: isItem ? undefined : valueOf(days, included), remaining: exact(remaining) });
    quantity = remaining;
  }
  const groups = counted.kind === 'ITEM' ? [] : trace.group === undefined ? (counted.groups ?? []) : [{ group: trace.group, quantity: counted.quantity }];
  const modelled = evaluateModel(price.model, {
    quantity,
    eventCount: isItem ? null : BigInt(counted.eventCount),
    groups: groups.map((one) => ({ group: one.group, quantity: priced(one.quantity) })),
    factor: factorOf(days),
    days: days === undefined ? undefined : { ...days, active: { ...days.active }, period: { ...days.period } },
    found,
  });
  const fees = isItem ? modelled.amount : modelled.flat;
  const isDueForTime = !equal(fees, ZERO) || (!isItem && includedQuantity !== undefined) || (price.model.kind === 'PERCENTAGE' && (price.model.freeEvents ?? price.model.freeAmount) !== null);
  const steps = [...before, ...modelled.steps];
  if (days === undefined || equal(fees, ZERO)) return { steps, amount: modelled.amount, faults: modelled.faults, isDueForTime };
  const prorated = times(fees, factorOf(days));
  const change = minus(prorated, fees);
  const step = { kind: 'PRORATION', ...days, active: { ...days.active }, period: { ...days.period }, fees: exact(fees), prorated: exact(prorated), amount: exact(change) };
  return { steps: [...steps, step], amount: plus(modelled.amount, change), faults: modelled.faults, isDueForTime };
}

type Conversion = NonNullable<NonNullable<PartTrace['price']['modifiers']>['unitConversion']>;

function converted({ operation, factor }: Conversion, metered: Pair): Pair {
  return operation === 'MULTIPLY' ? times(metered, pairOf(factor)) : over(metered, pairOf(factor));
}

function rounded({ rounding }: Conversion, quantity: Pair): Pair {
  return rounding === undefined ? quantity : [roundedTo(quantity, rounding.decimals, rounding.mode), 10n ** BigInt(rounding.decimals)];
}

function groupLines({ quantity }: PartTrace): Evaluated {
  const amount = quantity.kind === 'GROUPED_LINES' ? pairOfJson(quantity.exact) : null;
  const faults = amount === null ? ['the group lines come to no fraction in lowest terms'] : [];
  return { steps: [{ kind: 'GROUPED_LINES', amount: exact(amount ?? ZERO) }], amount: amount ?? ZERO, faults, isDueForTime: false };
}

/** Minimum, then maximum. */
function limitedBy({ steps, amount }: Evaluated, { minimum, maximum }: NonNullable<PartTrace['price']['modifiers']>, days: Days | undefined): Pick<Evaluated, 'steps' | 'amount'> {
  const limits: Expected[] = [];
  let held = amount;
  const least = minimum === undefined ? null : times(pairOf(minimum), factorOf(days));
  if (least !== null && minimum !== undefined && below(held, least)) {
    limits.push({ kind: 'MINIMUM', before: exact(held), minimum, prorated: valueOf(days, least), amount: exact(minus(least, held)) });
    held = least;
  }
  const most = maximum === undefined ? null : times(pairOf(maximum), factorOf(days));
  if (most !== null && maximum !== undefined && below(most, held)) {
    limits.push({ kind: 'MAXIMUM', before: exact(held), maximum, prorated: valueOf(days, most), amount: exact(minus(most, held)) });
    held = most;
  }
  return { steps: [...steps, ...limits], amount: held };
}

/** The first that a step names; the others must name the same, as they are held against it. */
function daysOf(steps: readonly RatingStep[]): Days | undefined {
  for (const step of steps) {
    const named = step.kind === 'PRORATION' ? step : 'prorated' in step ? step.prorated : step.kind === 'PERCENTAGE' ? step.free?.prorated : undefined;
    if (named !== undefined && 'zone' in named) {
      const { zone, active, period, activeDays, periodDays } = named;
      return { zone, active, period, activeDays, periodDays };
    }
  }
  return undefined;
}

function factorOf(days: Days | undefined): Pair {
  return days === undefined ? whole(1) : [BigInt(days.activeDays), BigInt(days.periodDays)];
}

function valueOf(days: Days | undefined, value: Pair): Expected | undefined {
  return days === undefined ? undefined : { ...days, active: { ...days.active }, period: { ...days.period }, value: exact(value) };
}

function daysFaults({ zone, active, period, activeDays, periodDays }: Days, servicePeriod: PeriodTrace): string[] {
  const isCount = (of: PeriodTrace, days: number, most = Infinity) => daysBetween(of, zone).some((counted) => Math.min(counted, most) === days);
  return [
    ...faultsAgainst({ ...servicePeriod }, active, 'days.active'),
    ...(isCount(period, periodDays) ? [] : ['the days of the period are miscounted']),
    ...(isCount(active, activeDays, periodDays) && activeDays < periodDays ? [] : ['the active days are miscounted']),
    ...(micros(period.start) <= micros(active.start) && micros(active.end) <= micros(period.end) ? [] : ['the active days lie outside the period']),
  ];
}

const TWO_DAYS_MS = 172_800_000;

/** What is two days shorter than its cycle has fewer days in every zone. */
function unproratedFaults({ cycle }: LineTrace, { start, end }: PeriodTrace, isDueForTime: boolean): string[] {
  const lengthOf = (from: string, to: string) => Date.parse(to) - Date.parse(from);
  const isShorter = lengthOf(cycle.start, cycle.end) - lengthOf(start, end) >= TWO_DAYS_MS;
  return isShorter && isDueForTime ? ['what is due for time is not prorated'] : [];
}

function usageFaults({ quantity }: PartTrace): string[] {
  if (quantity.kind !== 'USAGE' || quantity.groups === undefined) return [];
  const { eventCount, quantity: total, carriedIn, groups } = quantity;
  const events = groups.reduce((count, one) => count + BigInt(one.eventCount), 0n);
  const isLevel = carriedIn !== undefined; // levels add up, as other quantities need not (the greatest of each group)
  return [
    ...(events === BigInt(eventCount) ? [] : ['the events of the groups are not those of the part']),
    ...(isLevel && !equal(sum(groups.map((one) => pairOfExact(one.carriedIn ?? '0'))), pairOfExact(carriedIn)) ? ['the levels of the groups do not add up'] : []),
    ...(isLevel && !equal(sum(groups.map((one) => pairOfExact(one.quantity))), pairOfExact(total)) ? ['the quantities of the groups do not add up'] : []),
  ];
}

/** Late is what was recorded from the cycle's own cutoff on. */
function latenessFaults({ cycle }: LineTrace, { quantity }: PartTrace): string[] {
  if (quantity.kind !== 'USAGE' || quantity.lateness === undefined) return [];
  const { lateness } = quantity;
  const ranges = 'carried' in lateness ? lateness.carried : [];
  const isOrdered = ({ start, end }: PeriodTrace) => micros(start) < micros(end);
  return [
    ...(lateness.policy === 'HOLD' || lateness.policy === 'CARRY_FORWARD' ? [] : ['late usage by no policy']),
    ...(lateness.cutoff === cycle.cutoff || lateness.cutoff === null ? [] : ['late usage by another cutoff']),
    ...(ranges.every(({ events, recorded }) => isOrdered(events) && isOrdered(recorded)) ? [] : ['usage is carried from no time']),
  ];
}

function pairOfExact(json: ExactJson): Pair {
  return typeof json === 'string' ? pairOf(json) : (pairOfJson(json) ?? ZERO);
}

function priceFaults({ cycle }: LineTrace, { price: { effectiveFrom, effectiveTo, resolvedAt, knownBefore } }: PartTrace, servicePeriod: PeriodTrace): string[] {
  const isEffective = micros(effectiveFrom) <= micros(resolvedAt) && (effectiveTo === null || micros(resolvedAt) < micros(effectiveTo));
  const isInCycle = micros(cycle.start) <= micros(resolvedAt) && micros(resolvedAt) <= micros(servicePeriod.start);
  return [
    ...(isEffective ? [] : ['the price was not effective when it was chosen']),
    ...(isInCycle ? [] : ['the price was not chosen in the cycle, before the part']),
    ...(knownBefore !== null && micros(knownBefore) > micros(cycle.cutoff) ? ['the price was known after the cutoff of the cycle'] : []),
  ];
}

/** A text that sorts as the instant does. */
export function micros(time: string): string {
  const [seconds = '', fraction = ''] = time.replace('Z', '').split('.');
  return `${seconds}.${fraction.padEnd(6, '0')}`;
}
