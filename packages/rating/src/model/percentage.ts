/**
 * PERCENTAGE: a share of an amount of money, and an amount for each event.
 *
 * 800.00 in 4 events @ 1.3 % + 2.00 each = 800 × 1.3 ÷ 100 + 4 × 2.00 = 18.40. Events can be free, as many as the price
 * says or up to a free amount, whichever is used up first, in the order in which they happened (ties by key): an event
 * that reaches beyond the free amount pays its share for the rest of it, and its fixed amount. One event costs at least
 * the event minimum and at most the event maximum, unless it is free.
 * The traps: free allowances are included quantities and prorated like them, by comparing and not by rounding (event 3
 * is free of 2.5? no); and what a single event costs needs the values of all of them, not their sum.
 */
import { invariant } from '../errors.ts';
import { type DaysProration, daysTrace, prorated } from '../modifier/proration.ts';
import type { Decimal } from '../number/decimal.ts';
import { addFractions, compareFractions, equalFractions, type Fraction, fractionFromBigInt, fractionToJson, isZero, multiplyFractions, subtractFractions, sumFractions, ZERO_FRACTION } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import type { PercentageTerms, PriceModel } from '../price/price.ts';
import type { EventLimitsTrace, FreeTrace, PercentageStep } from '../trace/trace.ts';
import type { RatableQuantity, RatedQuantity } from './model.ts';

const ONE_PERCENT = fractionFromBigInt(1n, 100n);

/** `percent` % of a quantity. */
export function shareOf(percent: Decimal, quantity: Fraction): Fraction {
  return multiplyFractions(multiplyFractions(parameterFraction(percent), ONE_PERCENT), quantity);
}

/** Whether the model rates event by event, so that it needs their values. */
export function needsEventValues(model: PriceModel): boolean {
  return model.kind === 'PERCENTAGE' && (hasFree(model) || hasLimits(model));
}

export function ratePercentage(terms: PercentageTerms, { quantity, eventCount, eventValues }: RatableQuantity, proration: DaysProration | null): RatedQuantity {
  const allowance = freeAllowance(terms, proration);
  const events = hasFree(terms) || hasLimits(terms) ? freeAndPaid(allowance, requireValues(eventValues, quantity)) : null;
  const paidEvents = events === null ? eventCount : BigInt(events.paid.length);
  const paidQuantity = events === null ? quantity : subtractFractions(quantity, events.freeQuantity);
  const limited = events !== null && hasLimits(terms) ? limitEvents(terms, events.paid) : null;
  const amount = sumFractions([
    shareOf(terms.percent, paidQuantity),
    multiplyFractions(fractionOrZero(terms.fixedAmount), fractionFromBigInt(paidEvents)),
    limited?.change ?? ZERO_FRACTION,
  ]);
  const step = (): PercentageStep => ({
    kind: 'PERCENTAGE',
    quantity: fractionToJson(quantity),
    percent: terms.percent,
    ...(events === null || !hasFree(terms) ? {} : { free: freeTrace(terms, events, proration) }),
    paidEvents: paidEvents.toString(),
    fixedAmount: terms.fixedAmount,
    ...(limited === null ? {} : { limited: limitsTrace(terms, limited) }),
    amount: fractionToJson(amount),
  });
  return { amount, flatAmount: ZERO_FRACTION, steps: () => [step()] };
}

function hasFree({ freeEvents, freeAmount }: PercentageTerms): boolean {
  return freeEvents !== null || freeAmount !== null;
}

function hasLimits({ eventMinimum, eventMaximum }: PercentageTerms): boolean {
  return eventMinimum !== null || eventMaximum !== null;
}

function requireValues(values: RatableQuantity['eventValues'], quantity: Fraction): readonly Fraction[] {
  invariant(values !== null, 'a price that rates event by event needs their values');
  invariant(equalFractions(sumFractions(values), quantity), 'the values of the events do not add up to the quantity');
  return values;
}

interface FreeAllowance {
  readonly events: Fraction | null;
  readonly amount: Fraction | null;
}

