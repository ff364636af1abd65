// The derivation tree as messages of the contract: the traces of a fresh derivation, field by field.
import {
  ExplainedRoundingMode, type LineExplanation, type PartExplanation, type PriceExplanation, type RoundingStep, type RunExplanation, type SideExplanation,
} from '@valora/contracts/valora/invoicing/v1/explanation';
import type { UsageLateness } from '@valora/contracts/valora/invoicing/v1/step_terms';
import { formatMinorUnits, type ComposedRun, type LatenessTrace, type PartTrace, type PriceTrace, type QuantityTrace, type RoundingTrace, type RunFacts, type RunLine, type SideTrace } from '@valora/rating';
import { daysToProto, instantToProto, periodToProto, stepToProto } from './explained-step.ts';
import { priceModelToProto, priceModifiersToProto } from './price-rule.ts';

export function explanationToProto(facts: RunFacts, composed: ComposedRun): RunExplanation {
  const { currencyCode, exponent } = composed;
  const money = (minorUnits: bigint) => ({ currencyCode, amount: formatMinorUnits(minorUnits, exponent) });
  return {
    subscription: facts.subscription.reference,
    runIndex: facts.runIndex,
    engineVersion: facts.engineVersion,
    currencyExponent: exponent,
    lines: composed.lines.map((line) => lineToProto(line, currencyCode)),
    subtotal: money(composed.subtotalMinorUnits),
    credits: composed.appliedCredits.map(({ runIndex, amountMinorUnits }) => ({ runIndex, amount: money(amountMinorUnits) })),
    creditNote: money(composed.creditMinorUnits),
    total: money(composed.totalMinorUnits),
    digest: composed.digest,
  };
}

function lineToProto({ lineKey, trace }: RunLine, currencyCode: string): LineExplanation {
  const { cycle, settled, billed, amount } = trace;
  return {
    lineKey,
    cycleIndex: cycle.index,
    cyclePeriod: periodToProto(cycle),
    cycleCutoffTime: instantToProto(cycle.cutoff),
    settled: settled === null ? undefined : sideToProto(settled),
    billed: billed === null ? undefined : sideToProto(billed),
    amount: { currencyCode, amount },
  };
}

/** A side of one part is that part; a side of several has them instead of a quantity, a price and steps. */
function sideToProto(side: SideTrace): SideExplanation {
  const { knownBefore, exact, rounding } = side;
  const whole = { knownBeforeTime: instantToProto(knownBefore), exact, rounding: roundingToProto(rounding) };
  if (!('parts' in side)) return { ...whole, ...partToProto(side), parts: [] };
  return { ...whole, steps: [], parts: side.parts.map((part): PartExplanation => ({ ...partToProto(part), amount: part.amount })) };
}

function partToProto({ servicePeriod, quantity, price, limitDays, steps, exact }: PartTrace) {
  return {
    servicePeriod: servicePeriod === undefined ? undefined : periodToProto(servicePeriod),
    quantity: quantityToProto(quantity),
    price: priceToProto(price),
    limitDays: limitDays === undefined ? undefined : daysToProto(limitDays),
    steps: steps.map(stepToProto),
    exact,
  };
}

function quantityToProto(quantity: QuantityTrace): NonNullable<SideExplanation['quantity']> {
  switch (quantity.kind) {
    case 'ITEM':
      return { $case: 'item', value: { quantity: quantity.quantity } };
    case 'USAGE': {
      const { meterCode, eventCount, usageSetDigest, quantity: exact, carriedIn, lateness } = quantity;
      if (carriedIn !== undefined && typeof carriedIn !== 'string') throw new Error('a level is a sum of decimals');
      const usage = { meter: meterCode, eventCount: BigInt(eventCount), usageSetDigest, carriedIn: carriedIn ?? '', lateness: lateness === undefined ? undefined : { policy: latenessToProto(lateness) } };
      return { $case: 'usage', value: typeof exact === 'string' ? { ...usage, quantity: exact } : { ...usage, quantity: '', exactQuantity: exact } };
    }
    case 'GROUPED_LINES':
      throw new Error('a run was composed with a price rated by dimension, which no contract has');
  }
}

function latenessToProto(lateness: LatenessTrace): NonNullable<UsageLateness['policy']> {
  if (lateness.policy === 'HOLD') {
    const { cutoff, heldCycles = 0 } = lateness;
    return { $case: 'hold', value: { cutoffTime: cutoff === null ? undefined : instantToProto(cutoff), heldCycleCount: BigInt(heldCycles) } };
  }
  const carried = lateness.carried.map(({ events, recorded }) => ({ eventPeriod: periodToProto(events), recordedPeriod: periodToProto(recorded) }));
  return { $case: 'carryForward', value: { cutoffTime: instantToProto(lateness.cutoff), carried } };
}

function priceToProto({ code, version, effectiveFrom, effectiveTo, resolvedAt, knownBefore, model, modifiers }: PriceTrace): PriceExplanation {
  return {
    price: code,
    version,
    effectiveFromTime: instantToProto(effectiveFrom),
    effectiveToTime: effectiveTo === null ? undefined : instantToProto(effectiveTo),
    resolvedAtTime: instantToProto(resolvedAt),
    knownBeforeTime: knownBefore === null ? undefined : instantToProto(knownBefore),
    model: { model: priceModelToProto(model) },
    modifiers: modifiers === undefined ? undefined : priceModifiersToProto(modifiers),
  };
}

function roundingToProto({ mode, amount, residue }: RoundingTrace): RoundingStep {
  return { mode: mode === 'HALF_UP' ? ExplainedRoundingMode.HALF_UP : ExplainedRoundingMode.HALF_EVEN, amount, residue };
}
