/**
 * Static validation of a price version, before it is published: every problem at once, each naming the place and the fix.
 *
 * An ERROR would leave a quantity without a price, or with two, or rate something that the price never sees; it stops
 * publishing. A WARNING is legal but seldom meant. What has no error can be rated: every quantity has exactly one amount,
 * and the one thing that can still stop a run is a MATRIX without a default, which is warned of.
 * The trap: a price is charged with each of its versions, so the terms are checked against every version published and
 * not only against the first.
 */
import type { AggregationKind } from '../aggregation/aggregation.ts';
import { RatingError } from '../errors.ts';
import { needsEventValues } from '../model/percentage.ts';
import { currencyExponent } from '../number/currency.ts';
import type { ChargingTerms, Price, PriceModel, PriceRule } from './price.ts';
import { error, type PriceProblem, repeatedPositions, textProblems, warning } from './price-problem.ts';
import { DIMENSIONS_MAX, validatePriceModel } from './validate-model.ts';
import { validateModifiers } from './validate-modifiers.ts';

export interface PriceToValidate extends Pick<Price, 'meterCode' | 'currencyCode'> {
  readonly rule: PriceRule;
  readonly terms: ChargingTerms;
  /** Where it is known: the one currency of the organization. */
  readonly organizationCurrency?: string;
  /** Where it is known: what the price's meter does with its events. */
  readonly aggregation?: AggregationKind;
}

/** The kinds whose quantity is the sum of what each event counts for. */
const SUMMED: readonly string[] = ['COUNT', 'SUM'];

/** The whole price: its rule, then its own fields in the order of `Price` and its terms. */
export function validatePrice(price: PriceToValidate): readonly PriceProblem[] {
  return [
    ...validatePriceRule(price.rule),
    ...meterProblems(price),
    ...currencyProblems(price),
    ...timingProblems(price),
    ...groupByProblems(price),
    ...rateByProblems(price),
  ];
}

/** The model, then the modifiers. */
export function validatePriceRule(rule: PriceRule): readonly PriceProblem[] {
  return [...validatePriceModel(rule.model), ...validateModifiers(rule)];
}

function meterProblems({ rule: { model }, meterCode, aggregation }: PriceToValidate): readonly PriceProblem[] {
  const path = 'meter_code';
  if (meterCode === null) {
    const fix = `${model.kind} rates usage, and a fee has none. Name a meter, or use another model.`;
    return ratesUsageAlone(model) ? [error(path, 'MODEL_NEEDS_METER', fix)] : [];
  }
  if (model.kind === 'FLAT') {
    return [warning(path, 'METER_UNUSED', 'No usage moves a FLAT amount. Leave the meter out, or use another model.')];
  }
  if (aggregation === undefined || SUMMED.includes(aggregation) || !needsEventValues(model)) return [];
  const fix = `This price rates event by event, and the events of a ${aggregation} meter do not add up to its quantity. Use a COUNT or SUM meter.`;
  return [error(path, 'EVENT_VALUES_NOT_SUMMED', fix)];
}

function ratesUsageAlone({ kind }: PriceModel): boolean {
  return kind === 'PERCENTAGE' || kind === 'MATRIX';
}

function currencyProblems({ currencyCode, organizationCurrency }: PriceToValidate): readonly PriceProblem[] {
  const path = 'currency_code';
  if (!isCurrency(currencyCode)) {
    return [error(path, 'CURRENCY_UNKNOWN', 'This currency is not known. Use an active ISO 4217 code that has a minor unit, for example USD.')];
  }
  if (organizationCurrency === undefined || organizationCurrency === currencyCode) return [];
  return [error(path, 'CURRENCY_MISMATCH', `The price is in ${currencyCode}, the organization bills in ${organizationCurrency}. Give the price that currency.`)];
}

function isCurrency(code: string): boolean {
  try {
    currencyExponent(code);
    return true;
  } catch (refused) {
    if (refused instanceof RatingError) return false;
    throw refused;
  }
}

function timingProblems({ terms: { billingTiming }, meterCode }: PriceToValidate): readonly PriceProblem[] {
  if (billingTiming === 'IN_ARREARS' || meterCode === null) return [];
  return [error('billing_timing', 'IN_ADVANCE_NEEDS_FEE', 'Usage is known when it has happened. Charge it in arrears, or leave the meter out.')];
}

function groupByProblems({ rule: { model }, terms: { groupBy }, meterCode }: PriceToValidate): readonly PriceProblem[] {
  const path = 'group_by';
  if (groupBy.length === 0) return [];
  if (meterCode === null) return [error(path, 'GROUP_BY_NEEDS_METER', 'A fee has no usage to group. Name a meter, or leave the groups out.')];
  const all = new Set([...groupBy, ...(model.kind === 'MATRIX' ? model.dimensions : [])]);
  if (groupBy.length > DIMENSIONS_MAX || all.size > DIMENSIONS_MAX) {
    return [error(path, 'GROUP_BY_TOO_MANY', `Usage is grouped by ${Math.max(groupBy.length, all.size)} properties, those of a matrix included. Give at most ${DIMENSIONS_MAX}.`)];
  }
  const repeated = new Set(repeatedPositions(groupBy));
  const problems = groupBy.flatMap((property, position) => {
    const at = `${path}[${position}]`;
    if (property === '') return [error(at, 'GROUP_BY_EMPTY', 'The property has no name. Give the name of a property of the events.')];
    const twice = `The property ${property} is there already. Give each property once.`;
    return [...textProblems(at, [property]), ...(repeated.has(position) ? [error(at, 'GROUP_BY_REPEATED', twice)] : [])];
  });
  if (model.kind !== 'FLAT') return problems;
  return [...problems, warning(path, 'GROUP_BY_UNUSED', 'A FLAT amount has no usage to group. Leave the groups out, or use another model.')];
}

function rateByProblems({ rule: { model }, terms: { rateBy, groupBy }, meterCode }: PriceToValidate): readonly PriceProblem[] {
  if (rateBy === 'ITEM') return [];
  if (meterCode === null || model.kind === 'FLAT') {
    return [error('rate_by', 'RATE_BY_NEEDS_USAGE', 'Only usage can be rated by dimension. Rate by item, or use a meter and a model that rates it.')];
  }
  if (groupBy.length > 0) return [];
  return [error('rate_by', 'RATE_BY_NEEDS_GROUP_BY', 'There are no groups to rate by. Name the properties in group_by, or rate by item.')];
}