function freeAllowance({ freeEvents, freeAmount }: PercentageTerms, proration: DaysProration | null): FreeAllowance {
  const allowed = (text: Decimal | null) => (text === null ? null : prorated(parameterFraction(text), proration));
  return { events: allowed(freeEvents), amount: allowed(freeAmount) };
}

interface SplitEvents {
  readonly freeCount: number;
  readonly freeQuantity: Fraction;
  /** What each event pays its share of. */
  readonly paid: readonly Fraction[];
}

function freeAndPaid(allowance: FreeAllowance, values: readonly Fraction[]): SplitEvents {
  let freeCount = 0;
  let freeQuantity = ZERO_FRACTION;
  for (const value of values) {
    const total = addFractions(freeQuantity, value);
    if (!withinEvents(allowance, freeCount + 1) || !withinAmount(allowance, total)) break;
    freeCount += 1;
    freeQuantity = total;
  }
  const [reaching, ...paid] = values.slice(freeCount);
  if (reaching === undefined || allowance.amount === null || !withinEvents(allowance, freeCount + 1)) return { freeCount, freeQuantity, paid: values.slice(freeCount) };
  const rest = subtractFractions(allowance.amount, freeQuantity); // for the event that reaches beyond the free amount
  return { freeCount, freeQuantity: allowance.amount, paid: [subtractFractions(reaching, rest), ...paid] };
}

/** Whether the event of this number, from 1, may still be free; none is where there is no allowance at all. */
function withinEvents({ events, amount }: FreeAllowance, number: number): boolean {
  if (events === null) return amount !== null;
  return compareFractions(fractionFromBigInt(BigInt(number)), events) <= 0;
}

/** Whether events that come to this total may all be free. */
function withinAmount({ amount }: FreeAllowance, total: Fraction): boolean {
  return amount === null || (!isZero(amount) && compareFractions(total, amount) <= 0);
}

interface LimitedEvents {
  readonly raised: EventSum;
  readonly lowered: EventSum;
  readonly change: Fraction;
}

interface EventSum {
  readonly events: bigint;
  readonly amount: Fraction;
}

function limitEvents(terms: PercentageTerms, paid: readonly Fraction[]): LimitedEvents {
  const fixed = fractionOrZero(terms.fixedAmount);
  const costs = paid.map((value) => addFractions(shareOf(terms.percent, value), fixed));
  const minimum = terms.eventMinimum === null ? null : parameterFraction(terms.eventMinimum);
  const maximum = terms.eventMaximum === null ? null : parameterFraction(terms.eventMaximum);
  const raised = eventSum(costs.filter((cost) => minimum !== null && compareFractions(cost, minimum) < 0));
  const lowered = eventSum(costs.filter((cost) => maximum !== null && compareFractions(cost, maximum) > 0));
  return { raised, lowered, change: addFractions(changeTo(minimum, raised), changeTo(maximum, lowered)) };
}

function eventSum(costs: readonly Fraction[]): EventSum {
  return { events: BigInt(costs.length), amount: sumFractions(costs) };
}

function changeTo(limit: Fraction | null, { events, amount }: EventSum): Fraction {
  return limit === null ? ZERO_FRACTION : subtractFractions(multiplyFractions(fractionFromBigInt(events), limit), amount);
}

function freeTrace({ freeEvents, freeAmount }: PercentageTerms, { freeCount, freeQuantity }: SplitEvents, proration: DaysProration | null): FreeTrace {
  return {
    freeEvents,
    freeAmount,
    ...(proration === null ? {} : { prorated: daysTrace(proration) }),
    events: freeCount.toString(),
    quantity: fractionToJson(freeQuantity),
  };
}

function limitsTrace({ eventMinimum, eventMaximum }: PercentageTerms, { raised, lowered, change }: LimitedEvents): EventLimitsTrace {
  const written = ({ events, amount }: EventSum) => ({ events: events.toString(), amount: fractionToJson(amount) });
  return { minimum: eventMinimum, maximum: eventMaximum, raised: written(raised), lowered: written(lowered), change: fractionToJson(change) };
}

function fractionOrZero(text: Decimal | null): Fraction {
  return text === null ? ZERO_FRACTION : parameterFraction(text);
}
