/**
 * Differences: the lines of a run, from what a cycle calls for now and what it called for when last billed.
 *
 * The two sides are matched by line key; amount and quantity of a line are settled minus billed, minor units from minor
 * units, so over all runs a line key adds up to exactly its last settled amount. Late usage, voids and back-dated
 * changes need no rule of their own. The trap: a line that is no longer called for has only a billed side, and must
 * still appear, as a credit.
 */
import { invariant } from '../errors.ts';
import { currencyExponent } from '../number/currency.ts';
import type { Decimal } from '../number/decimal.ts';
import { equalFractions, type Fraction, fractionToDecimal, negateFraction, subtractFractions, sumFractions } from '../number/fraction.ts';
import { formatMinorUnits } from '../number/money.ts';
import { formatInstant, type Interval } from '../time/instant.ts';
import { describeGroup } from '../usage/group.ts';
import type { RunFacts, RunLine } from './run.ts';
import type { RatedPart, SettledLine } from './settled-line.ts';

/**
 * One line per key on either side, zero differences included: the settled side's order, then what is only on the
 * billed side, in its order. `billed`: `null` where nothing of the cycle can have been billed before.
 */
export function differences(facts: RunFacts, settled: readonly SettledLine[], billed: readonly SettledLine[] | null): readonly RunLine[] {
  const isAdjustment = billed !== null;
  const settledByKey = linesByKey(settled);
  const billedByKey = linesByKey(billed ?? []);
  return [
    ...settled.map((line) => runLine(facts, { settled: line, billed: billedByKey.get(line.lineKey) ?? null, named: line, isAdjustment })),
    ...(billed ?? []).filter(({ lineKey }) => !settledByKey.has(lineKey)).map((line) => runLine(facts, { settled: null, billed: line, named: line, isAdjustment })),
  ];
}

function linesByKey(lines: readonly SettledLine[]): ReadonlyMap<string, SettledLine> {
  const byKey = new Map(lines.map((line) => [line.lineKey, line]));
  invariant(byKey.size === lines.length, 'a line key occurs twice in one cycle');
  return byKey;
}

interface LineSides {
  readonly settled: SettledLine | null;
  readonly billed: SettledLine | null;
  /** Whichever side exists; both have the same item, price, kind and group, as those are in the key. */
  readonly named: SettledLine;
  readonly isAdjustment: boolean;
}

function runLine(facts: RunFacts, { settled, billed, named, isAdjustment }: LineSides): RunLine {
  const { charge: { cycle, item, price }, chargeKind, group, parts } = named;
  const exponent = currencyExponent(facts.currencyCode);
  const amountMinorUnits = (settled?.amountMinorUnits ?? 0n) - (billed?.amountMinorUnits ?? 0n);
  return {
    lineKey: named.lineKey,
    cycleIndex: cycle.index,
    item,
    priceCode: price.code,
    priceVersion: lastPart(parts).part.version.version,
    chargeKind,
    isAdjustment,
    description: description(named, isAdjustment),
    servicePeriod: servicePeriodOf(parts),
    quantity: quantityDifference(settled, billed),
    unitAmount: unitAmountOf(named),
    amountMinorUnits,
    trace: {
      currencyCode: facts.currencyCode,
      exponent,
      cycle: {
        index: cycle.index,
        start: formatInstant(cycle.start),
        end: formatInstant(cycle.end),
        cutoff: formatInstant(cycle.cutoff),
      },
      ...(group === null ? {} : { group }),
      settled: settled?.trace ?? null,
      billed: billed?.trace ?? null,
      amount: formatMinorUnits(amountMinorUnits, exponent),
    },
  };
}

function description({ charge: { cycle, price }, chargeKind, group }: SettledLine, isAdjustment: boolean): string {
  return [
    price.displayName,
    ...(group === null ? [] : [describeGroup(group)]),
    ...(chargeKind === 'TRUE_UP' ? ['true-up'] : []),
    ...(isAdjustment ? [`adjustment of cycle ${cycle.index}`] : []),
  ].join(', ');
}

function lastPart(parts: readonly RatedPart[]): RatedPart {
  const last = parts.at(-1);
  invariant(last !== undefined, 'a line has a part');
  return last;
}

/** From the start of the first part to the end of the last. */
function servicePeriodOf(parts: readonly RatedPart[]): Interval {
  const { servicePeriod: { end } } = lastPart(parts).part;
  return { start: parts[0]?.part.servicePeriod.start ?? end, end };
}

function quantityDifference(settled: SettledLine | null, billed: SettledLine | null): string | null {
  const [now, before] = [quantityOf(settled), quantityOf(billed)];
  if (settled === null) return before === null ? null : fractionToDecimal(negateFraction(before));
  if (billed === null) return now === null ? null : fractionToDecimal(now);
  return now === null || before === null ? null : fractionToDecimal(subtractFractions(now, before));
}

/**
 * The usage of all parts; the copies of an item if they are the same in all of them; `null` where one version rates usage
 * and another one copies.
 */
function quantityOf(line: SettledLine | null): Fraction | null {
  const parts = line?.parts ?? [];
  const quantities = parts.flatMap(({ quantity }) => quantity ?? []);
  const [first] = quantities;
  if (first === undefined || parts.some(({ quantityTrace }) => quantityTrace.kind !== parts[0]?.quantityTrace.kind)) return null;
  if (parts[0]?.quantityTrace.kind === 'USAGE') return sumFractions(quantities);
  return quantities.every((quantity) => equalFractions(quantity, first)) ? first : null;
}

/** None where the quantity is converted: the amount is then one of another unit than the line's. */
function unitAmountOf({ parts: [first, ...more] }: SettledLine): Decimal | null {
  if (first === undefined || more.length > 0) return null;
  const { model, modifiers } = first.part.version;
  if (modifiers?.unitConversion !== undefined) return null;
  if (model.kind === 'FLAT') return model.amount;
  return model.kind === 'PER_UNIT' ? model.unitAmount : null;
}
