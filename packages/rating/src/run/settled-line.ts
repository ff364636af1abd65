/**
 * A settled line: the parts of one charge, or of one of its groups, summed, rounded once, and traced.
 *
 * The sum is rounded by the mode known as the prices are; where there are several parts, they share it by cumulative
 * rounding. The trap: a trace with one part has the part's members itself, and only one with several lists them, so that
 * a line that was never cut keeps the form it always had.
 */
import { derivedId } from '../canonical/derived-id.ts';
import { invariant } from '../errors.ts';
import type { RatedQuantity } from '../model/model.ts';
import { daysTrace } from '../modifier/proration.ts';
import { currencyExponent } from '../number/currency.ts';
import { type Fraction, fractionToJson, sumFractions } from '../number/fraction.ts';
import { formatMinorUnits } from '../number/money.ts';
import { roundInParts, type RoundingMode, roundToMinorUnits } from '../number/rounding.ts';
import { formatInstant } from '../time/instant.ts';
import type { PartTrace, PeriodTrace, PriceTrace, QuantityTrace, SideTrace } from '../trace/trace.ts';
import { groupKey, type UsageGroup } from '../usage/group.ts';
import type { Charge, ChargePart } from './charge.ts';
import type { ChargedQuantity } from './charged-quantity.ts';
import type { ChargeKind, RunFacts } from './run.ts';
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

export function ratedPart(part: ChargePart, { ratable, trace }: ChargedQuantity, rated: RatedQuantity): RatedPart {
  return { part, quantity: ratable.quantity, quantityTrace: trace, rated };
}

/** Errors: CURRENCY_UNKNOWN. */
export function settledLine(facts: RunFacts, line: Pick<SettledLine, 'charge' | 'chargeKind' | 'group' | 'parts'>): SettledLine {
  const { charge, chargeKind, group, parts } = line;
  const { exponent, mode } = roundingOf(facts, charge);
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

export function roundingOf({ currencyCode, settings }: RunFacts, { pricesKnownBefore }: Charge): { readonly exponent: number; readonly mode: RoundingMode } {
  return { exponent: currencyExponent(currencyCode), mode: settingsKnownBefore(settings, pricesKnownBefore).roundingMode };
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
