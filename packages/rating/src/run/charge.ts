/**
 * A charge: one item of one cycle with what rates it, part by part, as known before an instant. Not an amount yet.
 *
 * A cycle is cut into parts where the service of the item begins, pauses or ends, where its quantity changes, and, if its
 * price says SPLIT, where another version of the price takes over. Two knowledges meet here, and this is the place to
 * keep them apart. *What there is to bill* (items, usage) is asked as known before the run's cutoff, or the previous
 * run's. *What it costs* (prices, settings) is always asked as known before the cutoff of the cycle itself, for fees in
 * advance before that of the cycle before, so that no later edit of the catalog reaches it.
 * The traps: "the start of the period" of an item that joins within a cycle is its own start, as its price may not have
 * existed before; a change cuts the items it changes and no other, so that nobody's tiers restart because of a neighbour;
 * and an empty period (a day that the zone skipped) calls for nothing, not for a full fee.
 */
import { RatingError } from '../errors.ts';
import { needsEventValues } from '../model/percentage.ts';
import { type DaysProration, prorationOf } from '../modifier/proration.ts';
import { resolveVersion, versionChanges, type VersionInForce } from '../price/price-version.ts';
import type { BillingTiming, Price, PriceModel, VersionedPrice } from '../price/price.ts';
import type { Instant, Interval } from '../time/instant.ts';
import { fullPeriod } from '../time/period.ts';
import { type Lateness, latenessOf } from './lateness.ts';
import type { ChargeKind, CycleFact, RunFacts, UsageQuery } from './run.ts';
import { sameItem, serviceStretches, type SubscriptionItem } from './subscription.ts';

export interface Charge {
  readonly cycle: CycleFact;
  readonly item: string;
  readonly price: Price;
  readonly chargeKind: ChargeKind;
  readonly knownBefore: Instant;
  /** By which its versions were resolved, and its rounding mode is. */
  readonly pricesKnownBefore: Instant;
  /** At least one, in service order. */
  readonly parts: readonly ChargePart[];
}

export interface ChargePart extends VersionInForce {
  /** Copies or seats in this part. */
  readonly itemQuantity: SubscriptionItem['quantity'];
  readonly servicePeriod: Interval;
  /** The instant at which the version had to be in force. */
  readonly resolvedAt: Instant;
  /** By which what is due for time is cut; `null` where every day of the full period is in service. */
  readonly proration: DaysProration | null;
  /**
   * What metering is asked; `null` where the item's own quantity is rated: a fee, and a FLAT price, which no usage
   * moves.
   */
  readonly usageQuery: UsageQuery | null;
}

/** A cycle as one run looks at it: what it calls for with this timing by facts recorded strictly before an instant. */
export interface CycleView {
  readonly cycle: CycleFact;
  readonly timing: BillingTiming;
  readonly knownBefore: Instant;
}

/** In the subscription's order. Errors: PRICE_MISSING, PRICE_VERSION_MISSING, CURRENCY_MISMATCH. */
export function chargesOfCycle(facts: RunFacts, view: CycleView): readonly Charge[] {
  return servicesOfItems(facts, view)
    .map((services) => ({ services, price: priceOfItem(facts, services.item, services.priceCode) }))
    .filter(({ price }) => price.billingTiming === view.timing)
    .map(({ services, price }) => chargeOf(facts, view, services, price));
}

/** When one item was in service at one price, and with which quantity. */
interface ItemServices {
  readonly item: string;
  readonly priceCode: string;
  readonly services: readonly ItemService[];
}

interface ItemService {
  readonly item: SubscriptionItem;
  readonly interval: Interval;
}

/** In the order of their first service; within it in the subscription's. */
function servicesOfItems({ subscription }: RunFacts, { cycle: { start, end }, knownBefore }: CycleView): readonly ItemServices[] {
  const byKey = new Map<string, ItemService[]>();
  for (const { interval, items } of serviceStretches(subscription.facts, { start, end }, knownBefore)) {
    for (const item of items) {
      const key = JSON.stringify([item.item, item.priceCode]);
      byKey.set(key, withService(byKey.get(key) ?? [], { item, interval }));
    }
  }
  return [...byKey.values()].flatMap((services) => services.slice(0, 1).map(({ item: { item, priceCode } }) => ({ item, priceCode, services })));
}

/** Joined to the last one where nothing of the item changed between them. */
function withService(services: readonly ItemService[], next: ItemService): ItemService[] {
  const last = services.at(-1);
  if (last === undefined || last.interval.end !== next.interval.start || !sameItem(last.item, next.item)) return [...services, next];
  return [...services.slice(0, -1), { item: last.item, interval: { start: last.interval.start, end: next.interval.end } }];
}

