// The derivation tree as messages of the contract: the traces of a fresh derivation, one message for each kind of step.
import { timestampFromInstant, type Timestamp } from '@valora/chassis';
import {
  ExplainedRoundingMode, type LineExplanation, type PriceExplanation, type RatingStep as RatingStepMessage, type RunExplanation, type SideExplanation,
} from '@valora/contracts/valora/invoicing/v1/explanation';
import type { PriceModel as PriceModelMessage, Tier as TierMessage } from '@valora/contracts/valora/pricing/v1/price_model';
import { formatMinorUnits, parseInstant, type ComposedRun, type PriceModel, type PriceTrace, type ProrationStep, type RatingStep, type RunFacts, type RunLine, type SideTrace, type Tier, type TierStep } from '@valora/rating';

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
    cyclePeriod: { startTime: at(cycle.start), endTime: at(cycle.end) },
    cycleCutoffTime: at(cycle.cutoff),
    settled: settled === null ? undefined : sideToProto(settled),
    billed: billed === null ? undefined : sideToProto(billed),
    amount: { currencyCode, amount },
  };
}

function at(text: string): Timestamp {
  return timestampFromInstant(parseInstant(text));
}

function sideToProto({ knownBefore, quantity, price, steps, exact, rounding }: SideTrace): SideExplanation {
  return {
    knownBeforeTime: at(knownBefore),
    quantity: quantity.kind === 'ITEM'
      ? { $case: 'item', value: { quantity: quantity.quantity } }
      : { $case: 'usage', value: { meter: quantity.meterCode, eventCount: BigInt(quantity.eventCount), usageSetDigest: quantity.usageSetDigest, quantity: quantity.quantity } },
    price: priceToProto(price),
    steps: steps.map(stepToProto),
    exact,
    rounding: {
      mode: rounding.mode === 'HALF_UP' ? ExplainedRoundingMode.HALF_UP : ExplainedRoundingMode.HALF_EVEN,
      amount: rounding.amount,
      residue: rounding.residue,
    },
  };
}

function priceToProto({ code, version, effectiveFrom, effectiveTo, resolvedAt, knownBefore, model }: PriceTrace): PriceExplanation {
  return {
    price: code,
    version,
    effectiveFromTime: at(effectiveFrom),
    effectiveToTime: effectiveTo === null ? undefined : at(effectiveTo),
    resolvedAtTime: at(resolvedAt),
    knownBeforeTime: knownBefore === null ? undefined : at(knownBefore),
    model: { model: modelToProto(model) },
  };
}

function modelToProto(model: PriceModel): NonNullable<PriceModelMessage['model']> {
  switch (model.kind) {
    case 'FLAT':
      return { $case: 'flat', value: { amount: model.amount } };
    case 'PER_UNIT':
      return { $case: 'perUnit', value: { unitAmount: model.unitAmount } };
    case 'GRADUATED':
      return { $case: 'graduated', value: { tiers: model.tiers.map(tierToProto) } };
    case 'VOLUME':
      return { $case: 'volume', value: { tiers: model.tiers.map(tierToProto) } };
  }
}

function tierToProto({ upTo, unitAmount, flatAmount }: Tier): TierMessage {
  return { upTo: upTo ?? '', unitAmount, flatAmount: flatAmount ?? '' };
}

function stepToProto(step: RatingStep): RatingStepMessage {
  switch (step.kind) {
    case 'FLAT':
      return { step: { $case: 'flat', value: step } };
    case 'PER_UNIT':
      return { step: { $case: 'perUnit', value: step } };
    case 'GRADUATED_TIER':
      return { step: { $case: 'graduatedTier', value: tierStepToProto(step) } };
    case 'VOLUME_TIER':
      return { step: { $case: 'volumeTier', value: tierStepToProto(step) } };
    case 'PRORATION':
      return { step: { $case: 'proration', value: prorationToProto(step) } };
  }
}

function prorationToProto({ zone, active, period, activeDays, periodDays, fees, prorated, amount }: ProrationStep) {
  const periodToProto = ({ start, end }: ProrationStep['period']) => ({ startTime: at(start), endTime: at(end) });
  return { timeZone: zone, active: periodToProto(active), period: periodToProto(period), activeDays, periodDays, fees, prorated, amount };
}

function tierStepToProto({ tier, above, upTo, quantity, unitAmount, flatAmount, amount }: TierStep) {
  return { tier, above, upTo: upTo ?? '', quantity, unitAmount, flatAmount: flatAmount ?? '', amount };
}
