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
import type { CreditOutcome } from '../run/credit.ts';
import type { CycleFact, RunFacts, RunLine } from '../run/run.ts';
import { settingsKnownBefore } from '../run/settings.ts';
import { formatInstant } from '../time/instant.ts';
import { type GroupQuantityTrace, partsOfSide, type PartTrace, type PriceTrace, type QuantityTrace, type RatingStep, type SideTrace } from '../trace/trace.ts';
import { canonicalJson, type JsonValue, snakeCased } from './canonical-json.ts';

export interface InvoiceOutcome extends CreditOutcome {
  readonly lines: readonly RunLine[];
  readonly subtotalMinorUnits: bigint;
  readonly exponent: number;
}

export function canonicalInvoice(facts: RunFacts, outcome: InvoiceOutcome): string {
  const { subscription } = facts;
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
      previous_cutoff: facts.previousCutoff === null ? null : formatInstant(facts.previousCutoff),
      cutoff: formatInstant(facts.cutoff),
      keep_zero_lines: settingsKnownBefore(facts.settings, facts.cutoff).keepZeroLines,
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

/** The current one, then the others as they come. */
function cyclesSpokenOf({ runIndex, cycles }: RunFacts, lines: readonly RunLine[]): readonly CycleFact[] {
  const spokenOf = new Set(lines.map(({ cycleIndex }) => cycleIndex));
  const ascending = cycles.toSorted((one, other) => one.index - other.index);
  return [...ascending.filter(({ index }) => index === runIndex), ...ascending.filter(({ index }) => index !== runIndex && spokenOf.has(index))];
}

/** A policy that is not the usual one is named, so that a new one changes no byte of an old invoice. */
function cycleJson(facts: RunFacts, cycle: CycleFact): JsonValue {
  const { roundingMode, latenessPolicy } = settingsKnownBefore(facts.settings, cycle.cutoff);
  return {
    index: cycle.index,
    start: formatInstant(cycle.start),
    end: formatInstant(cycle.end),
    cutoff: formatInstant(cycle.cutoff),
    tzdata_version: cycle.tzdataVersion,
    rounding_mode: roundingMode,
    ...(latenessPolicy === 'ADJUST' ? {} : { lateness_policy: latenessPolicy }),
  };
}

function lineJson(line: RunLine): JsonValue {
  const { settled, billed, amount, group } = line.trace;
  const price = sharedPrice([settled, billed]);
  const side = (one: SideTrace | null) => (one === null ? null : sideJson(one, price === null));
  return {
    key: line.lineKey,
    cycle: line.cycleIndex,
    item: line.item,
    charge_kind: line.chargeKind,
    ...(group === undefined ? {} : { group }),
    service_period: { start: formatInstant(line.servicePeriod.start), end: formatInstant(line.servicePeriod.end) },
    ...(price === null ? {} : { price: priceJson(price) }),
    settled: side(settled),
    billed: side(billed),
    amount,
  };
}

/** The price that rates all of the line; `null` where the parts or the sides have different ones, and each names its own. */
function sharedPrice(sides: readonly (SideTrace | null)[]): PriceTrace | null {
  const [first, ...others] = sides.flatMap((side) => (side === null ? [] : partsOfSide(side))).map(({ price }) => price);
  if (first === undefined) return null;
  return others.every((price) => samePrice(price, first)) ? first : null;
}

function samePrice(one: PriceTrace, other: PriceTrace): boolean {
  return canonicalJson(priceJson(one)) === canonicalJson(priceJson(other));
}

function sideJson(side: SideTrace, namesPrice: boolean): JsonValue {
  const { mode, residue, amount, lessSettled } = side.rounding;
  const part = (one: PartTrace) => ({ ...(namesPrice ? { price: priceJson(one.price) } : {}), ...partJson(one) });
  return {
    known_before: side.knownBefore,
    ...('parts' in side ? { parts: side.parts.map((one) => ({ ...part(one), amount: one.amount })), exact: side.exact } : part(side)),
    rounding_mode: mode,
    residue,
    amount,
    ...(lessSettled === undefined ? {} : { less_settled: lessSettled }),
  };
}

/** A service period and a proration are there only where they are not the whole cycle and the full period. */
function partJson({ servicePeriod, quantity, steps, exact }: PartTrace): { readonly [name: string]: JsonValue } {
  return {
    ...(servicePeriod === undefined ? {} : { service_period: servicePeriod }),
    ...Object.fromEntries(steps.flatMap(prorationJson)),
    quantity: quantityJson(quantity),
    exact,
  };
}

function prorationJson(step: RatingStep): [name: string, value: JsonValue][] {
  if (step.kind !== 'PRORATION') return [];
  const { active, period, activeDays, periodDays, fees } = step;
  return [['proration', { active, period, active_days: activeDays, period_days: periodDays, fees }]];
}

function quantityJson(quantity: QuantityTrace): JsonValue {
  switch (quantity.kind) {
    case 'ITEM':
      return { kind: quantity.kind, quantity: quantity.quantity };
    case 'USAGE':
      return {
        kind: quantity.kind,
        meter: quantity.meterCode,
        event_count: quantity.eventCount,
        usage_set_digest: quantity.usageSetDigest,
        quantity: quantity.quantity,
        ...(quantity.carriedIn === undefined ? {} : { carried_in: quantity.carriedIn }),
        ...(quantity.groups === undefined ? {} : { groups: quantity.groups.map(groupJson) }),
      };
    case 'GROUPED_LINES':
      return { kind: quantity.kind, lines: quantity.lines, exact: quantity.exact };
    default:
      return unreachable(quantity);
  }
}

function groupJson({ group, eventCount, usageSetDigest, quantity, carriedIn }: GroupQuantityTrace): JsonValue {
  return { group, event_count: eventCount, usage_set_digest: usageSetDigest, quantity, ...(carriedIn === undefined ? {} : { carried_in: carriedIn }) };
}

function priceJson({ code, version, override, effectiveFrom, effectiveTo, model, modifiers }: PriceTrace): JsonValue {
  return {
    code,
    version,
    ...(override === undefined ? {} : { override }),
    effective_from: effectiveFrom,
    effective_to: effectiveTo,
    model: snakeCased(model),
    ...(modifiers === undefined ? {} : { modifiers: snakeCased(modifiers) }),
  };
}
