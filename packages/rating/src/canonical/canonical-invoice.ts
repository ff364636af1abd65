/**
 * The canonical invoice: the inputs and outputs of a run as one RFC 8785 text. "Byte for byte the same" speaks of this
 * form.
 *
 * It holds codes and the caller's own references, boundaries and cutoffs, resolved versions with their parameters,
 * counts and digests of usage, exact fractions, roundings and amounts. It holds no generated id but the line keys
 * (which derive from what stands beside them), no recorded time, no organization, no invoice number and no display
 * name: nothing that could differ between two computations of the same run. The trap: only cycles that a line speaks of
 * are listed, beside the current one, and only credits that are used, so that loading more than was needed changes no
 * byte.
 */
import { unreachable } from '../errors.ts';
import { formatMinorUnits } from '../number/money.ts';
import type { PriceModel, Tier } from '../price/price.ts';
import type { CreditOutcome } from '../run/credit.ts';
import { currentCycle, sidesOfRun } from '../run/run-side.ts';
import type { CycleFact, RunFacts, RunLine } from '../run/run.ts';
import { settingsKnownBefore } from '../run/settings.ts';
import { formatInstant } from '../time/instant.ts';
import type { PriceTrace, QuantityTrace, RatingStep, SideTrace } from '../trace/trace.ts';
import { canonicalJson, type JsonValue } from './canonical-json.ts';

export interface InvoiceOutcome extends CreditOutcome {
  readonly lines: readonly RunLine[];
  readonly subtotalMinorUnits: bigint;
  readonly exponent: number;
}

export function canonicalInvoice(facts: RunFacts, outcome: InvoiceOutcome): string {
  const { subscription } = facts;
  const current = currentCycle(facts);
  return canonicalJson({
    engine_version: facts.engineVersion,
    currency_code: facts.currencyCode,
    subscription: {
      reference: subscription.reference,
      customer: subscription.customerReference,
      start_time: formatInstant(subscription.startTime),
      zone: subscription.cadence.zone,
      cadence: {
        anchor: formatInstant(subscription.cadence.anchor),
        interval: subscription.cadence.interval,
        count: subscription.cadence.count,
      },
    },
    run: {
      index: facts.runIndex,
      previous_cutoff: formatInstant(facts.previousCutoff),
      cutoff: formatInstant(current.cutoff),
      keep_zero_lines: settingsKnownBefore(facts.settings, current.cutoff).keepZeroLines,
    },
    cycles: cyclesSpokenOf(facts, outcome.lines).map((cycle) => cycleJson(facts, cycle)),
    lines: outcome.lines.map(lineJson),
    subtotal: formatMinorUnits(outcome.subtotalMinorUnits, outcome.exponent),
    credits: outcome.appliedCredits.map(({ runIndex, amountMinorUnits }) => ({
      run: runIndex,
      amount: formatMinorUnits(amountMinorUnits, outcome.exponent),
    })),
    total: formatMinorUnits(outcome.totalMinorUnits, outcome.exponent),
    credit_note: formatMinorUnits(outcome.creditMinorUnits, outcome.exponent),
  });
}

function cyclesSpokenOf(facts: RunFacts, lines: readonly RunLine[]): readonly CycleFact[] {
  const spokenOf = new Set([facts.runIndex, ...lines.map(({ cycleIndex }) => cycleIndex)]);
  return sidesOfRun(facts)
    .map(({ cycle }) => cycle)
    .filter(({ index }) => spokenOf.has(index));
}

function cycleJson(facts: RunFacts, cycle: CycleFact): JsonValue {
  return {
    index: cycle.index,
    start: formatInstant(cycle.start),
    end: formatInstant(cycle.end),
    cutoff: formatInstant(cycle.cutoff),
    tzdata_version: cycle.tzdataVersion,
    rounding_mode: settingsKnownBefore(facts.settings, cycle.cutoff).roundingMode,
  };
}

function lineJson(line: RunLine): JsonValue {
  const { settled, billed, amount } = line.trace;
  const price = settled?.price ?? billed?.price;
  return {
    key: line.lineKey,
    cycle: line.cycleIndex,
    item: line.item,
    charge_kind: line.chargeKind,
    service_period: { start: formatInstant(line.servicePeriod.start), end: formatInstant(line.servicePeriod.end) },
    price: price === undefined ? null : priceJson(price),
    settled: settled === null ? null : sideJson(settled),
    billed: billed === null ? null : sideJson(billed),
    amount,
  };
}

/** A service period and a proration are there only where they are not the whole cycle and the full period. */
function sideJson({ knownBefore, servicePeriod, quantity, steps, exact, rounding }: SideTrace): JsonValue {
  return {
    known_before: knownBefore,
    ...(servicePeriod === undefined ? {} : { service_period: servicePeriod }),
    ...Object.fromEntries(steps.flatMap(prorationJson)),
    quantity: quantityJson(quantity),
    exact,
    rounding_mode: rounding.mode,
    residue: rounding.residue,
    amount: rounding.amount,
  };
}

function prorationJson(step: RatingStep): [name: string, value: JsonValue][] {
  if (step.kind !== 'PRORATION') return [];
  const { active, period, activeDays, periodDays, fees } = step;
  return [['proration', { active, period, active_days: activeDays, period_days: periodDays, fees }]];
}

function quantityJson(quantity: QuantityTrace): JsonValue {
  if (quantity.kind === 'ITEM') return { kind: quantity.kind, quantity: quantity.quantity };
  return {
    kind: quantity.kind,
    meter: quantity.meterCode,
    event_count: quantity.eventCount,
    usage_set_digest: quantity.usageSetDigest,
    quantity: quantity.quantity,
  };
}

function priceJson(price: PriceTrace): JsonValue {
  return {
    code: price.code,
    version: price.version,
    effective_from: price.effectiveFrom,
    effective_to: price.effectiveTo,
    model: modelJson(price.model),
  };
}

function modelJson(model: PriceModel): JsonValue {
  switch (model.kind) {
    case 'FLAT':
      return { kind: model.kind, amount: model.amount };
    case 'PER_UNIT':
      return { kind: model.kind, unit_amount: model.unitAmount };
    case 'GRADUATED':
    case 'VOLUME':
      return { kind: model.kind, tiers: model.tiers.map(tierJson) };
    default:
      return unreachable(model);
  }
}

function tierJson({ upTo, unitAmount, flatAmount }: Tier): JsonValue {
  return { up_to: upTo, unit_amount: unitAmount, flat_amount: flatAmount };
}
