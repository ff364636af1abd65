/**
 * A trace for a person with a pencil: every step as an equation that can be worked out by hand.
 *
 * One string per printed line, indented by two spaces per level. Amounts are copied from the trace; all that is worked
 * out here is what an equation needs to be whole: how much of a quantity was included, and the running sums by which
 * the parts of a line share its rounding. The trap: the text is for reading. Nothing is ever parsed back from it.
 */
import { addFractions, type Fraction, fractionFromJson, fractionToJson, ZERO_FRACTION } from '../number/fraction.ts';
import { formatMinorUnits, parseMinorUnits } from '../number/money.ts';
import type { RunLine } from '../run/run.ts';
import { describeGroup } from '../usage/group.ts';
import { indented, plural, printDays, printExact, printFraction, printStep } from './print-step.ts';
import type { DaysTrace, LatenessTrace, LineTrace, PartedSideTrace, PartTrace, PriceTrace, QuantityTrace, SideTrace, UsageQuantityTrace } from './trace.ts';

/** The derivation of one line. */
export function printTrace(line: Pick<RunLine, 'description' | 'trace'>): string[] {
  const { trace } = line;
  const { cycle, group, settled, billed } = trace;
  const heading = [
    `${line.description}: ${trace.amount} ${trace.currencyCode}`,
    `  cycle ${cycle.index}: ${cycle.start} to ${cycle.end}`,
    ...(group === undefined ? [] : [`  of the group ${describeGroup(group)}`]),
  ];
  if (billed === null && settled !== null) return [...heading, ...printSide(trace, settled).map(indented)];
  return [
    ...heading,
    ...printNamedSide(trace, 'called for now', settled),
    ...printNamedSide(trace, 'called for when last billed', billed),
    `  ${amountOfSide(trace, settled)} − ${amountOfSide(trace, billed)} = ${trace.amount}`,
  ];
}

function printNamedSide(trace: LineTrace, name: string, side: SideTrace | null): string[] {
  if (side === null) return [`  ${name}: nothing`];
  return [`  ${name}:`, ...printSide(trace, side).map(indented).map(indented)];
}

function printSide(trace: LineTrace, side: SideTrace): string[] {
  const { mode, amount, residue, lessSettled } = side.rounding;
  return [
    ...('parts' in side ? printParts(trace, side) : [...printPart(side, side.knownBefore), `exact ${printFraction(side.exact)}`]),
    `rounded ${mode} to ${trace.exponent} digits: ${amount}, residue ${printFraction(residue)}`,
    ...(lessSettled === undefined ? [] : [`less what the group lines settled to: ${amount} − ${lessSettled} = ${amountOfSide(trace, side)}`]),
  ];
}

/** Each part, then how they share the rounded sum: round(this part and those before) − round(those before). */
function printParts({ exponent }: LineTrace, { knownBefore, parts, exact, rounding: { mode } }: PartedSideTrace): string[] {
  let sum = ZERO_FRACTION;
  let settled = 0n;
  const printed = parts.flatMap((part, position) => {
    const before = { sum, settled };
    sum = addFractions(sum, fractionFromJson(part.exact));
    settled += parseMinorUnits(part.amount, exponent);
    const rounded = formatMinorUnits(settled, exponent);
    const through = position === 0
      ? `its share: rounded ${mode} ${part.amount}`
      : `its share: ${printValue(before.sum)} + ${printFraction(part.exact)} = ${printValue(sum)}, rounded ${mode} ${rounded}, less ${formatMinorUnits(before.settled, exponent)} before it: ${part.amount}`;
    return [`part ${position + 1} of ${parts.length}`, ...[...printPart(part, knownBefore), `exact ${printFraction(part.exact)}`, through].map(indented)];
  });
  return [...printed, `exact ${parts.map((part) => printFraction(part.exact)).join(' + ')} = ${printFraction(exact)}`];
}

