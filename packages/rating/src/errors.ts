/**
 * What the core refuses, by name.
 *
 * A RatingError means that a *fact or an input* cannot be rated as it stands: a caller can put it right, and the text
 * says how. An `InvariantError` means that the program is wrong; it is never caught in the domain and never answered to
 * a caller as if it were their fault.
 * The trap: a missing price must stop a run by name. Billing zero instead would look like success.
 */

/** Every reason with its remedy. Reasons are permanent: callers match on them. */
export const RATING_REASONS = {
  AGGREGATION_INTERVAL_MISSING: 'Give the interval and the full period around it; a WEIGHTED_SUM needs both.',
  AGGREGATION_NOT_ADDITIVE: 'Charge single events on a meter that counts them or adds them up (COUNT, SUM).',
  AGGREGATION_PROPERTY_MISSING: 'Give the property whose different values are to be counted; a UNIQUE_COUNT needs one.',
  CADENCE_INVALID: 'Give a whole count from 1 to 1000 and a period index that is a whole number from 0.',
  CURRENCY_MISMATCH: 'Give the price the currency of the organization; an organization bills in one currency.',
  CURRENCY_UNKNOWN: 'Use an active ISO 4217 code that has a minor unit, for example USD.',
  DECIMAL_MALFORMED: 'Write it as digits with an optional leading minus and an optional point, for example -12.50.',
  DECIMAL_TOO_FINE: 'Use at most 18 digits after the point.',
  DECIMAL_TOO_LONG: 'Use at most 38 significant digits.',
  INSTANT_MALFORMED: 'Write it as in RFC 3339, for example 2023-11-16T18:17:03.97996Z.',
  INSTANT_OUT_OF_RANGE: 'Use an instant from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z.',
  MATRIX_CELL_MISSING: 'Publish a version whose matrix has a cell for these values, or a default unit amount.',
  PRICE_MISSING: 'Create the price, or take the item off the subscription.',
  PRICE_VERSION_MISSING: 'Publish a version of the price that is effective at that instant.',
  TIERS_INVALID: 'Publish a version whose tiers rise strictly and whose last tier, and only the last, is open.',
  TIME_ZONE_UNKNOWN: 'Use an IANA zone name as written in the tz database, for example Europe/Paris.',
  USAGE_VALUE_MISSING: 'Send a value with every event of this meter; only COUNT and UNIQUE_COUNT work without one.',
} as const;

export type RatingReason = keyof typeof RATING_REASONS;

export class RatingError extends Error {
  override readonly name = 'RatingError';
  readonly reason: RatingReason;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(reason: RatingReason, problem: string, metadata: Readonly<Record<string, string>> = {}) {
    super(`${problem} ${RATING_REASONS[reason]}`);
    this.reason = reason;
    this.metadata = metadata;
  }
}

/** A bug in the program or a corrupted fact: stop, alert, repair nothing. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function invariant(holds: boolean, broken: string): asserts holds {
  if (!holds) throw new InvariantError(broken);
}

/** Closes an exhaustive switch: a new kind that is not handled fails to compile here. */
export function unreachable(value: never): never {
  throw new InvariantError(`not handled: ${JSON.stringify(value)}`);
}
