/**
 * Settling: from a charge and its usage to one rounded line of D_n(κ), with its trace.
 *
 * The quantity is the usage of a metered price, and the item's own quantity for a fee; the model makes an exact amount
 * of it, proration cuts its fees by day; the one rounding makes minor units of that, by the mode known at the cycle's cutoff. The trap: a difference is
 * taken between two settled lines and never rounded itself.
 */
import { derivedId } from '../canonical/derived-id.ts';
import { invariant } from '../errors.ts';
import { rateQuantity } from '../model/model.ts';
import { currencyExponent } from '../number/currency.ts';
import { type Fraction, fractionFromDecimal, fractionToJson } from '../number/fraction.ts';
import { formatMinorUnits } from '../number/money.ts';
import { roundToMinorUnits } from '../number/rounding.ts';
import { formatInstant } from '../time/instant.ts';
import type { PeriodTrace, PriceTrace, QuantityTrace, SideTrace } from '../trace/trace.ts';
import type { Charge } from './charge.ts';
import { prorate } from './proration.ts';
import type { RunFacts, UsageAnswers } from './run.ts';
import { settingsKnownBefore } from './settings.ts';

export interface SettledLine {
  readonly lineKey: string;
  readonly charge: Charge;
  readonly quantity: Fraction;
  readonly amountMinorUnits: bigint;
  readonly trace: SideTrace;
}

/**
 * The group of a line whose price does not rate by dimension. It is part of every key, so keys stay when groups come.
 */
const NO_GROUP = '';

/**
 * Settles one charge. Breaks off if metering has not answered its question. Errors: CURRENCY_UNKNOWN, TIERS_INVALID.
 */
export function settleCharge(facts: RunFacts, usage: UsageAnswers, charge: Charge): SettledLine {
  const exponent = currencyExponent(facts.currencyCode);
  const mode = settingsKnownBefore(facts.settings, charge.cycle.cutoff).roundingMode;
  const quantityTrace = quantityOfCharge(usage, charge);
  const quantity = fractionFromDecimal(quantityTrace.quantity);
  const rated = prorate(rateQuantity(charge.version.model, quantity), quantityTrace.kind, charge.proration);
  const { minorUnits, residue } = roundToMinorUnits(rated.amount, exponent, mode);
  return {
    lineKey: lineKey(facts, charge),
    charge,
    quantity,
    amountMinorUnits: minorUnits,
    trace: {
      knownBefore: formatInstant(charge.knownBefore),
      ...shortened(charge),
      quantity: quantityTrace,
      price: priceTrace(charge),
      steps: rated.steps,
      exact: fractionToJson(rated.amount),
      rounding: { mode, amount: formatMinorUnits(minorUnits, exponent), residue: fractionToJson(residue) },
    },
  };
}

/** Said only where it is not the cycle, which the line names anyway. */
function shortened({ cycle, servicePeriod: { start, end } }: Charge): { readonly servicePeriod?: PeriodTrace } {
  if (start === cycle.start && end === cycle.end) return {};
  return { servicePeriod: { start: formatInstant(start), end: formatInstant(end) } };
}

function lineKey({ subscription }: RunFacts, { cycle, item, price, chargeKind }: Charge): string {
  return derivedId('line', subscription.reference, cycle.index.toString(), item.item, price.code, chargeKind, NO_GROUP);
}

function quantityOfCharge(usage: UsageAnswers, { usageQuery, item }: Charge): QuantityTrace {
  if (usageQuery === null) return { kind: 'ITEM', quantity: item.quantity };
  const answer = usage.get(usageQuery.queryKey);
  invariant(answer !== undefined, `usage ${usageQuery.queryKey} was asked for and not answered`);
  return {
    kind: 'USAGE',
    meterCode: usageQuery.meterCode,
    eventCount: answer.eventCount.toString(),
    usageSetDigest: answer.usageSetDigest,
    quantity: answer.quantity,
  };
}

function priceTrace({ price, version, cycle }: Charge): PriceTrace {
  return {
    code: price.code,
    version: version.version,
    effectiveFrom: formatInstant(version.effectiveFrom),
    effectiveTo: version.effectiveTo === null ? null : formatInstant(version.effectiveTo),
    resolvedAt: formatInstant(cycle.start),
    knownBefore: version.recordedTime < cycle.cutoff ? formatInstant(cycle.cutoff) : null,
    model: version.model,
  };
}
