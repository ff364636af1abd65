/**
 * A price: a code with a sequence of immutable versions, each with one model and its parameters.
 *
 * Nothing in a version ever changes. That a later version ends an earlier one is a fact of its own, a *bound*, with its
 * own recorded time: whoever asks what was known on an earlier day gets the earlier answer. The trap: `effectiveTo` of
 * a version is only its end as first published; ask `resolvePriceVersion` for the end as known.
 */
import type { Decimal } from '../number/decimal.ts';
import type { Instant } from '../time/instant.ts';

export type PriceModel =
  | { readonly kind: 'FLAT'; readonly amount: Decimal }
  | { readonly kind: 'PER_UNIT'; readonly unitAmount: Decimal }
  | { readonly kind: 'GRADUATED'; readonly tiers: readonly Tier[] }
  | { readonly kind: 'VOLUME'; readonly tiers: readonly Tier[] };

export type Tier = {
  /** The last quantity of the tier, inclusive; `null` is open and belongs to the last tier alone. */
  readonly upTo: Decimal | null;
  readonly unitAmount: Decimal;
  /** Due once, when the quantity passes the tier's lower bound; the first tier's even at quantity zero. */
  readonly flatAmount: Decimal | null;
};

export interface PriceVersion {
  readonly version: number;
  readonly effectiveFrom: Instant;
  readonly effectiveTo: Instant | null;
  readonly recordedTime: Instant;
  readonly model: PriceModel;
}

/** Appended when a later version ends an earlier one; the earliest bound known is the one that counts. */
export interface PriceVersionBound {
  readonly version: number;
  readonly effectiveTo: Instant;
  readonly recordedTime: Instant;
}

export interface Price {
  readonly code: string;
  readonly displayName: string;
  /** `null` for a fee, which rates the item's quantity; otherwise the meter whose usage is rated. */
  readonly meterCode: string | null;
  readonly currencyCode: string;
  readonly versions: readonly PriceVersion[];
  readonly bounds: readonly PriceVersionBound[];
}
