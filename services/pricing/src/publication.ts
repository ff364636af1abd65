// What publishing a version does to the versions before it. Versions of a price never overlap: the one in force where the
// new one starts is ended there by a bound, and a version that starts later is never touched. So a new version that would
// reach a later one is refused; it would have to be ended first, or the later one never meant.
import { formatInstant, type Instant, type Price, type PriceVersion } from '@valora/rating';
import { errors } from './errors.ts';

export interface Publication {
  readonly effectiveFrom: Instant;
  /** Null for open. */
  readonly effectiveTo: Instant | null;
}

export interface PlannedPublication {
  /** The number of the new version. */
  readonly version: number;
  /** The version that it ends, if one is in force where it starts. */
  readonly boundedVersion: number | null;
  /** The bounded version would have gone on after the new one's end, where now no version is in force. */
  readonly leavesGap: boolean;
}

/** Decides from all versions and bounds of the price, whenever recorded. Errors: PRICE_VERSION_OVERLAP. */
export function planPublication(price: Price, { effectiveFrom, effectiveTo }: Publication): PlannedPublication {
  const reached = price.versions.find((version) => version.effectiveFrom >= effectiveFrom && (effectiveTo === null || version.effectiveFrom < effectiveTo));
  if (reached !== undefined) {
    throw errors.PRICE_VERSION_OVERLAP({ price: price.code, version: String(reached.version), effective_from_time: formatInstant(reached.effectiveFrom) });
  }
  const bounded = price.versions
    .map((version) => ({ ...version, effectiveTo: endOf(price, version) }))
    .find((version) => version.effectiveFrom < effectiveFrom && (version.effectiveTo === null || version.effectiveTo > effectiveFrom));
  return {
    version: price.versions.length + 1,
    boundedVersion: bounded?.version ?? null,
    leavesGap: bounded !== undefined && effectiveTo !== null && (bounded.effectiveTo === null || bounded.effectiveTo > effectiveTo),
  };
}

function endOf({ bounds }: Price, { version, effectiveTo }: PriceVersion): Instant | null {
  return bounds
    .filter((bound) => bound.version === version)
    .reduce<Instant | null>((end, bound) => (end === null || bound.effectiveTo < end ? bound.effectiveTo : end), effectiveTo);
}
