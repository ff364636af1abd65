/**
 * Settling: from a charge and its usage to the rounded lines of D_n(κ), with their traces.
 *
 * Each part is rated alone by its version (`price/rate-price.ts`): the usage of a metered price, the item's own quantity
 * for a fee. The sum of the parts is rounded once, by the mode known as its prices are. An item rated by dimension has a
 * line for each group, and one more where its minimum or maximum bears on all of them.
 * The traps: a difference is taken between two settled lines and never rounded itself; and the true-up makes up for the
 * settled lines and not for the exact ones, so that the item comes to exactly its minimum.
 */
import { derivedId } from '../canonical/derived-id.ts';
import { invariant } from '../errors.ts';
import type { RatedQuantity } from '../model/model.ts';
import { daysTrace } from '../modifier/proration.ts';
import { currencyExponent } from '../number/currency.ts';
import { type Fraction, fractionToJson, sumFractions } from '../number/fraction.ts';
import { formatMinorUnits } from '../number/money.ts';
import { roundInParts, type RoundingMode, roundToMinorUnits } from '../number/rounding.ts';
import { rateUnlimited, ratePrice, limitAmount } from '../price/rate-price.ts';
import { formatInstant } from '../time/instant.ts';
import type { PartTrace, PeriodTrace, PriceTrace, QuantityTrace, SideTrace } from '../trace/trace.ts';
import { groupKey, type UsageGroup } from '../usage/group.ts';
import type { Charge, ChargePart } from './charge.ts';
import { type ChargedQuantity, chargedGroups, chargedQuantity } from './charged-quantity.ts';
import type { ChargeKind, RunFacts, UsageAnswers } from './run.ts';
import { settingsKnownBefore } from './settings.ts';

export interface SettledLine {
  readonly lineKey: string;
  readonly charge: Charge;
  readonly chargeKind: ChargeKind;
  /** `null` for all of the item. */
  readonly group: UsageGroup | null;
  /** The parts that the line has; of a group, those in which it was used. */
  readonly parts: readonly RatedPart[];
  readonly amountMinorUnits: bigint;
  readonly trace: SideTrace;
}

export interface RatedPart {
  readonly part: ChargePart;
  /** `null` for a true-up. */
  readonly quantity: Fraction | null;
  readonly quantityTrace: QuantityTrace;
  readonly rated: RatedQuantity;
}

/**
 * One line, or one for each group and a true-up. Breaks off if metering has not answered what was asked. Errors:
 * CURRENCY_UNKNOWN, TIERS_INVALID, MATRIX_CELL_MISSING.
 */
export function settleCharge(facts: RunFacts, usage: UsageAnswers, charge: Charge): readonly SettledLine[] {
  if (charge.price.rateBy === 'DIMENSION' && charge.chargeKind === 'USAGE') return settleGroups(facts, usage, charge);
  const parts = charge.parts.map((part) => {
    const charged = chargedQuantity(usage, part);
    return ratedPart(part, charged, ratePrice(part.version, charged.ratable, part.proration));
  });
  return [settledLine(facts, { charge, chargeKind: charge.chargeKind, group: null, parts })];
}

/** The groups in the order of their keys, then the true-up. */
function settleGroups(facts: RunFacts, usage: UsageAnswers, charge: Charge): readonly SettledLine[] {
  const partsByGroup = new Map<string, { group: UsageGroup; parts: RatedPart[] }>();
  const limited: RatedPart[] = [];
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
  const isLimited = limited.some(({ rated }) => rated.steps().length > 1);
  return isLimited ? [...lines, trueUp(facts, charge, limited, lines)] : lines;
}

/** What the groups of one part come to together, held against the item's minimum and maximum. */
function limitedPart(part: ChargePart, groups: readonly Fraction[]): RatedPart {
  const amount = sumFractions(groups);
  const exact = fractionToJson(amount);
  const together: RatedQuantity = { amount, flatAmount: amount, steps: () => [{ kind: 'GROUPED_LINES', amount: exact }] };
  return {
    part,
    quantity: null,
    quantityTrace: { kind: 'GROUPED_LINES', lines: groups.length, exact },
    rated: limitAmount(part.version.modifiers, together, part.proration),
  };
}

