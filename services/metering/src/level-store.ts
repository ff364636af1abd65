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

/** One for each query, in their order; `usages` are the queries' events. All queries are of the shape. Errors: TOO_MANY_GROUPS, of events and levels together. */
export async function findLevels(
  sql: Sql, organizationId: string,
  { shape, queries, usages, budget }: { readonly shape: QueryShape; readonly queries: readonly UsageQuery[]; readonly usages: readonly QueriedUsage[]; readonly budget: AnswerBudget },
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
  const groupCounts = usages.map(({ groups }) => groups.size);
  for (const { position, level, group_values: values } of rows) {
    const { key, group } = groupOfValues(shape.groupBy, values ?? []);
    levels[position]?.set(key, { group, level: wholeNumber(level) });
    if (!grouped || usages[position]?.groups.has(key) === true) continue;
    const ofQuery = (groupCounts[position] ?? 0) + 1;
    groupCounts[position] = ofQuery;
    budget.takeGroup(queries[position]?.queryKey ?? '', ofQuery);
  }
  return levels;
}
