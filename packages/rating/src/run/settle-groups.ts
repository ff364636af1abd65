/**
 * Settling an item that is rated by dimension: a line for each group of its usage, and a true-up where its minimum or
 * maximum bears on all of them.
 *
 * Each group has its own tiers and its own included quantity; minimum and maximum are the item's. The trap: the true-up
 * makes up for the settled lines and not for the exact ones, so that the item comes to exactly its minimum, also where
 * nothing but the roundings of its lines carried it below.
 */
import type { RatedQuantity } from '../model/model.ts';
import { prorated } from '../modifier/proration.ts';
import { equalFractions, type Fraction, fractionToJson, sumFractions } from '../number/fraction.ts';
import { formatMinorUnits } from '../number/money.ts';
import { parameterFraction } from '../number/parameter.ts';
import { roundToMinorUnits } from '../number/rounding.ts';
import { limitAmount, rateUnlimited } from '../price/rate-price.ts';
import { groupKey, type UsageGroup } from '../usage/group.ts';
import type { Charge, ChargePart } from './charge.ts';
import { chargedGroups } from './charged-quantity.ts';
import type { RunFacts, UsageAnswers } from './run.ts';
import { ratedPart, type RatedPart, roundingOf, type SettledLine, settledLine } from './settled-line.ts';

/** The groups in the order of their keys, then the true-up. Errors: as `settleCharge`. */
export function settleGroups(facts: RunFacts, usage: UsageAnswers, charge: Charge): readonly SettledLine[] {
  const partsByGroup = new Map<string, { group: UsageGroup; parts: RatedPart[] }>();
  const limited: LimitedPart[] = [];
  for (const part of charge.parts) {
    const groups = chargedGroups(usage, part).map(({ group, charged }) => {
      const rated = rateUnlimited(part.version, charged.ratable, part.proration);
      const line = partsByGroup.get(groupKey(group)) ?? { group, parts: [] };
      partsByGroup.set(groupKey(group), { group, parts: [...line.parts, ratedPart(part, charged, rated)] });
      return rated.amount;
    });
    limited.push(limitedPart(part, groups));
  }
  const lines = [...partsByGroup]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { group, parts }]) => settledLine(facts, { charge, chargeKind: charge.chargeKind, group, parts }));
  const settled = lines.reduce((sum, { amountMinorUnits }) => sum + amountMinorUnits, 0n);
  return isTrueUpDue(facts, charge, limited, settled) ? [...lines, trueUp(facts, charge, limited, settled)] : lines;
}

/** Where a limit bears on the groups together, and where the roundings of their lines alone carry them beyond one. */
function isTrueUpDue(facts: RunFacts, charge: Charge, parts: readonly LimitedPart[], settled: bigint): boolean {
  if (parts.some(({ isLimited }) => isLimited)) return true;
  const { exponent, mode } = roundingOf(facts, charge);
  const limit = (name: 'minimum' | 'maximum'): bigint | null => {
    const ofParts = parts.flatMap(({ part: { version: { modifiers = {} }, proration } }) => {
      const amount = modifiers[name];
      return amount === undefined ? [] : [prorated(parameterFraction(amount), proration)];
    });
    return ofParts.length < parts.length ? null : roundToMinorUnits(sumFractions(ofParts), exponent, mode).minorUnits;
  };
  const [least, most] = [limit('minimum'), limit('maximum')];
  return (least !== null && settled < least) || (most !== null && settled > most);
}

interface LimitedPart extends RatedPart {
  readonly isLimited: boolean;
}

/** What the groups of one part come to together, held against the item's minimum and maximum. */
function limitedPart(part: ChargePart, groups: readonly Fraction[]): LimitedPart {
  const amount = sumFractions(groups);
  const exact = fractionToJson(amount);
  const together: RatedQuantity = { amount, flatAmount: amount, steps: () => [{ kind: 'GROUPED_LINES', amount: exact }] };
  const rated = limitAmount(part.version.modifiers, together, part.proration);
  return { part, quantity: null, quantityTrace: { kind: 'GROUPED_LINES', lines: groups.length, exact }, rated, isLimited: !equalFractions(rated.amount, amount) };
}

function trueUp(facts: RunFacts, charge: Charge, parts: readonly RatedPart[], settled: bigint): SettledLine {
  const whole = settledLine(facts, { charge, chargeKind: 'TRUE_UP', group: null, parts });
  const lessSettled = formatMinorUnits(settled, roundingOf(facts, charge).exponent);
  return {
    ...whole,
    amountMinorUnits: whole.amountMinorUnits - settled,
    trace: { ...whole.trace, rounding: { ...whole.trace.rounding, lessSettled } },
  };
}
