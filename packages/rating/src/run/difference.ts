/**
 * Differences: the lines of a run, from what a cycle calls for now and what it called for when last billed.
 *
 * The two sides are matched by line key; amount and quantity of a line are settled minus billed, minor units from minor
 * units, so over all runs a line key adds up to exactly its last settled amount. Late usage, voids and back-dated
 * changes need no rule of their own. The trap: a line that is no longer called for has only a billed side, and must
 * still appear, as a credit.
 */
import { invariant, unreachable } from '../errors.ts';
import { currencyExponent } from '../number/currency.ts';
import type { Decimal } from '../number/decimal.ts';
import { fractionToDecimal, negateFraction, subtractFractions } from '../number/fraction.ts';
import { formatMinorUnits } from '../number/money.ts';
import type { PriceModel } from '../price/price.ts';
import { formatInstant } from '../time/instant.ts';
import type { RunFacts, RunLine } from './run.ts';
import type { SettledLine } from './settle-charge.ts';

/**
 * One line per key on either side, zero differences included: the settled side's order, then what is only on the
 * billed side, in its order.
 */
export function differences(
  facts: RunFacts,
  settled: readonly SettledLine[],
  billed: readonly SettledLine[],
): readonly RunLine[] {
  const settledByKey = linesByKey(settled);
  const billedByKey = linesByKey(billed);
  return [
    ...settled.map((line) => runLine(facts, line, billedByKey.get(line.lineKey) ?? null, line)),
    ...billed.filter(({ lineKey }) => !settledByKey.has(lineKey)).map((line) => runLine(facts, null, line, line)),
  ];
}

function linesByKey(lines: readonly SettledLine[]): ReadonlyMap<string, SettledLine> {
  const byKey = new Map(lines.map((line) => [line.lineKey, line]));
  invariant(byKey.size === lines.length, 'a line key occurs twice in one cycle');
  return byKey;
}

/** `named` is whichever side exists; both have the same item and price, as those are in the key. */
function runLine(facts: RunFacts, settled: SettledLine | null, billed: SettledLine | null, named: SettledLine): RunLine {
  const { cycle, item, price, version, chargeKind, servicePeriod } = named.charge;
  const isAdjustment = cycle.index !== facts.runIndex;
  const exponent = currencyExponent(facts.currencyCode);
  const amountMinorUnits = (settled?.amountMinorUnits ?? 0n) - (billed?.amountMinorUnits ?? 0n);
  return {
    lineKey: named.lineKey,
    cycleIndex: cycle.index,
    item: item.item,
    priceCode: price.code,
    priceVersion: version.version,
    chargeKind,
    isAdjustment,
    description: isAdjustment ? `${price.displayName}, adjustment of cycle ${cycle.index}` : price.displayName,
    servicePeriod,
    quantity: quantityDifference(settled, billed),
    unitAmount: unitAmountOf(version.model),
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
      settled: settled?.trace ?? null,
      billed: billed?.trace ?? null,
      amount: formatMinorUnits(amountMinorUnits, exponent),
    },
  };
}

function quantityDifference(settled: SettledLine | null, billed: SettledLine | null): string | null {
  if (settled === null) return billed === null ? null : fractionToDecimal(negateFraction(billed.quantity));
  return fractionToDecimal(billed === null ? settled.quantity : subtractFractions(settled.quantity, billed.quantity));
}

function unitAmountOf(model: PriceModel): Decimal | null {
  switch (model.kind) {
    case 'FLAT':
      return model.amount;
    case 'PER_UNIT':
      return model.unitAmount;
    case 'GRADUATED':
    case 'VOLUME':
      return null;
    default:
      return unreachable(model);
  }
}
