/**
 * One step of a trace as the equation that a person can work out, and below it what the equation leans on: the days of a
 * proration, the free events of a percentage.
 */
import { unreachable } from '../errors.ts';
import { type ExactJson, type FractionJson, fractionFromJson, fractionToDecimal, fractionToJson, subtractFractions } from '../number/fraction.ts';
import { describeGroup } from '../usage/group.ts';
import type {
  ConversionStep,
  DaysTrace,
  EventLimitsTrace,
  FreeTrace,
  IncludedStep,
  MaximumStep,
  MinimumStep,
  PercentageStep,
  ProratedTrace,
  ProrationStep,
  RatingStep,
  TierRange,
} from './trace.ts';

export function printStep(step: RatingStep): string[] {
  switch (step.kind) {
    case 'UNIT_CONVERSION':
      return [printConversion(step)];
    case 'INCLUDED_QUANTITY':
      return printIncluded(step);
    case 'FLAT':
    case 'PER_UNIT':
      return [`${printFraction(step.quantity)} × ${step.unitAmount} = ${printFraction(step.amount)}`];
    case 'GRADUATED_TIER':
    case 'VOLUME_TIER':
      return [`${printRange(step)}: ${printFraction(step.quantity)} × ${step.unitAmount}${printFlat(step.flatAmount)} = ${printFraction(step.amount)}`];
    case 'PACKAGE':
      return [`${printFraction(step.quantity)} in packages of ${step.packageSize} begins ${step.packages}: ${step.packages} × ${step.packageAmount} = ${printFraction(step.amount)}`];
    case 'STAIRSTEP':
      return [`${printRange(step)}: ${printFraction(step.quantity)} lies here and costs ${printFraction(step.amount)}`];
    case 'PERCENTAGE':
      return printPercentage(step);
    case 'GRADUATED_PERCENTAGE_TIER':
      return [`${printRange(step)}: ${printFraction(step.quantity)} × ${step.percent} ÷ 100${printFlat(step.flatAmount)} = ${printFraction(step.amount)}`];
    case 'MATRIX_CELL':
      return [`${describeGroup(step.group)}${step.isDefault === true ? ', by default' : ''}: ${printFraction(step.quantity)} × ${step.unitAmount} = ${printFraction(step.amount)}`];
    case 'GROUPED_LINES':
      return [`the group lines come to ${printFraction(step.amount)}`];
    case 'PRORATION':
      return printProration(step);
    case 'MINIMUM':
      return printLimit(step, `raised to the minimum ${step.minimum}`, step.minimum);
    case 'MAXIMUM':
      return printLimit(step, `lowered to the maximum ${step.maximum}`, step.maximum);
    default:
      return unreachable(step);
  }
}

function printConversion({ quantity, operation, factor, converted, rounding, rounded }: ConversionStep): string {
  const equation = `unit conversion: ${printFraction(quantity)} ${operation === 'MULTIPLY' ? '×' : '÷'} ${factor} = ${printFraction(converted)}`;
  if (rounding === undefined || rounded === undefined) return equation;
  return `${equation}, rounded ${rounding.mode} to ${rounding.decimals} decimals: ${printFraction(rounded)}`;
}

function printIncluded({ quantity, includedQuantity, prorated, remaining }: IncludedStep): string[] {
  const taken = fractionToJson(subtractFractions(fractionFromJson(quantity), fractionFromJson(remaining)));
  return [
    `included up to ${includedQuantity}${printProrated(prorated)}: ${printFraction(quantity)} − ${printFraction(taken)} = ${printFraction(remaining)}`,
    ...printDays(prorated),
  ];
}

function printPercentage({ quantity, percent, free, paidEvents, fixedAmount, limited, amount }: PercentageStep): string[] {
  const paid = free === undefined ? printFraction(quantity) : `(${printFraction(quantity)} − ${printFraction(free.quantity)})`;
  const fixed = fixedAmount === null ? '' : ` + ${paidEvents} × ${fixedAmount}`;
  const change = limited === undefined ? '' : ` + ${printFraction(limited.change)}`;
  return [
    ...(free === undefined ? [] : printFree(free)),
    ...(limited === undefined ? [] : printEventLimits(limited)),
    `${paid} × ${percent} ÷ 100${fixed}${change} = ${printFraction(amount)}`,
  ];
}

