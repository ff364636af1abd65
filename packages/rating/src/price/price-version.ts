/**
 * Which version of a price rates a period: the one effective at the period's start, among those known at a given
 * knowledge.
 *
 * Both the versions and the bounds that end them count only if recorded strictly before that knowledge, so the answer
 * for a closed cycle never changes. Where no version was known, the run stops with an error that names the price and the
 * instant, and publishing a version for that instant is what mends it: the first one published then, by its number, holds
 * for ever after. Numbers are given out one after the other, so no later publication can come before it.
 * The trap: a missing version is never a price of zero.
 */
import { invariant, RatingError } from '../errors.ts';
import { formatInstant, type Instant } from '../time/instant.ts';
import type { Price, PriceVersion } from './price.ts';

/**
 * The version in force at `at` as known before `knownBefore`, with `effectiveTo` as known then: the earliest of its own
 * end and its bounds.
 * If none was: the lowest-numbered one published for `at` since. Errors: PRICE_VERSION_MISSING. Breaks off if two versions overlap, which publishing prevents.
 */
export function resolvePriceVersion(price: Price, at: Instant, knownBefore: Instant): PriceVersion {
  const effective = price.versions
    .filter((version) => version.recordedTime < knownBefore)
    .map((version) => ({ ...version, effectiveTo: endAsKnown(price, version, knownBefore) }))
    .filter(({ effectiveFrom, effectiveTo }) => effectiveFrom <= at && (effectiveTo === null || at < effectiveTo));
  invariant(effective.length <= 1, `price ${price.code} has two versions at ${formatInstant(at)}`);
  const version = effective[0] ?? firstPublishedLater(price, at, knownBefore);
  if (version === undefined) {
    const metadata = { price: price.code, at: formatInstant(at), known_before: formatInstant(knownBefore) };
    throw new RatingError('PRICE_VERSION_MISSING', `Price ${price.code} has no version at ${metadata.at}.`, metadata);
  }
  return version;
}

/** As published, whatever bounded it since: what mends a missing version must not move again. */
function firstPublishedLater({ versions }: Price, at: Instant, knownBefore: Instant): PriceVersion | undefined {
  return versions
    .filter(({ recordedTime, effectiveFrom, effectiveTo }) =>
      recordedTime >= knownBefore && effectiveFrom <= at && (effectiveTo === null || at < effectiveTo))
    .reduce<PriceVersion | undefined>((first, one) => (first === undefined || one.version < first.version ? one : first), undefined);
}

function endAsKnown(price: Price, version: PriceVersion, knownBefore: Instant): Instant | null {
  return price.bounds
    .filter((bound) => bound.version === version.version && bound.recordedTime < knownBefore)
    .reduce<Instant | null>(
      (end, bound) => (end === null || bound.effectiveTo < end ? bound.effectiveTo : end),
      version.effectiveTo,
    );
}
