/**
 * A charge: one item of one cycle with the price version that rates it, as known before an instant. Not an amount yet.
 *
 * Two knowledges meet here, and this is the place to keep them apart. *What there is to bill* (items, usage) is asked
 * as known before the run's cutoff, or the previous run's. *What it costs* (prices, settings) is always asked as known
 * before the cutoff of the cycle itself, so that no later edit of the catalog reaches it.
 * The trap: an empty period (a day that the zone skipped) calls for nothing, not for a full fee.
 */
import { RatingError } from '../errors.ts';
import { resolvePriceVersion } from '../price/price-version.ts';
import type { Price, PriceVersion } from '../price/price.ts';
import type { Instant, Interval } from '../time/instant.ts';
import type { ChargeKind, CycleFact, RunFacts, UsageQuery } from './run.ts';
import { fullPeriod } from '../time/period.ts';
import { type Proration, prorationOf } from './proration.ts';
import { liveItems, partInService, type SubscriptionItem } from './subscription.ts';

export interface Charge {
  readonly cycle: CycleFact;
  readonly item: SubscriptionItem;
  readonly price: Price;
  /** In force at the start of the cycle, as known before its cutoff. */
  readonly version: PriceVersion;
  readonly chargeKind: ChargeKind;
  /** The cycle, up to a cancel. */
  readonly servicePeriod: Interval;
  /** By which its fees are cut; `null` where every day of the full period is in service. */
  readonly proration: Proration | null;
  readonly knownBefore: Instant;
  /**
   * What metering is asked; `null` where the item's own quantity is rated: a fee, and a FLAT price, which no usage
   * moves.
   */
  readonly usageQuery: UsageQuery | null;
}

/**
 * What cycle n calls for by facts recorded strictly before `knownBefore`, in the subscription's order. Errors:
 * PRICE_MISSING, PRICE_VERSION_MISSING, CURRENCY_MISMATCH.
 */
export function chargesOfCycle(facts: RunFacts, cycle: CycleFact, knownBefore: Instant): readonly Charge[] {
  const servicePeriod = partInService(facts.subscription.facts, { start: cycle.start, end: cycle.end }, knownBefore);
  if (servicePeriod === null) return [];
  const proration = prorationOf(servicePeriod, periodAround(facts, cycle), facts.subscription.cadence.zone);
  return liveItems(facts.subscription.facts, servicePeriod, knownBefore).map((item) => {
    const price = priceOfItem(facts, item);
    const version = resolvePriceVersion(price, cycle.start, cycle.cutoff);
    const ratedMeter = version.model.kind === 'FLAT' ? null : price.meterCode;
    return {
      cycle,
      item,
      price,
      version,
      chargeKind: price.meterCode === null ? 'FEE' : 'USAGE',
      servicePeriod,
      proration,
      knownBefore,
      usageQuery: ratedMeter === null ? null : usageQuery(facts, { cycle, item, servicePeriod, knownBefore }, ratedMeter),
    };
  });
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

function priceOfItem(facts: RunFacts, { item, priceCode }: SubscriptionItem): Price {
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
  { cycle, item: { item }, servicePeriod, knownBefore }: Pick<Charge, 'cycle' | 'item' | 'servicePeriod' | 'knownBefore'>,
  meterCode: string,
): UsageQuery {
  return {
    queryKey: `${cycle.index}:${knownBefore}:${item}`, // the item last, as it may hold any character
    cycleIndex: cycle.index,
    item,
    meterCode,
    customerReference: subscription.customerReference,
    subscriptionReference: subscription.reference,
    interval: servicePeriod,
    knownBefore,
  };
}