function printFree({ freeEvents, freeAmount, prorated, events, quantity }: FreeTrace): string[] {
  const factor = prorated === undefined ? '' : ` × ${prorated.activeDays}/${prorated.periodDays}`;
  const allowances = [
    ...(freeEvents === null ? [] : [factor === '' ? plural(freeEvents, 'event') : `${freeEvents}${factor} events`]),
    ...(freeAmount === null ? [] : [`${freeAmount}${factor}`]),
  ];
  return [
    `free up to ${allowances.join(' and up to ')}: ${plural(events, 'event')} altogether, ${printFraction(quantity)} of the quantity`,
    ...printDays(prorated),
  ];
}

function printEventLimits({ minimum, maximum, raised, lowered, change }: EventLimitsTrace): string[] {
  const changes = [
    ...(minimum === null ? [] : [{ limit: `minimum ${minimum}`, how: 'below', ...raised, equation: `${raised.events} × ${minimum} − ${printFraction(raised.amount)}` }]),
    ...(maximum === null ? [] : [{ limit: `maximum ${maximum}`, how: 'above', ...lowered, equation: `${lowered.events} × ${maximum} − ${printFraction(lowered.amount)}` }]),
  ];
  return [
    ...changes.map(({ limit, how, events, amount }) => `event ${limit}: ${plural(events, 'event')} ${how} it, together ${printFraction(amount)}`),
    `the event limits change ${changes.map(({ equation }) => equation).join(' + ')} = ${printFraction(change)}`,
  ];
}

function printProration(step: ProrationStep): string[] {
  const { activeDays, periodDays, fees, prorated, amount } = step;
  return [
    `fees × ${activeDays} of ${periodDays} days: ${printFraction(fees)} × ${activeDays}/${periodDays} = ${printFraction(prorated)}, a change of ${printFraction(amount)}`,
    ...printDays(step),
  ];
}

function printLimit({ before, prorated, amount }: MinimumStep | MaximumStep, what: string, limit: string): string[] {
  const held = prorated === undefined ? limit : printFraction(prorated.value);
  return [
    `${what}${printProrated(prorated)}: ${held} − ${printFraction(before)} = ${printFraction(amount)}`,
    ...printDays(prorated),
  ];
}

function printProrated(prorated: ProratedTrace | undefined): string {
  return prorated === undefined ? '' : ` × ${prorated.activeDays}/${prorated.periodDays} = ${printFraction(prorated.value)}`;
}

export function printDays(days: DaysTrace | undefined): string[] {
  if (days === undefined) return [];
  const { active, period, zone, activeDays, periodDays } = days;
  return [`  ${activeDays} days from ${active.start} to ${active.end}, ${periodDays} from ${period.start} to ${period.end}, as dates in ${zone}`];
}

function printRange({ tier, above, upTo }: TierRange): string {
  const range = [tier === 1 ? [] : [`above ${above}`], upTo === null ? [] : [`up to ${upTo}`]].flat();
  return `tier ${tier}, ${range.join(' ') || 'every quantity'}`;
}

function printFlat(flatAmount: string | null): string {
  return flatAmount === null ? '' : ` + ${flatAmount}`;
}

/** As a decimal where it has a finite one, otherwise `numerator/denominator`. */
export function printFraction(json: FractionJson): string {
  return fractionToDecimal(fractionFromJson(json)) ?? `${json.numerator}/${json.denominator}`;
}

export function printExact(json: ExactJson): string {
  return typeof json === 'string' ? json : printFraction(json);
}

export function plural(count: string, noun: string): string {
  return `${count} ${count === '1' ? noun : `${noun}s`}`;
}

export function indented(text: string): string {
  return `  ${text}`;
}
