// What a subscription needs to know of a plan: its latest version, its interval, and the meters of its prices.
import type { PeriodInterval } from '@valora/rating';

export interface PlanOffer {
  readonly code: string;
  readonly version: number;
  readonly interval: PeriodInterval;
  readonly intervalCount: number;
  /** In the order of lines; `meterCode` is null for a fee. */
  readonly prices: readonly { readonly code: string; readonly meterCode: string | null }[];
}
