// A plan: prices that are billed together in one interval. Like prices it has versions; a subscription pins one.
import { timestampFromInstant, type Fields } from '@valora/chassis';
import type { Plan as PlanMessage } from '@valora/contracts/valora/pricing/v1/catalog';
import { PeriodInterval as PeriodIntervalMessage } from '@valora/contracts/valora/type/v1/period';
import type { Instant, PeriodInterval, Price } from '@valora/rating';
import { errors } from './errors.ts';

/** A plan as of one version. */
export interface Plan {
  readonly code: string;
  readonly displayName: string;
  readonly version: number;
  readonly interval: PeriodInterval;
  readonly intervalCount: number;
  /** In the order of lines. */
  readonly priceCodes: readonly string[];
  /** When this version was recorded. */
  readonly recordedTime: Instant;
}

/** What a caller chooses about a new plan. */
export type PlanDraft = Omit<Plan, 'version' | 'recordedTime'>;

const DISPLAY_NAME_LENGTH_MAX = 200;
const INTERVAL_COUNT_MAX = 120;
const PRICES_MAX = 100;

const intervalMessages: Readonly<Record<PeriodInterval, PeriodIntervalMessage>> = {
  DAY: PeriodIntervalMessage.DAY,
  WEEK: PeriodIntervalMessage.WEEK,
  MONTH: PeriodIntervalMessage.MONTH,
  QUARTER: PeriodIntervalMessage.QUARTER,
  YEAR: PeriodIntervalMessage.YEAR,
};

export function parsePlan(fields: Fields, message: PlanMessage): PlanDraft {
  if (message.interval !== PeriodIntervalMessage.MONTH) {
    fields.refuse('plan.interval', 'UNSUPPORTED', 'Must be PERIOD_INTERVAL_MONTH, the only interval that is billed now.');
  }
  fields.count('plan.prices', message.prices, { min: 1, max: PRICES_MAX });
  const priceCodes = message.prices.slice(0, PRICES_MAX).map((code, position) => fields.code(`plan.prices[${position}]`, code));
  priceCodes.forEach((code, position) => {
    if (priceCodes.indexOf(code) < position) fields.refuse(`plan.prices[${position}]`, 'REPEATED', 'Must be listed once; a subscription may take more than one by quantity.');
  });
  return {
    code: fields.code('plan.code', message.code),
    displayName: fields.text('plan.display_name', message.displayName, { lengthMin: 1, lengthMax: DISPLAY_NAME_LENGTH_MAX }),
    interval: 'MONTH',
    intervalCount: fields.integer('plan.interval_count', message.intervalCount === 0 ? 1 : message.intervalCount, { min: 1, max: INTERVAL_COUNT_MAX }),
    priceCodes,
  };
}

/** Requires that every price of the plan exists and that no two rate one meter. Errors: PRICE_UNKNOWN, METER_REPEATED. */
export function requirePricesOfPlan({ priceCodes }: PlanDraft, prices: readonly Price[]): void {
  const byCode = new Map(prices.map((price) => [price.code, price]));
  const priceByMeter = new Map<string, string>();
  for (const code of priceCodes) {
    const price = byCode.get(code);
    if (price === undefined) throw errors.PRICE_UNKNOWN({ price: code });
    if (price.meterCode === null) continue;
    const other = priceByMeter.get(price.meterCode);
    if (other !== undefined) throw errors.METER_REPEATED({ meter: price.meterCode, price: other, other_price: code });
    priceByMeter.set(price.meterCode, code);
  }
}

export function planToProto({ code, displayName, version, interval, intervalCount, priceCodes, recordedTime }: Plan): PlanMessage {
  return { code, displayName, version, interval: intervalMessages[interval], intervalCount, prices: priceCodes, recordedTime: timestampFromInstant(recordedTime) };
}
