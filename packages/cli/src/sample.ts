// Small pieces of a catalog, as the commands set them up.
import type { Timestamp } from '@valora/chassis';
import { timestampFromInstant } from '@valora/chassis';
import { Aggregation, type Meter } from '@valora/contracts/valora/metering/v1/meter';
import { BillingTiming, VersionResolution } from '@valora/contracts/valora/pricing/v1/catalog';
import type { PriceModel, PriceModifiers } from '@valora/contracts/valora/pricing/v1/price_model';
import { BillingAlignment } from '@valora/contracts/valora/subscription/v1/subscription';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import { parseInstant } from '@valora/rating';
import type { Caller } from './caller.ts';

export function at(text: string): Timestamp {
  return timestampFromInstant(parseInstant(text));
}

export interface PriceSample {
  readonly code: string;
  readonly displayName: string;
  /** Null for a fee; otherwise a meter of this code is made for it. */
  readonly meter: string | null;
  /** Of the meter; otherwise it is a SUM that takes any value. */
  readonly meterDefinition?: Partial<Meter>;
  readonly model: NonNullable<PriceModel['model']>;
  readonly modifiers?: Partial<PriceModifiers>;
  /** Otherwise by the version at the start. */
  readonly versionResolution?: VersionResolution;
}

const SUM_METER: Meter = { code: '', displayName: '', aggregation: Aggregation.SUM, filters: [], uniqueProperty: '', takesNegativeValues: true, recordedTime: undefined };

/** Creates the prices with their meters, a version of each from `effectiveFrom` on, and a monthly plan of them all. Safe to repeat. */
export async function createPlan(caller: Caller, { plan, currencyCode, effectiveFrom, prices }: { plan: string; currencyCode: string; effectiveFrom: string; prices: readonly PriceSample[] }): Promise<void> {
  for (const { code, displayName, meter, meterDefinition, model, modifiers, versionResolution = VersionResolution.PERIOD_START } of prices) {
    if (meter !== null) {
      await caller.meters.createMeter({ requestId: `meter ${meter}`, meter: { ...SUM_METER, code: meter, displayName: meter, ...meterDefinition } });
    }
    await caller.catalog.createPrice({
      requestId: `price ${code}`,
      price: { code, displayName, meter: meter ?? '', currencyCode, billingTiming: BillingTiming.IN_ARREARS, versions: [], bounds: [], versionResolution },
    });
    await caller.catalog.publishPriceVersion({
      requestId: `version ${code} ${effectiveFrom}`, price: code, effectiveFromTime: at(effectiveFrom), model: { model }, allowBackDating: true,
      modifiers: modifiers === undefined ? undefined : { includedQuantity: '', minimum: '', maximum: '', ...modifiers },
    });
  }
  await caller.catalog.createPlan({
    requestId: `plan ${plan}`,
    plan: { code: plan, displayName: plan, version: 0, interval: PeriodInterval.MONTH, intervalCount: 1, prices: prices.map(({ code }) => code) },
  });
}

/** Creates a customer of the same reference and starts its subscription. Safe to repeat. */
export async function subscribe(
  caller: Caller,
  { customer, plan, startTime, alignment = BillingAlignment.UNSPECIFIED }: { customer: string; plan: string; startTime: string; alignment?: BillingAlignment | undefined },
): Promise<void> {
  await caller.customers.createCustomer({ requestId: `customer ${customer}`, customer: { reference: customer, displayName: customer, timeZone: '' } });
  await caller.subscriptions.createSubscription({
    requestId: `subscription ${customer}`,
    subscription: {
      reference: customer, customer, plan, planVersion: 0, startTime: at(startTime), items: [], timeZone: '', interval: PeriodInterval.UNSPECIFIED, intervalCount: 0, state: 0, alignment,
    },
  });
}
