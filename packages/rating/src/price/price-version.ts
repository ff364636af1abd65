/**
 * Which version of a price is in force at a moment, among those known at a given knowledge.
 *
 * Both the versions and the bounds that end them count only if recorded strictly before that knowledge, so the answer
 * for a closed cycle never changes. Where no version was known, the run stops with an error that names the price and the
 * instant, and publishing a version for that instant is what mends it: the first one published then, by its number, holds
 * for ever after. Numbers are given out one after the other, so no later publication can come before it. A subscription's
 * own versions go before those of the catalog wherever one is in force.
 * The trap: a missing version is never a price of zero.
 */
import { invariant, RatingError } from '../errors.ts';
import { formatInstant, type Instant, type Interval } from '../time/instant.ts';
import type { PriceVersion, VersionedPrice } from './price.ts';

/** A version with `effectiveTo` as known, and whether it is the subscription's own. */
export interface VersionInForce {
  readonly version: PriceVersion;
  readonly isOverride: boolean;
}

/** The subscription's own version at `at`, or else the catalog's. Errors and breaks: as `resolvePriceVersion`. */
export function resolveVersion(price: VersionedPrice, override: VersionedPrice | null, at: Instant, knownBefore: Instant): VersionInForce {
  const own = override === null ? null : versionInForce(override, at, knownBefore);
  return own === null ? { version: resolvePriceVersion(price, at, knownBefore), isOverride: false } : { version: own, isOverride: true };
}

/**
 * The version in force at `at` as known before `knownBefore`, with `effectiveTo` as known then: the earliest of its own
 * end and its bounds. If none was: the lowest-numbered one published for `at` since. Errors: PRICE_VERSION_MISSING.
 * Breaks off if two versions overlap, which publishing prevents.
 */
export function resolvePriceVersion(price: VersionedPrice, at: Instant, knownBefore: Instant): PriceVersion {
  const version = versionInForce(price, at, knownBefore) ?? firstPublishedLater(price, at, knownBefore);
  if (version === null) {
    const metadata = { price: price.code, at: formatInstant(at), known_before: formatInstant(knownBefore) };
    throw new RatingError('PRICE_VERSION_MISSING', `Price ${price.code} has no version at ${metadata.at}.`, metadata);
  }
  return version;
}

/** The moments within the interval, its ends left out, at which a version may take over from another; ascending. */
export function versionChanges(prices: readonly VersionedPrice[], { start, end }: Interval): readonly Instant[] {
  const moments = prices.flatMap(({ versions, bounds }) => [
    ...versions.flatMap(({ effectiveFrom, effectiveTo }) => (effectiveTo === null ? [effectiveFrom] : [effectiveFrom, effectiveTo])),
    ...bounds.map(({ effectiveTo }) => effectiveTo),
  ]);
  const within = moments.filter((moment) => start < moment && moment < end);
  return [...new Set(within)].toSorted((one, other) => (one < other ? -1 : 1));
}

/** One look at each bound and at each version, since a price that splits periods is asked at every change of its versions. */
function versionInForce(price: VersionedPrice, at: Instant, knownBefore: Instant): PriceVersion | null {
  const ended = new Set(price.bounds.filter(({ recordedTime, effectiveTo }) => recordedTime < knownBefore && effectiveTo <= at).map(({ version }) => version));
  const [inForce, ...others] = price.versions.filter(({ version, recordedTime, effectiveFrom, effectiveTo }) =>
    recordedTime < knownBefore && effectiveFrom <= at && (effectiveTo === null || at < effectiveTo) && !ended.has(version));
  invariant(others.length === 0, `price ${price.code} has two versions at ${formatInstant(at)}`);
  return inForce === undefined ? null : { ...inForce, effectiveTo: endAsKnown(price, inForce, knownBefore) };
}

/** As published, whatever bounded it since: what mends a missing version must not move again. */
function firstPublishedLater({ versions }: VersionedPrice, at: Instant, knownBefore: Instant): PriceVersion | null {
  return versions
    .filter(({ recordedTime, effectiveFrom, effectiveTo }) =>
      recordedTime >= knownBefore && effectiveFrom <= at && (effectiveTo === null || at < effectiveTo))
    .reduce<PriceVersion | null>((first, one) => (first === null || one.version < first.version ? one : first), null);
}

function endAsKnown(price: VersionedPrice, version: PriceVersion, knownBefore: Instant): Instant | null {
  return price.bounds
    .filter((bound) => bound.version === version.version && bound.recordedTime < knownBefore)
    .reduce<Instant | null>(
      (end, bound) => (end === null || bound.effectiveTo < end ? bound.effectiveTo : end),
      version.effectiveTo,
    );
}
