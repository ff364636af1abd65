/**
 * The settings of an organization that bear on billing, as versions.
 *
 * A cycle is rated with the settings known at its own cutoff, whatever they became later, so a change never reaches a
 * billed cycle. The first version is what the organization was created with and holds from the beginning of time: a
 * cycle may begin before the organization was recorded.
 */
import { invariant } from '../errors.ts';
import type { RoundingMode } from '../number/rounding.ts';
import type { Instant } from '../time/instant.ts';
import type { LatenessPolicy } from './lateness.ts';

export interface SettingsVersion {
  readonly recordedTime: Instant;
  readonly roundingMode: RoundingMode;
  /** How long after its end a cycle stays open for late usage. */
  readonly graceMicros: bigint;
  readonly latenessPolicy: LatenessPolicy;
  /** Whether a line of the current cycle that comes to zero is shown. */
  readonly keepZeroLines: boolean;
  /** The zone a new subscription pins; a run reads the subscription's own. */
  readonly timeZone: string;
}

/**
 * The last version recorded strictly before `knownBefore`, or the first version where none was. `versions`: at least
 * one, ascending by recorded time.
 */
export function settingsKnownBefore<Version extends Pick<SettingsVersion, 'recordedTime'>>(versions: readonly Version[], knownBefore: Instant): Version {
  const known = versions.findLast((version) => version.recordedTime < knownBefore) ?? versions[0];
  invariant(known !== undefined, 'an organization has at least one settings version');
  return known;
}
