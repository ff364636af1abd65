/**
 * Levels in SQL: what a WEIGHTED_SUM carries into a part of time, as known at the query's instant.
 *
 * A level is the sum of all counted values before the part, however old. What a bill asks for follows from a level that was stored; of groups and for all of a customer's
 * subscriptions all values are read, along the primary key, so that their cost grows with what the customer ever recorded to that meter. Of queries that tell one part of time after the other, as windows and the cycles of a run do, only the first has its level read: that of each other is the
 * level before it and what happened since. The trap: a group whose level is zero is none.
 */
import type { Sql } from '@valora/chassis';
import type { UsageGroup } from '@valora/rating';
import type { AnswerBudget } from './answer-budget.ts';
import { eventsBefore, FROM_QUERIES_BEFORE, QUERIES, queryValues, type QueryShape } from './counted-events.ts';
import { readStorableLevels, type StoredLevelsUse } from './stored-level-store.ts';
import type { UsageQuery } from './usage-query.ts';
import { groupOfValues, wholeNumber, type QueriedUsage } from './usage-set.ts';

/** By key of the group; `{}` is the key of the only one where usage is not grouped. */
export type Levels = ReadonlyMap<string, GroupLevel>;

export interface GroupLevel {
  readonly group: UsageGroup;
  /** In quintillionths; never zero. */
  readonly level: bigint;
}

interface LevelRow {
  readonly position: number;
  readonly level: string;
  readonly group_values: readonly (string | null)[] | null;
}

export interface LevelsWanted {
  readonly shape: QueryShape;
  readonly queries: readonly UsageQuery[];
  /** The queries' own events, whose groups are in the answer already. */
  readonly usages: readonly QueriedUsage[];
  readonly budget: AnswerBudget;
  readonly storedLevels: StoredLevelsUse;
}

/** One for each query, in their order. All queries are of the shape. Errors: TOO_MANY_GROUPS, of events and levels together. */
export async function findLevels(sql: Sql, organizationId: string, wanted: LevelsWanted): Promise<readonly Levels[]> {
  const { queries, usages, shape } = wanted;
  const steps = stepsOf(queries);
  const first = steps.filter(({ before }) => before === null);
  const read = await readLevels(sql, organizationId, { ...wanted, queries: first.map(({ query }) => query) });
  const levels = new Map(first.map(({ index }, position) => [index, read[position] ?? NO_LEVELS]));
  for (const { index, before } of steps) {
    const level = before === null ? (levels.get(index) ?? NO_LEVELS) : levelsSince(levels.get(before) ?? NO_LEVELS, usages[before], shape);
    levels.set(index, level);
    takeGroups(wanted, index, level);
  }
  return queries.map((_, index) => levels.get(index) ?? NO_LEVELS);
}

const NO_LEVELS: Levels = new Map();

interface Step {
  readonly index: number;
  readonly query: UsageQuery;
  /** The query that ends where this one begins, from whose level this one's follows; null where there is none. */
  readonly before: number | null;
}

/** The queries in the order of their parts of time, so that each comes after the one before it. */
function stepsOf(queries: readonly UsageQuery[]): readonly Step[] {
  const lastByEnd = new Map<string, number>();
  const inOrder = queries.map((query, index) => ({ query, index })).toSorted((one, other) => {
    const order = one.query.interval.start - other.query.interval.start || one.query.interval.end - other.query.interval.end;
    return order === 0n ? one.index - other.index : order < 0n ? -1 : 1;
  });
  return inOrder.map(({ query, index }) => {
    const { meterCode, customerReference, subscriptionReference, knownBefore, interval } = query;
    const at = (time: bigint): string => JSON.stringify([meterCode, customerReference, subscriptionReference, String(knownBefore), String(time)]);
    const before = lastByEnd.get(at(interval.start));
    lastByEnd.set(at(interval.end), index);
    const beforeQuery = before === undefined ? undefined : queries[before];
    return { index, query, before: before === undefined || beforeQuery === undefined || !isCarriedOn(beforeQuery, query) ? null : before };
  });
}

