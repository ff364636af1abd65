/** The public face of the core, by hand: what is not here is an inner part. */
export {
  type AggregatedUsage,
  aggregateUsage,
  type Aggregation,
  type AggregationKind,
  type DigestedUsageEvent,
  type GroupUsage,
  type UsageTerms,
} from './aggregation/aggregation.ts';
export { aggregationOf, type AggregationStates, type AggregationTerms } from './aggregation/aggregation-of.ts';
export { type GroupLevel, levelsAfter } from './aggregation/level.ts';
export { canonicalJson, type JsonValue } from './canonical/canonical-json.ts';
export { composeRun } from './run/compose-run.ts';
export { type AppliedCredit, carryCredits, type CarriedCredit } from './run/credit.ts';
export { currencyExponent } from './number/currency.ts';
export { daysOf } from './time/days.ts';
export { cycleCutoff, firstCutoff, knownFrom, settlementCutoff } from './time/cutoff.ts';
export { type Decimal, parseDecimal } from './number/decimal.ts';
export { derivedId, sha256Hex } from './canonical/derived-id.ts';
export { ENGINE_VERSION } from './engine-version.ts';
export { InvariantError, RATING_REASONS, RatingError, type RatingReason } from './errors.ts';
export { matchesFilters, type PropertyFilter } from './usage/filter.ts';
export {
  addFractions,
  compareFractions,
  divideFractions,
  type Fraction,
  fractionFromBigInt,
  fractionFromDecimal,
  fractionFromJson,
  type ExactJson,
  exactFromJson,
  exactToJson,
  type FractionJson,
  fractionToDecimal,
  fractionToJson,
  multiplyFractions,
  subtractFractions,
} from './number/fraction.ts';
export { formatInstant, type Instant, instant, type Interval, laterOf, parseInstant } from './time/instant.ts';
export { type GroupQuantity, itemQuantity, NO_USAGE, type RatableQuantity, rateQuantity, type RatedQuantity } from './model/model.ts';
export { type DaysProration, prorationOf } from './modifier/proration.ts';
export { ratePrice } from './price/rate-price.ts';
export { groupKey, groupOf, type UsageGroup } from './usage/group.ts';
export { formatMinorUnits, parseMinorUnits } from './number/money.ts';
export { isTimeZone } from './time/time-zone.ts';
export { type BillingCadence, calendarAnchor, cycleBounds, cycleIndexAt, fullPeriod, periodBoundary, type PeriodInterval } from './time/period.ts';
export {
  type BillingTiming,
  type ChargingTerms,
  type MatrixTerms,
  type PercentageTerms,
  type PercentTier,
  type Price,
  type PriceModel,
  type PriceModifiers,
  type PriceRule,
  type PriceVersion,
  type PriceVersionBound,
  type Stair,
  type Tier,
  type UnitConversion,
  USUAL_TERMS,
  type VersionedPrice,
} from './price/price.ts';
export { resolvePriceVersion } from './price/price-version.ts';
export { printTrace } from './trace/print-trace.ts';
export { type QuantityRounding, type RoundedAmount, roundInParts, type RoundingMode, roundQuantity, roundToMinorUnits } from './number/rounding.ts';
export type {
  ChargeKind,
  ComposedRun,
  CycleFact,
  RunFacts,
  RunLine,
  SubscriptionFacts,
  UsageAnswers,
  UsageQuery,
} from './run/run.ts';
export type { CarriedRange, Lateness, LatenessPolicy } from './run/lateness.ts';
export { settingsKnownBefore, type SettingsVersion } from './run/settings.ts';
export {
  type CanceledFact,
  type CancelUndoneFact,
  cancelDoneTime,
  cancelInForce,
  cancelTimeKnownBefore,
  type ItemsChangedFact,
  type PausedFact,
  type ResumedFact,
  serviceChangedFrom,
  type ServiceStretch,
  serviceStretches,
  type StartedFact,
  type SubscriptionFact,
  type SubscriptionItem,
} from './run/subscription.ts';
export { partsOfSide } from './trace/trace.ts';
export type {
  LatenessTrace,
  LineTrace,
  PartTrace,
  PeriodTrace,
  PriceTrace,
  ProrationStep,
  QuantityTrace,
  RatingStep,
  RoundingTrace,
  SideTrace,
  TierStep,
  UnitStep,
} from './trace/trace.ts';
export { type UsageEvent, usageEventContent, type UsageSetEntry, usageSetDigest } from './usage/usage-event.ts';
export { usageQueriesOfRun } from './run/usage-query.ts';
export type { PriceProblem, PriceProblemReason } from './price/price-problem.ts';
export { validatePriceModel } from './price/validate-model.ts';
export { type PriceToValidate, validatePrice, validatePriceRule } from './price/validate-price.ts';
