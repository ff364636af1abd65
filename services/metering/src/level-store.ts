/**
 * Levels in SQL: what a WEIGHTED_SUM carries into a part of time, as known at the query's instant.
 *
 * A level is the sum of all counted values before the part, however old. They are read each time, along the primary key, so the cost of a level grows with what the customer
 * ever recorded to that meter. The trap: a group whose level is zero is none.
 */
import type { Sql } from '@valora/chassis';
import type { UsageGroup } from '@valora/rating';
import type { AnswerBudget } from './answer-budget.ts';
import { eventsBefore, FROM_QUERIES_BEFORE, QUERIES, queryValues, type QueryShape } from './counted-events.ts';
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
}

/** One for each query, in their order. All queries are of the shape. Errors: TOO_MANY_GROUPS, of events and levels together. */
export async function findLevels(sql: Sql, organizationId: string, wanted: LevelsWanted): Promise<readonly Levels[]> {
  const levels = await readLevels(sql, organizationId, wanted);
  levels.forEach((ofQuery, index) => takeGroups(wanted, index, ofQuery));
  return levels;
}

/** The same for queries that tell one part of time after the other: the first level is read, and each other one is that before it and what happened since. */
export async function findConsecutiveLevels(sql: Sql, organizationId: string, wanted: LevelsWanted): Promise<readonly Levels[]> {
  const [first = NO_LEVELS] = await readLevels(sql, organizationId, { ...wanted, queries: wanted.queries.slice(0, 1) });
  const levels: Levels[] = [];
  let level = first;
  wanted.usages.forEach((usage, index) => {
    takeGroups(wanted, index, level);
    levels.push(level);
    level = levelsSince(level, usage, wanted.shape);
  });
  return levels;
}

const NO_LEVELS: Levels = new Map();

async function readLevels(
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

function levelsSince(levels: Levels, { whole, groups }: QueriedUsage, { groupBy }: QueryShape): Levels {
  const since = groupBy.length === 0 ? new Map([[groupOfValues([], []).key, { group: {}, set: whole }]]) : groups;
  const after = new Map(levels);
  for (const [key, { group, set }] of since) {
    const level = (after.get(key)?.level ?? 0n) + set.state.measure;
    if (level === 0n) after.delete(key);
    else after.set(key, { group, level });
  }
  return after;
}