function printPart({ servicePeriod, quantity, price, limitDays, steps }: PartTrace, knownBefore: string): string[] {
  return [
    ...(servicePeriod === undefined ? [] : [`in service ${servicePeriod.start} to ${servicePeriod.end}`]),
    ...printQuantity(quantity, knownBefore),
    ...printPrice(price),
    printRule(price, limitDays),
    ...printDays(limitDays),
    ...steps.flatMap(printStep).map(indented),
  ];
}

function printQuantity(quantity: QuantityTrace, knownBefore: string): string[] {
  switch (quantity.kind) {
    case 'ITEM':
      return [`quantity ${quantity.quantity} of the item, known before ${knownBefore}`];
    case 'GROUPED_LINES':
      return [`${plural(quantity.lines.toString(), 'group line')}, together ${printFraction(quantity.exact)}, known before ${knownBefore}`];
    default:
      return printUsage(quantity, knownBefore);
  }
}

/** Says of a MAX, too, what would be carried of a COUNT: the trace does not know the meter's aggregation. */
function printLateness(lateness: LatenessTrace): string[] {
  if (lateness.policy === 'HOLD') {
    const { cutoff, heldCycles } = lateness;
    return [
      ...(cutoff === null ? [] : [`  of what was recorded from ${cutoff} on only what was released`]),
      ...(heldCycles === undefined ? [] : [`  and of the late usage of ${plural(String(heldCycles), 'earlier cycle')}, of which the level is made up, only what was released`]),
    ];
  }
  return [
    `  CARRY_FORWARD, of a COUNT or SUM: what happened in this time and was recorded before ${lateness.cutoff}`,
    ...lateness.carried.map(({ events, recorded }) => `    and what happened from ${events.start} to ${events.end} and was recorded from ${recorded.start} to ${recorded.end}`),
  ];
}

function printUsage({ quantity, eventCount, meterCode, usageSetDigest, carriedIn, lateness, groups = [] }: UsageQuantityTrace, knownBefore: string): string[] {
  const events = `${plural(eventCount, 'event')} of ${meterCode}, recorded before ${knownBefore}`;
  return [
    `quantity ${printExact(quantity)} from ${events}, set ${usageSetDigest}`,
    ...(lateness === undefined ? [] : printLateness(lateness)),
    ...(carriedIn === undefined ? [] : [`  a level of ${printExact(carriedIn)} carried in at its start, contained in the quantity`]),
    ...groups.map((one) => `  ${describeGroup(one.group)}: ${printExact(one.quantity)} from ${plural(one.eventCount, 'event')}${one.carriedIn === undefined ? '' : ` and a level of ${printExact(one.carriedIn)}`}, set ${one.usageSetDigest}`),
  ];
}

function printPrice(price: PriceTrace): string[] {
  const { code, version, effectiveFrom, effectiveTo, resolvedAt, knownBefore } = price;
  const effective = `effective from ${effectiveFrom}${effectiveTo === null ? '' : ` to ${effectiveTo}`}`;
  return [
    `price ${code} version ${version}${price.override === true ? ' of the subscription itself' : ''}, ${effective}`,
    knownBefore === null
      ? `  chosen at ${resolvedAt}: the first one published, as none was in time for the cutoff`
      : `  chosen at ${resolvedAt} among versions recorded before ${knownBefore}`,
  ];
}

/** The limits too, since a limit that was not reached leaves no step. */
function printRule({ model, modifiers: { minimum, maximum } = {} }: PriceTrace, limitDays: DaysTrace | undefined): string {
  const factor = limitDays === undefined ? '' : ` × ${limitDays.activeDays}/${limitDays.periodDays}`;
  return [model.kind, ...(minimum === undefined ? [] : [`minimum ${minimum}${factor}`]), ...(maximum === undefined ? [] : [`maximum ${maximum}${factor}`])].join(', ');
}

function amountOfSide({ exponent }: LineTrace, side: SideTrace | null): string {
  if (side === null) return '0';
  const { amount, lessSettled } = side.rounding;
  return lessSettled === undefined ? amount : formatMinorUnits(parseMinorUnits(amount, exponent) - parseMinorUnits(lessSettled, exponent), exponent);
}

function printValue(value: Fraction): string {
  return printFraction(fractionToJson(value));
}