function chargeOf(facts: RunFacts, view: CycleView, { item, services }: ItemServices, price: Price): Charge {
  const { cycle, timing, knownBefore } = view;
  const override = facts.subscription.overrides?.find(({ code }) => code === price.code) ?? null;
  const pricesKnownBefore = timing === 'IN_ADVANCE' ? cycle.previousCutoff : cycle.cutoff;
  const serviceStart = services[0]?.interval.start ?? cycle.start;
  const resolve = (at: Instant) => ({ ...resolveVersion(price, override, at, pricesKnownBefore), resolvedAt: at });
  const cuts = services.flatMap(({ item: { quantity }, interval }) => {
    const versions = price.versionResolution === 'SPLIT'
      ? splitByVersion([price, ...(override === null ? [] : [override])], interval, resolve)
      : [{ interval, ...resolve(serviceStart) }];
    return versions.map((part) => ({ quantity, part }));
  });
  const firstRated = cuts.findIndex(({ part }) => ratesUsage(part));
  const parts = cuts.map((cut, position) => partOf(facts, view, { item, price, ...cut, takesCarried: position === firstRated }));
  return { cycle, item, price, chargeKind: price.meterCode === null ? 'FEE' : 'USAGE', knownBefore, pricesKnownBefore, parts };
}

interface VersionPart extends VersionInForce {
  readonly interval: Interval;
  readonly resolvedAt: Instant;
}

function splitByVersion(prices: readonly VersionedPrice[], interval: Interval, resolve: (at: Instant) => Omit<VersionPart, 'interval'>): readonly VersionPart[] {
  const parts: VersionPart[] = [];
  const starts = [interval.start, ...versionChanges(prices, interval)];
  for (const [position, start] of starts.entries()) {
    const part = { interval: { start, end: starts[position + 1] ?? interval.end }, ...resolve(start) };
    const last = parts.at(-1);
    if (last === undefined || last.version.version !== part.version.version || last.isOverride !== part.isOverride) parts.push(part);
    else parts[parts.length - 1] = { ...last, interval: { start: last.interval.start, end: part.interval.end } };
  }
  return parts;
}

/** No usage moves a FLAT price. */
function ratesUsage({ version }: VersionPart): boolean {
  return version.model.kind !== 'FLAT';
}

interface PartTerms {
  readonly item: string;
  readonly price: Price;
  readonly quantity: ChargePart['itemQuantity'];
  readonly part: VersionPart;
  readonly takesCarried: boolean;
}

function partOf(
  facts: RunFacts,
  view: CycleView,
  { item, price, quantity, part, takesCarried }: PartTerms,
): ChargePart {
  const { version, isOverride, resolvedAt, interval } = part;
  const period = periodAround(facts, view.cycle);
  const ratedMeter = ratesUsage(part) ? price.meterCode : null;
  return {
    version,
    isOverride,
    resolvedAt,
    itemQuantity: quantity,
    servicePeriod: interval,
    proration: prorationOf(interval, period, { zone: facts.subscription.cadence.zone, engineVersion: facts.engineVersion }),
    usageQuery: ratedMeter === null ? null : usageQuery(facts, view, {
      item,
      meterCode: ratedMeter,
      interval,
      period,
      groupBy: groupsOf(price, version.model),
      needsEventValues: needsEventValues(version.model),
      lateness: latenessOf(facts, { ...view, item, priceCode: price.code, meterCode: ratedMeter, interval, takesCarried }),
    }),
  };
}

/** What the price groups by, and what its matrix looks at; each once, in the order of their names. */
function groupsOf({ groupBy }: Price, model: PriceModel): readonly string[] {
  const dimensions = model.kind === 'MATRIX' ? model.dimensions : [];
  return [...new Set([...groupBy, ...dimensions])].toSorted();
}

/**
 * The full period of a cycle. Its persisted boundaries stand, so that a change of the time zone data moves nothing;
 * only the day on which the period of a first cycle *would* have begun is worked out.
 */
function periodAround({ subscription }: RunFacts, { index, start, end }: CycleFact): Interval {
  const { cadence, startTime } = subscription;
  if (index > 1 || cadence.anchor === startTime) return { start, end };
  return { start: fullPeriod(cadence, index, startTime).start, end };
}

function priceOfItem(facts: RunFacts, item: string, priceCode: string): Price {
  const price = facts.prices.find(({ code }) => code === priceCode);
  if (price === undefined) {
    const metadata = { item, price: priceCode };
    throw new RatingError('PRICE_MISSING', `Item ${item} names price ${priceCode}, which does not exist.`, metadata);
  }
  if (price.currencyCode !== facts.currencyCode) {
    const metadata = { price: priceCode, price_currency: price.currencyCode, currency: facts.currencyCode };
    const problem = `Price ${priceCode} is in ${price.currencyCode}, the run in ${facts.currencyCode}.`;
    throw new RatingError('CURRENCY_MISMATCH', problem, metadata);
  }
  return price;
}

function usageQuery(
  { subscription }: RunFacts,
  { cycle, knownBefore }: CycleView,
  { lateness, ...question }: Pick<UsageQuery, 'item' | 'meterCode' | 'interval' | 'period' | 'groupBy' | 'needsEventValues'> & { readonly lateness: Lateness | undefined },
): UsageQuery {
  return {
    queryKey: `${cycle.index}:${knownBefore}:${question.interval.start}:${question.item}`, // the item last, as it may hold any character
    cycleIndex: cycle.index,
    customerReference: subscription.customerReference,
    subscriptionReference: subscription.reference,
    knownBefore,
    ...(lateness === undefined ? {} : { lateness }),
    ...question,
  };
}
