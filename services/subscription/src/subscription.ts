// A subscription: which items a customer is billed, since when, and in which rhythm. Plan version, zone, anchor and interval
// are pinned when it is created and never change; what happens later is told by its facts. Its state is never stored: it
// follows from the facts and the organization's clock.
import { timestampFromInstant, type Fields } from '@valora/chassis';
import {
  BillingAlignment, SubscriptionState as SubscriptionStateMessage, type Subscription as SubscriptionMessage, type SubscriptionItem as SubscriptionItemMessage,
} from '@valora/contracts/valora/subscription/v1/subscription';
import { PeriodInterval as PeriodIntervalMessage } from '@valora/contracts/valora/type/v1/period';
import { calendarAnchor, parseDecimal, type BillingCadence, type Decimal, type Instant, type PeriodInterval, type SubscriptionItem } from '@valora/rating';
import type { PlanOffer } from './plan-offer.ts';

export interface SubscribedItem extends SubscriptionItem {
  /** Null for a fee. */
  readonly meterCode: string | null;
}

export interface Subscription {
  readonly reference: string;
  readonly customerReference: string;
  readonly planCode: string;
  readonly planVersion: number;
  readonly cadence: BillingCadence;
  readonly startTime: Instant;
  /** In the order of lines. */
  readonly items: readonly SubscribedItem[];
  readonly recordedTime: Instant;
  /** From when on it is in service no more, by the facts recorded so far; null where it isn't canceled. */
  readonly cancelTime: Instant | null;
}

/** Where it stands at a moment. */
export type SubscriptionState = 'PENDING' | 'ACTIVE' | 'CANCELED';

/** What a caller chooses about a new subscription. */
export interface SubscriptionDraft {
  readonly reference: string;
  readonly customerReference: string;
  readonly planCode: string;
  /** Null for now. */
  readonly startTime: Instant | null;
  readonly isCalendarAligned: boolean;
  /** In request order: prices that are taken in another quantity than 1. */
  readonly quantities: readonly { readonly priceCode: string; readonly quantity: Decimal }[];
}

export const ONE: Decimal = parseDecimal('1');
const ITEMS_MAX = 100;
/** A hundred years of 365.25 days. It bounds how many missed periods a back-dated start can ask for. */
export const DISTANCE_MICROS_MAX = 36_525n * 86_400_000_000n;

const intervalMessages: Readonly<Record<PeriodInterval, PeriodIntervalMessage>> = {
  DAY: PeriodIntervalMessage.DAY,
  WEEK: PeriodIntervalMessage.WEEK,
  MONTH: PeriodIntervalMessage.MONTH,
  QUARTER: PeriodIntervalMessage.QUARTER,
  YEAR: PeriodIntervalMessage.YEAR,
};

export function parseSubscription(fields: Fields, message: SubscriptionMessage): SubscriptionDraft {
  fields.count('subscription.items', message.items, { min: 0, max: ITEMS_MAX });
  const quantities = message.items.slice(0, ITEMS_MAX).map((item, position) => parseQuantity(fields, `subscription.items[${position}]`, item));
  quantities.forEach(({ priceCode }, position) => {
    const first = quantities.findIndex((other) => other.priceCode === priceCode);
    if (first < position) fields.refuse(`subscription.items[${position}].price`, 'REPEATED', 'Must be named once; give its whole quantity there.');
  });
  return {
    reference: fields.reference('subscription.reference', message.reference),
    customerReference: fields.reference('subscription.customer', message.customer),
    planCode: fields.code('subscription.plan', message.plan),
    startTime: fields.optionalInstant('subscription.start_time', message.startTime),
    isCalendarAligned: parseAlignment(fields, message.alignment),
    quantities,
  };
}

function parseAlignment(fields: Fields, alignment: BillingAlignment): boolean {
  const known = [BillingAlignment.UNSPECIFIED, BillingAlignment.ANNIVERSARY, BillingAlignment.CALENDAR];
  if (!known.includes(alignment)) fields.refuse('subscription.alignment', 'UNKNOWN_VALUE', 'Must be ANNIVERSARY or CALENDAR.');
  return alignment === BillingAlignment.CALENDAR;
}