/**
 * Whether what a query counts, in its part and before it, is what the next one counts of the same time. Under HOLD that is so where both are of one cycle, or the next one
 * names the cycle of this one after those that this one names.
 */
function isCarriedOn({ interval, lateness: one }: UsageQuery, { lateness: next }: UsageQuery): boolean {
  if (one.kind !== 'HOLD' || next.kind !== 'HOLD') return true;
  const own = next.earlier[one.earlier.length] ?? { end: interval.end, cutoff: next.cutoff };
  const latest = one.earlier.at(-1);
  return own.cutoff === one.cutoff && own.end >= interval.end && (latest === undefined || latest.end <= interval.start)
    && one.earlier.every(({ end, cutoff }, position) => next.earlier[position]?.end === end && next.earlier[position].cutoff === cutoff);
}

async function readLevels(sql: Sql, organizationId: string, wanted: Omit<LevelsWanted, 'usages'>): Promise<readonly Levels[]> {
  const { shape, queries, budget, storedLevels } = wanted;
  const storable = shape.groupBy.length === 0 && queries.every(({ subscriptionReference }) => subscriptionReference !== null);
  if (storedLevels === 'IGNORE' || !storable) return await readFromEvents(sql, organizationId, wanted);
  const { key, group } = groupOfValues([], []);
  const levels = await readStorableLevels(sql, organizationId, { shape, queries, storedFrom: storedLevels === 'KEEP' ? budget.limits.storedLevelEventsMin : null });
  return levels.map((level) => new Map(level === 0n ? [] : [[key, { group, level }]]));
}

async function readFromEvents(
  sql: Sql, organizationId: string, { shape, queries, budget }: Pick<LevelsWanted, 'shape' | 'queries' | 'budget'>,
): Promise<readonly Levels[]> {
  const grouped = shape.groupBy.length > 0;
  const { groupsOfQueryMax, groupsOfRequestMax } = budget.limits;
  const rows = await sql.query<LevelRow>(
    `${QUERIES}
     select query.position, before.*
     ${FROM_QUERIES_BEFORE}
     cross join lateral (
       select trunc(sum(event.value) * 1000000000000000000)::text as level, ${grouped ? 'event.group_values' : 'null::text[]'} as group_values
       from (${eventsBefore(shape)}) as event
       ${grouped ? 'group by event.group_values' : ''} having sum(event.value) <> 0 ${grouped ? `limit ${groupsOfQueryMax + 1}` : ''}
     ) as before
     ${grouped ? `limit ${groupsOfRequestMax + 1}` : ''}`, queryValues(organizationId, queries, shape));
  const levels = queries.map(() => new Map<string, GroupLevel>());
  for (const { position, level, group_values: values } of rows) {
    const { key, group } = groupOfValues(shape.groupBy, values ?? []);
    levels[position]?.set(key, { group, level: wholeNumber(level) });
  }
  return levels;
}

/** The groups of a query that have a level and no event; those that have events are taken already. */
function takeGroups({ shape, queries, usages, budget }: LevelsWanted, index: number, levels: Levels): void {
  if (shape.groupBy.length === 0) return;
  const groups = usages[index]?.groups ?? new Map<string, never>();
  let ofQuery = groups.size;
  for (const key of levels.keys()) {
    if (groups.has(key)) continue;
    ofQuery += 1;
    budget.takeGroup(queries[index]?.queryKey ?? '', ofQuery);
  }
}

function levelsSince(levels: Levels, usage: QueriedUsage | undefined, { groupBy }: QueryShape): Levels {
  if (usage === undefined) throw new Error('a query has no usage');
  const { whole, groups } = usage;
  const since = groupBy.length === 0 ? new Map([[groupOfValues([], []).key, { group: {}, set: whole }]]) : groups;
  const after = new Map(levels);
  for (const [key, { group, set }] of since) {
    const level = (after.get(key)?.level ?? 0n) + set.state.measure;
    if (level === 0n) after.delete(key);
    else after.set(key, { group, level });
  }
  return after;
}
