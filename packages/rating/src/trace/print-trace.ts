/**
 * A trace for a person with a pencil: every step as an equation that can be worked out by hand.
 *
 * One string per printed line, indented by two spaces per level; no amount is computed here, all are copied from the
 * trace.
 */
import { unreachable } from '../errors.ts';
import { type FractionJson, fractionFromJson, fractionToDecimal } from '../number/fraction.ts';
import type { RunLine } from '../run/run.ts';
import type { LineTrace, PriceTrace, ProrationStep, QuantityTrace, RatingStep, SideTrace, TierStep } from './trace.ts';

/** The derivation of one line. */
export function printTrace(line: Pick<RunLine, 'description' | 'trace'>): string[] {
  const { trace } = line;
  const { cycle, settled, billed } = trace;
  const heading = [
    `${line.description}: ${trace.amount} ${trace.currencyCode}`,
    `  cycle ${cycle.index}: ${cycle.start} to ${cycle.end}`,
  ];
  if (billed === null && settled !== null) return [...heading, ...printSide(trace, settled).map(indented)];
  return [
    ...heading,
    ...printNamedSide(trace, 'called for now', settled),
    ...printNamedSide(trace, 'called for when last billed', billed),
    `  ${settled?.rounding.amount ?? '0'} − ${billed?.rounding.amount ?? '0'} = ${trace.amount}`,
  ];
}

function printNamedSide(trace: LineTrace, name: string, side: SideTrace | null): string[] {
  if (side === null) return [`  ${name}: nothing`];
  return [`  ${name}:`, ...printSide(trace, side).map(indented).map(indented)];
}

function printSide({ exponent }: LineTrace, side: SideTrace): string[] {
  const { mode, amount, residue } = side.rounding;
  const { servicePeriod } = side;
  return [
    ...(servicePeriod === undefined ? [] : [`in service ${servicePeriod.start} to ${servicePeriod.end}`]),
    printQuantity(side.quantity, side.knownBefore),
    ...printPrice(side.price),
    ...side.steps.flatMap(printStep).map(indented),
    `exact ${printFraction(side.exact)}`,
    `rounded ${mode} to ${exponent} digits: ${amount}, residue ${printFraction(residue)}`,
  ];
}

function printQuantity(quantity: QuantityTrace, knownBefore: string): string {
  if (quantity.kind === 'ITEM') return `quantity ${quantity.quantity} of the item, known before ${knownBefore}`;
  const { eventCount, meterCode, usageSetDigest } = quantity;
  const events = `${eventCount} ${eventCount === '1' ? 'event' : 'events'} of ${meterCode}, recorded before ${knownBefore}`;
  return `quantity ${quantity.quantity} from ${events}, set ${usageSetDigest}`;
}

function printPrice({ code, version, effectiveFrom, effectiveTo, resolvedAt, knownBefore, model }: PriceTrace): string[] {
  const effective = `effective from ${effectiveFrom}${effectiveTo === null ? '' : ` to ${effectiveTo}`}`;
  return [
    `price ${code} version ${version}, ${effective}`,
    knownBefore === null
      ? `  chosen at ${resolvedAt}: the first one published, as none was in time for the cutoff`
      : `  chosen at ${resolvedAt} among versions recorded before ${knownBefore}`,
    model.kind,
  ];
}

function printStep(step: RatingStep): string[] {
  switch (step.kind) {
    case 'FLAT':
    case 'PER_UNIT':
      return [`${printFraction(step.quantity)} × ${step.unitAmount} = ${printFraction(step.amount)}`];
    case 'GRADUATED_TIER':
    case 'VOLUME_TIER':
      return [printTier(step)];
    case 'PRORATION':
      return printProration(step);
    default:
      return unreachable(step);
  }
}

function printTier(step: TierStep): string {
  const range = [step.tier === 1 ? [] : [`above ${step.above}`], step.upTo === null ? [] : [`up to ${step.upTo}`]].flat();
  const flat = step.flatAmount === null ? '' : ` + ${step.flatAmount}`;
  const equation = `${printFraction(step.quantity)} × ${step.unitAmount}${flat} = ${printFraction(step.amount)}`;
  return `tier ${step.tier}, ${range.join(' ') || 'every quantity'}: ${equation}`;
}

function printProration({ active, period, zone, activeDays, periodDays, fees, prorated, amount }: ProrationStep): string[] {
  return [
    `fees × ${activeDays} of ${periodDays} days: ${printFraction(fees)} × ${activeDays}/${periodDays} = ${printFraction(prorated)}, a change of ${printFraction(amount)}`,
    `  ${activeDays} days from ${active.start} to ${active.end}, ${periodDays} from ${period.start} to ${period.end}, as dates in ${zone}`,
  ];
}

/** As a decimal where it has a finite one, otherwise `numerator/denominator`. */
function printFraction(json: FractionJson): string {
  return fractionToDecimal(fractionFromJson(json)) ?? `${json.numerator}/${json.denominator}`;
}

function indented(text: string): string {
  return `  ${text}`;
}