function trueUp(facts: RunFacts, charge: Charge, parts: readonly RatedPart[], lines: readonly SettledLine[]): SettledLine {
  const whole = settledLine(facts, { charge, chargeKind: 'TRUE_UP', group: null, parts });
  const settled = lines.reduce((sum, { amountMinorUnits }) => sum + amountMinorUnits, 0n);
  const lessSettled = formatMinorUnits(settled, currencyExponent(facts.currencyCode));
  return {
    ...whole,
    amountMinorUnits: whole.amountMinorUnits - settled,
    trace: { ...whole.trace, rounding: { ...whole.trace.rounding, lessSettled } },
  };
}

function ratedPart(part: ChargePart, { ratable, trace }: ChargedQuantity, rated: RatedQuantity): RatedPart {
  return { part, quantity: ratable.quantity, quantityTrace: trace, rated };
}

function settledLine(facts: RunFacts, line: Pick<SettledLine, 'charge' | 'chargeKind' | 'group' | 'parts'>): SettledLine {
  const { charge, chargeKind, group, parts } = line;
  const exponent = currencyExponent(facts.currencyCode);
  const mode = settingsKnownBefore(facts.settings, charge.pricesKnownBefore).roundingMode;
  const exact = sumFractions(parts.map(({ rated }) => rated.amount));
  const { minorUnits, residue } = roundToMinorUnits(exact, exponent, mode);
  const knownBefore = formatInstant(charge.knownBefore);
  const rounding = { mode, amount: formatMinorUnits(minorUnits, exponent), residue: fractionToJson(residue) };
  const [only, ...more] = parts;
  invariant(only !== undefined, 'a line has a part');
  const trace = more.length === 0
    ? { knownBefore, ...partTrace(charge, only), rounding }
    : { knownBefore, parts: settledParts(charge, parts, exponent, mode), exact: fractionToJson(exact), rounding };
  return { lineKey: lineKey(facts, charge, chargeKind, group), ...line, amountMinorUnits: minorUnits, trace };
}

function settledParts(charge: Charge, parts: readonly RatedPart[], exponent: number, mode: RoundingMode) {
  const shares = roundInParts(parts.map(({ rated }) => rated.amount), exponent, mode);
  return parts.map((part, position) => ({ ...partTrace(charge, part), amount: formatMinorUnits(shares[position] ?? 0n, exponent) }));
}

function partTrace(charge: Charge, { part, quantityTrace, rated }: RatedPart): PartTrace {
  return {
    ...shortened(charge, part),
    quantity: quantityTrace,
    price: priceTrace(charge, part),
    ...limitDays(part),
    steps: rated.steps(),
    exact: fractionToJson(rated.amount),
  };
}

function limitDays({ version: { modifiers = {} }, proration }: ChargePart): Pick<PartTrace, 'limitDays'> {
  const hasLimits = modifiers.minimum !== undefined || modifiers.maximum !== undefined;
  return proration !== null && hasLimits ? { limitDays: daysTrace(proration) } : {};
}

/** Said only where it is not the cycle, which the line names anyway. */
function shortened({ cycle }: Charge, { servicePeriod: { start, end } }: ChargePart): { readonly servicePeriod?: PeriodTrace } {
  if (start === cycle.start && end === cycle.end) return {};
  return { servicePeriod: { start: formatInstant(start), end: formatInstant(end) } };
}

function lineKey({ subscription }: RunFacts, { cycle, item, price }: Charge, chargeKind: ChargeKind, group: UsageGroup | null): string {
  const groupPart = group === null ? '' : groupKey(group);
  return derivedId('line', subscription.reference, cycle.index.toString(), item, price.code, chargeKind, groupPart);
}

function priceTrace({ price, pricesKnownBefore }: Charge, { version, isOverride, resolvedAt }: ChargePart): PriceTrace {
  return {
    code: price.code,
    version: version.version,
    ...(isOverride ? { override: true } : {}),
    effectiveFrom: formatInstant(version.effectiveFrom),
    effectiveTo: version.effectiveTo === null ? null : formatInstant(version.effectiveTo),
    resolvedAt: formatInstant(resolvedAt),
    knownBefore: version.recordedTime < pricesKnownBefore ? formatInstant(pricesKnownBefore) : null,
    model: version.model,
    ...(version.modifiers === undefined ? {} : { modifiers: version.modifiers }),
  };
}
