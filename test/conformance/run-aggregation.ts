/** Events of a period, to a quantity: by kind, filter and group, as the core aggregates what metering hands over. */
import {
  aggregateUsage, type AggregatedUsage, type AggregationKind, type DigestedUsageEvent, exactFromJson, type Fraction, groupKey, type GroupLevel, type Interval, levelsAfter,
  matchesFilters, parseDecimal, type PropertyFilter, roundQuantity, sha256Hex, type UsageEvent, usageEventContent, type UsageGroup,
} from '@valora/rating';
import { type Answer, compared, type ConformanceCase, nothingToCompare, outside } from './case.ts';
import { sameCount, sameNumber, ZERO } from './compare.ts';
import { type Fields, has, list, MalformedCase, object, objects, text, textIfAny, texts } from './fields.ts';
import { interval, time } from './times.ts';

/** Where the key of an event stands that UNIQUE_COUNT counts. */
const UNIQUE_PROPERTY = 'unique key';

const KINDS: Readonly<Record<string, AggregationKind>> = {
  count: 'COUNT', sum: 'SUM', max: 'MAX', min: 'MIN', avg: 'AVERAGE', average: 'AVERAGE', latest: 'LATEST', unique: 'UNIQUE_COUNT', unique_count: 'UNIQUE_COUNT', weighted_sum: 'WEIGHTED_SUM',
};

const COMPARED = ['value', 'events_count', 'groups'] as const;

export function runAggregation({ fields, expected }: ConformanceCase): Answer {
  const name = text(fields, 'aggregation');
  const kind = KINDS[name];
  if (kind === undefined) return outside(`no aggregation ${name}`);
  if (has(fields, 'window')) return outside('windows within the period');
  if (has(fields, 'dedupe')) return outside('duplicates: metering refuses them before they are aggregated');
  const filters = has(fields, 'filter') ? filtersOf(object(fields, 'filter')) : [];
  if (filters === null) return outside('filters that exclude, or that ask for no value');
  if (fields['recurring'] === true && kind !== 'WEIGHTED_SUM') return outside('a quantity that lasts beyond its period, unweighted');
  const rounding = roundingOf(fields);
  if (rounding === null) return outside('rounding to tens and above');
  if (!COMPARED.some((name) => has(expected, name))) return nothingToCompare(...COMPARED);
  const usage = usageOf(kind, fields, filters);
  return compared(
    has(expected, 'value') ? sameNumber('value', text(expected, 'value'), rounding(exactFromJson(usage.quantity))) : [],
    has(expected, 'events_count') ? sameCount('events_count', text(expected, 'events_count'), usage.eventCount) : [],
    has(expected, 'groups') ? sameGroups(objects(expected, 'groups'), usage, rounding) : [],
  );
}

function usageOf(kind: AggregationKind, fields: Fields, filters: readonly PropertyFilter[]): AggregatedUsage {
  const period = interval(fields, 'period');
  const groupBy = has(fields, 'group_by') ? texts(fields, 'group_by') : [];
  const matching = objects(fields, 'events').map(eventOf).filter(({ properties }) => matchesFilters(filters, properties));
  const within = matching.filter(({ eventTime }) => period.start <= eventTime && eventTime < period.end);
  const levels = kind === 'WEIGHTED_SUM' ? levelsBefore(fields, period, { matching, groupBy }) : [];
  return aggregateUsage(kind, within, { interval: period, period, groupBy, levels, uniqueProperty: UNIQUE_PROPERTY });
}

/** The level that is carried in: given, or made by the events before the period. */
function levelsBefore(fields: Fields, period: Interval, { matching, groupBy }: { matching: readonly UsageEvent[]; groupBy: readonly string[] }): readonly GroupLevel[] {
  const initial = textIfAny(fields, 'initial_value');
  if (initial !== null) return [{ group: {}, level: parseDecimal(initial) }];
  return fields['recurring'] === true ? levelsAfter(matching.filter(({ eventTime }) => eventTime < period.start), { groupBy }) : [];
}

function eventOf(fields: Fields, position: number): DigestedUsageEvent {
  const key = textIfAny(fields, 'key');
  const event: UsageEvent = {
    idempotencyKey: textIfAny(fields, 'id') ?? `event-${position}`,
    meterCode: 'meter',
    customerReference: 'customer',
    subscriptionReference: null,
    eventTime: time(fields, 'timestamp'),
    value: has(fields, 'value') ? parseDecimal(text(fields, 'value')) : null,
    properties: { ...propertiesOf(fields), ...(key === null ? {} : { [UNIQUE_PROPERTY]: key }) },
  };
  return { ...event, contentDigest: Buffer.from(sha256Hex(usageEventContent(event)), 'hex') };
}

function propertiesOf(fields: Fields): Readonly<Record<string, string>> {
  if (!has(fields, 'properties')) return {};
  const properties = object(fields, 'properties');
  return Object.fromEntries(Object.keys(properties).filter((name) => has(properties, name)).map((name) => [name, text(properties, name)]));
}

/** `null` for what our filters cannot say: they take an event by the values that it has. */
function filtersOf(filter: Fields): readonly PropertyFilter[] | null {
  if (has(filter, 'excluding') && list(filter, 'excluding').length > 0) return null;
  const matching = object(filter, 'matching');
  const filters = Object.keys(matching).map((property) => ({ property, values: list(matching, property) }));
  if (filters.some(({ values }) => values.includes(null))) return null;
  return filters.map(({ property }) => ({ property, values: texts(matching, property) }));
}

/** How the case rounds its quantity; `null` for digits before the point. */
function roundingOf(fields: Fields): ((quantity: Fraction) => Fraction) | null {
  if (!has(fields, 'rounding')) return (quantity) => quantity;
  const rounding = object(fields, 'rounding');
  const decimals = Number(text(rounding, 'decimals'));
  if (decimals < 0) return null;
  const mode = { half_away_from_zero: 'HALF_UP', ceiling: 'CEILING', floor: 'FLOOR' } as const;
  const name = text(rounding, 'mode');
  if (name !== 'half_away_from_zero' && name !== 'ceiling' && name !== 'floor') throw new MalformedCase(`no rounding ${name}`);
  return (quantity) => roundQuantity(quantity, { decimals, mode: mode[name] });
}

/** Groups stand in any order; one too many, or one told twice, is a difference. One without events is 0, whether it is there or not. */
function sameGroups(expected: readonly Fields[], { groups = [] }: AggregatedUsage, rounding: (quantity: Fraction) => Fraction): readonly string[] {
  const ours = new Map(groups.map((one) => [groupKey(one.group), one]));
  const keys = expected.map((one) => groupKey(groupOfCase(object(one, 'group'))));
  const superfluous = [...ours.keys()].filter((key) => !keys.includes(key)).map((key) => `group ${key}: not expected`);
  const repeated = keys.filter((key, position) => keys.indexOf(key) < position).map((key) => `group ${key}: expected twice`);
  const differences = expected.flatMap((one, position) => {
    const key = keys[position] ?? '';
    const group = ours.get(key);
    return [
      ...sameNumber(`group ${key}`, text(one, 'value'), group === undefined ? ZERO : rounding(exactFromJson(group.quantity))),
      ...(has(one, 'events_count') ? sameCount(`events of group ${key}`, text(one, 'events_count'), group?.eventCount ?? 0n) : []),
    ];
  });
  return [...superfluous, ...repeated, ...differences];
}

function groupOfCase(group: Fields): UsageGroup {
  return Object.fromEntries(Object.keys(group).map((name) => [name, textIfAny(group, name)]));
}
