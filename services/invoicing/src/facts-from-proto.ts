// From the contracts of other services to the plain facts of the rating package. What comes from another service was
// validated there; here something missing is a defect, not a caller's mistake.
import { instantFromTimestamp, type Timestamp } from '@valora/chassis';
import { VersionResolution, type Price as PriceMessage, type PriceVersion as PriceVersionMessage } from '@valora/contracts/valora/pricing/v1/catalog';
import type { BillingCycle, BillingFacts, SubscriptionFact as SubscriptionFactMessage } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { LatenessPolicy as LatenessPolicyMessage, RoundingMode as RoundingModeMessage, type SettingsVersion as SettingsVersionMessage } from '@valora/contracts/valora/tenancy/v1/organization';
import { PeriodInterval as PeriodIntervalMessage } from '@valora/contracts/valora/type/v1/period';
import {
  parseDecimal, type CycleFact, type Instant, type LatenessPolicy, type PeriodInterval, type Price, type PriceVersion, type RoundingMode,
  type SettingsVersion, type SubscriptionFact, type SubscriptionFacts, USUAL_TERMS,
} from '@valora/rating';
import { priceModelFromProto, priceModifiersFromProto } from './price-rule.ts';

export interface LoadedSubscription {
  readonly facts: SubscriptionFacts;
  readonly recordedTime: Instant;
  /** Every price that an item ever had, in the order of the items. */
  readonly priceCodes: readonly string[];
}

const periodIntervals: Readonly<Record<number, PeriodInterval>> = {
  [PeriodIntervalMessage.DAY]: 'DAY',
  [PeriodIntervalMessage.WEEK]: 'WEEK',
  [PeriodIntervalMessage.MONTH]: 'MONTH',
  [PeriodIntervalMessage.QUARTER]: 'QUARTER',
  [PeriodIntervalMessage.YEAR]: 'YEAR',
};

const roundingModes: Readonly<Record<number, RoundingMode>> = {
  [RoundingModeMessage.HALF_UP]: 'HALF_UP',
  [RoundingModeMessage.HALF_EVEN]: 'HALF_EVEN',
};

const latenessPolicies: Readonly<Record<number, LatenessPolicy>> = {
  [LatenessPolicyMessage.ADJUST]: 'ADJUST',
  [LatenessPolicyMessage.HOLD]: 'HOLD',
  [LatenessPolicyMessage.CARRY_FORWARD]: 'CARRY_FORWARD',
};

const versionResolutions: Readonly<Record<number, Price['versionResolution']>> = {
  [VersionResolution.PERIOD_START]: 'PERIOD_START',
  [VersionResolution.SPLIT]: 'SPLIT',
};

function required<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Error(`a service answered without ${name}`);
  return value;
}

export function requiredInstant(value: Timestamp | undefined): Instant {
  return instantFromTimestamp(required(value, 'an instant'));
}

export function subscriptionFromProto({ subscription, facts }: BillingFacts): LoadedSubscription {
  const { reference, customer, timeZone, anchorTime, interval, intervalCount, startTime, recordedTime } = required(subscription, 'a subscription');
  const subscriptionFacts = facts.map(subscriptionFactFromProto);
  return {
    facts: {
      reference,
      customerReference: customer,
      cadence: { anchor: requiredInstant(anchorTime), interval: required(periodIntervals[interval], 'an interval'), count: intervalCount, zone: timeZone },
      startTime: requiredInstant(startTime),
      facts: subscriptionFacts,
    },
    recordedTime: requiredInstant(recordedTime),
    priceCodes: [...new Set(subscriptionFacts.flatMap((fact) => (fact.kind === 'STARTED' ? fact.items.map(({ priceCode }) => priceCode) : [])))],
  };
}

function subscriptionFactFromProto({ sequence, effectiveTime, recordedTime, fact }: SubscriptionFactMessage): SubscriptionFact {
  const times = { sequence, effectiveTime: requiredInstant(effectiveTime), recordedTime: requiredInstant(recordedTime) };
  const happening = required(fact, 'a fact');
  switch (happening.$case) {
    case 'started':
      return { kind: 'STARTED', ...times, items: happening.value.items.map(({ item, price, quantity }) => ({ item, priceCode: price, quantity: parseDecimal(quantity) })) };
    case 'canceled':
      return { kind: 'CANCELED', ...times };
    case 'cancelUndone':
      return { kind: 'CANCEL_UNDONE', ...times };
  }
}

export function cycleFromProto({ cycleIndex, period, cutoffTime, tzdataVersion }: BillingCycle, previousCutoff: Instant): CycleFact {
  const { startTime, endTime } = required(period, 'a period');
  return { index: cycleIndex, previousCutoff, start: requiredInstant(startTime), end: requiredInstant(endTime), cutoff: requiredInstant(cutoffTime), tzdataVersion };
}

export function settingsFromProto({ recordedTime, settings }: SettingsVersionMessage): SettingsVersion {
  const { timeZone, roundingMode, grace, keepZeroLines, latenessPolicy } = required(settings, 'settings');
  const { seconds, nanos } = grace ?? { seconds: 0n, nanos: 0 };
  return {
    recordedTime: requiredInstant(recordedTime),
    roundingMode: required(roundingModes[roundingMode], 'a rounding mode'),
    graceMicros: seconds * 1_000_000n + BigInt(nanos / 1000),
    latenessPolicy: required(latenessPolicies[latenessPolicy], 'a lateness policy'),
    keepZeroLines,
    timeZone,
  };
}

export function priceFromProto({ code, displayName, meter, currencyCode, versions, bounds, versionResolution }: PriceMessage): Price {
  return {
    ...USUAL_TERMS,
    versionResolution: required(versionResolutions[versionResolution], 'a resolution of versions'),
    code,
    displayName,
    meterCode: meter === '' ? null : meter,
    currencyCode,
    versions: versions.map(priceVersionFromProto),
    bounds: bounds.map(({ version, effectiveToTime, recordedTime }) => ({ version, effectiveTo: requiredInstant(effectiveToTime), recordedTime: requiredInstant(recordedTime) })),
  };
}

function priceVersionFromProto({ version, effectiveFromTime, effectiveToTime, model, modifiers, recordedTime }: PriceVersionMessage): PriceVersion {
  return {
    version,
    effectiveFrom: requiredInstant(effectiveFromTime),
    effectiveTo: effectiveToTime === undefined ? null : instantFromTimestamp(effectiveToTime),
    recordedTime: requiredInstant(recordedTime),
    model: priceModelFromProto(required(model?.model, 'a price model')),
    ...(modifiers === undefined ? {} : { modifiers: priceModifiersFromProto(modifiers) }),
  };
}