function parseQuantity(fields: Fields, field: string, { item, price, quantity: text }: SubscriptionItemMessage): { priceCode: string; quantity: Decimal } {
  const priceCode = fields.code(`${field}.price`, price);
  if (item !== '' && item !== price) fields.refuse(`${field}.item`, 'MISMATCH', "Must be empty or the price's code.");
  if (text === '') return { priceCode, quantity: ONE };
  const noted = fields.violations.length;
  const quantity = fields.decimal(`${field}.quantity`, text);
  if (fields.violations.length === noted && (quantity === '0' || quantity.startsWith('-'))) fields.refuse(`${field}.quantity`, 'NOT_POSITIVE', 'Must be above zero.');
  return { priceCode, quantity };
}

/** The start that was asked for, or now. */
export function parseStart(fields: Fields, { startTime }: SubscriptionDraft, now: Instant): Instant {
  const start = startTime ?? now;
  const distance = start < now ? now - start : start - now;
  if (distance > DISTANCE_MICROS_MAX) fields.refuse('subscription.start_time', 'OUT_OF_RANGE', "Must lie within 100 years of the organization's clock.");
  return start;
}

/** One item for each price of the plan, in its order. Notes quantities that no item can have. */
export function itemsOfPlan(fields: Fields, { prices }: PlanOffer, { quantities }: SubscriptionDraft): readonly SubscribedItem[] {
  const meterByPrice = new Map(prices.map(({ code, meterCode }) => [code, meterCode]));
  quantities.forEach(({ priceCode, quantity }, position) => {
    const meterCode = meterByPrice.get(priceCode);
    if (meterCode === undefined) fields.refuse(`subscription.items[${position}].price`, 'NOT_IN_PLAN', 'Must be a price of the plan.');
    else if (meterCode !== null && quantity !== ONE) fields.refuse(`subscription.items[${position}].quantity`, 'METERED', 'Must be empty or 1: the price rates the usage of a meter.');
  });
  const quantityByPrice = new Map(quantities.map(({ priceCode, quantity }) => [priceCode, quantity]));
  return prices.map(({ code, meterCode }) => ({ item: code, priceCode: code, quantity: quantityByPrice.get(code) ?? ONE, meterCode }));
}

/** A cancel is in effect from its time on, a start that is still to come notwithstanding. */
export function stateAt({ startTime, cancelTime }: Pick<Subscription, 'startTime' | 'cancelTime'>, now: Instant): SubscriptionState {
  if (cancelTime !== null && cancelTime <= now) return 'CANCELED';
  return now < startTime ? 'PENDING' : 'ACTIVE';
}

/** `now` is the organization's clock. */
export function subscriptionToProto(subscription: Subscription, now: Instant): SubscriptionMessage {
  const { reference, customerReference, planCode, planVersion, cadence, startTime, items, recordedTime, cancelTime } = subscription;
  return {
    reference,
    customer: customerReference,
    plan: planCode,
    planVersion,
    startTime: timestampFromInstant(startTime),
    items: items.map(itemToProto),
    timeZone: cadence.zone,
    anchorTime: timestampFromInstant(cadence.anchor),
    alignment: cadence.anchor === startTime ? BillingAlignment.ANNIVERSARY : BillingAlignment.CALENDAR,
    interval: intervalMessages[cadence.interval],
    intervalCount: cadence.count,
    state: SubscriptionStateMessage[stateAt(subscription, now)],
    recordedTime: timestampFromInstant(recordedTime),
    ...(cancelTime === null ? {} : { cancelTime: timestampFromInstant(cancelTime) }),
  };
}

export function itemToProto({ item, priceCode, quantity, meterCode }: SubscribedItem): SubscriptionItemMessage {
  return { item, price: priceCode, quantity, meter: meterCode ?? '' };
}

/** By anniversary the anchor is the start; by the calendar it is the zone's grid, and the start lies in one of its periods. */
export function cadenceFromStart(
  { interval, intervalCount }: PlanOffer,
  { startTime, zone, isCalendarAligned }: { startTime: Instant; zone: string; isCalendarAligned: boolean },
): BillingCadence {
  return { anchor: isCalendarAligned ? calendarAnchor(zone) : startTime, interval, count: intervalCount, zone };
}
