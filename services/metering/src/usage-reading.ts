/**
 * Reading usage: many queries about counted events in as few statements as they have shapes.
 *
 * Meters are read in the same transaction and not from memory: verification must see a meter as it is stored now. The trap: the statements of one reading see the database
 * one after the other. What is known before a sealed instant is the same for all of them; about an unsealed one an event may be seen by the later ones alone.
 */
import { commonErrors, type Sql } from '@valora/chassis';
import type { AggregationKind } from '@valora/rating';
import { aggregateShape, type AggregationShape } from './aggregation-store.ts';
import { AGGREGATION_LIMITS, createAnswerBudget, type AggregationLimits, type AnswerBudget } from './answer-budget.ts';
import { errors } from './errors.ts';
import { findLevels, type Levels } from './level-store.ts';
import { isAggregationKind } from './meter.ts';
import type { StoredLevelsUse } from './stored-level-store.ts';
import { aggregateInPages } from './usage-pages.ts';
import type { UsageQuery } from './usage-query.ts';
import type { QueriedUsage } from './usage-set.ts';

export interface ReadUsage {
  readonly kind: AggregationKind;
  readonly usage: QueriedUsage;
  /** At the start of the query's interval; none but for a WEIGHTED_SUM. */
  readonly levels: Levels;
}

export interface ReadingMeter {
  readonly kind: AggregationKind;
  readonly uniqueProperty: string | null;
}

export interface ReadingOptions {
  readonly needsDigest: boolean;
  readonly storedLevels: StoredLevelsUse;
  readonly limits?: AggregationLimits;
}

interface Shaped {
  readonly shape: AggregationShape;
  readonly positions: number[];
}

const NO_LEVELS: Levels = new Map();

/** One for each query, in their order. Errors: NOT_FOUND (a meter), FIELD_INVALID, AGGREGATION_NOT_ADDITIVE, TOO_MANY_GROUPS, TOO_MANY_EVENT_VALUES. */
export async function readUsage(sql: Sql, organizationId: string, queries: readonly UsageQuery[], options: ReadingOptions): Promise<readonly ReadUsage[]> {
  const meters = await findReadingMeters(sql, organizationId, queries);
  for (const query of queries) requireAdditive(query, meterOf(meters, query).kind);
  const budget = createAnswerBudget(options.limits ?? AGGREGATION_LIMITS);
  const found = new Map<number, ReadUsage>();
  for (const { shape, positions } of shapesOf(queries, meters, options)) {
    const alike = positions.flatMap((position) => queries[position] ?? []);
    const usages = await readShape(sql, organizationId, { shape, queries: alike, meters, budget, storedLevels: options.storedLevels });
    usages.forEach((usage, index) => found.set(positions[index] ?? -1, usage));
  }
  return queries.map((query, position) => found.get(position) ?? unanswered(query));
}

async function readShape(
  sql: Sql, organizationId: string,
  { shape, queries, meters, budget, storedLevels }: {
    readonly shape: AggregationShape; readonly queries: readonly UsageQuery[]; readonly meters: ReadonlyMap<string, ReadingMeter>; readonly budget: AnswerBudget; readonly storedLevels: StoredLevelsUse;
  },
): Promise<readonly ReadUsage[]> {
  const inOnePiece = await aggregateShape(sql, organizationId, { shape, queries, budget });
  const usages: QueriedUsage[] = [];
  for (const [index, query] of queries.entries()) {
    const { uniqueProperty } = meterOf(meters, query);
    usages.push(inOnePiece[index] ?? await aggregateInPages(sql, organizationId, { shape, query, uniqueProperty, budget }));
  }
  const levels = shape.kind === 'WEIGHTED_SUM' ? await findLevels(sql, organizationId, { shape, queries, usages, budget, storedLevels }) : [];
  return usages.map((usage, index) => ({ kind: shape.kind, usage, levels: levels[index] ?? NO_LEVELS }));
}

async function findReadingMeters(sql: Sql, organizationId: string, queries: readonly UsageQuery[]): Promise<ReadonlyMap<string, ReadingMeter>> {
  const rows = await sql.query<{ code: string; aggregation: string; unique_property: string | null }>(
    'select code, aggregation, unique_property from meter where organization_id = $1 and code = any($2::text[])',
    [organizationId, [...new Set(queries.map(({ meterCode }) => meterCode))]]);
  return new Map(rows.map(({ code, aggregation, unique_property: uniqueProperty }) => {
    if (!isAggregationKind(aggregation)) throw new Error(`a stored aggregation reads ${aggregation}`);
    return [code, { kind: aggregation, uniqueProperty }];
  }));
}

function meterOf(meters: ReadonlyMap<string, ReadingMeter>, { meterCode }: UsageQuery): ReadingMeter {
  const meter = meters.get(meterCode);
  if (meter === undefined) throw commonErrors.NOT_FOUND({ resource: 'meter', name: meterCode });
  return meter;
}

/** Whether the quantity is made up of its events one by one: only then have these values, and can they count elsewhere than where they happened. */
function isAdditive(kind: AggregationKind): boolean {
  return kind === 'COUNT' || kind === 'SUM';
}

function requireAdditive({ queryKey, needsEventValues }: UsageQuery, kind: AggregationKind): void {
  if (needsEventValues && !isAdditive(kind)) throw errors.AGGREGATION_NOT_ADDITIVE({ query_key: queryKey, aggregation: kind });
}

/** As the queries come, but for HOLD, which comes last: levels are stored shape by shape, and two calls that store in different orders would lock each other up. */
function shapesOf(queries: readonly UsageQuery[], meters: ReadonlyMap<string, ReadingMeter>, { needsDigest }: ReadingOptions): readonly Shaped[] {
  const shapes = new Map<string, Shaped>();
  queries.forEach((query, position) => {
    const { groupBy, needsEventValues, lateness } = query;
    const { kind } = meterOf(meters, query);
    const policy = lateness.kind === 'CARRY_FORWARD' && !isAdditive(kind) ? 'ADJUST' : lateness.kind;
    const shape = { kind, lateness: policy, groupBy, needsEventValues, needsDigest };
    const key = JSON.stringify(shape);
    const known = shapes.get(key) ?? { shape, positions: [] };
    known.positions.push(position);
    shapes.set(key, known);
  });
  return [...shapes.values()].toSorted(({ shape: one }, { shape: other }) => Number(one.lateness === 'HOLD') - Number(other.lateness === 'HOLD'));
}

function unanswered({ queryKey }: UsageQuery): never {
  throw new Error(`query ${queryKey} has no answer`);
}
