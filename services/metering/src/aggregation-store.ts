/**
 * Aggregation of usage in SQL: for each query, and each of its groups, the state of its meter's kind and the digest of the events.
 *
 * Queries of one shape are answered by one statement. What would grow without bound is bounded: a query with too many events to digest in one piece is folded page by page
 * (see usage-pages.ts), and too many groups or values refuse the request.
 */
import type { Sql } from '@valora/chassis';
import type { AggregationKind } from '@valora/rating';
import type { AggregationLimits, AnswerBudget } from './answer-budget.ts';
import { countedEvents, FROM_QUERIES, QUERIES, queryValues, type QueryShape } from './counted-events.ts';
import { rowsInPages } from './database-cursor.ts';
import type { UsageQuery } from './usage-query.ts';
import { groupOfValues, wholeNumber, type GroupedUsage, type QueriedUsage, type UsageSet } from './usage-set.ts';

export interface AggregationShape extends QueryShape {
  readonly needsEventValues: boolean;
  /** Without a digest nothing grows with the number of events. */
  readonly needsDigest: boolean;
}

interface StateRow {
  readonly position: number;
  readonly event_count: bigint;
  readonly usage_set_digest: string;
  readonly measure: string | null;
  readonly moment: string | null;
  readonly event_values: readonly string[] | null;
  /** Null for the whole. */
  readonly group_values: readonly (string | null)[] | null;
}

/** Query rows of which values are wanted and that one page of a cursor holds: at most 1.6 million values in memory before they are counted. */
const QUERIES_WITH_VALUES_PER_PAGE = 16;

const QUINTILLIONTHS = (value: string): string => `trunc(${value} * 1000000000000000000)::text`;

/**
 * The latest is the greatest list of (time, key, value): times are shifted to 19 digits, so that the order of their texts is that of the times. Everything else, such as an
 * ordered list of all values, would hold them all.
 */
const LATEST = `(max(array[(event.event_time + 2000000000000000000)::text, event.idempotency_key, ${QUINTILLIONTHS('event.value')}] collate "C"))[3]`;

/** The state by kind; null for no events. */
const MEASURES: { readonly [Kind in AggregationKind]: string } = {
  COUNT: 'null', SUM: QUINTILLIONTHS('sum(event.value)'), AVERAGE: QUINTILLIONTHS('sum(event.value)'), WEIGHTED_SUM: QUINTILLIONTHS('sum(event.value)'),
  MAX: QUINTILLIONTHS('max(event.value)'), MIN: QUINTILLIONTHS('min(event.value)'), LATEST,
  UNIQUE_COUNT: 'count(distinct (event.properties ->> meter.unique_property) collate "C")::text',
};

const DIGEST = `encode(sha256(coalesce(
    string_agg(convert_to(event.idempotency_key, 'UTF8') || '\\x00'::bytea || event.content_digest, ''::bytea order by event.idempotency_key), '')), 'hex')`;

/** The whole of each query in a row, and each group in one, in no order; at most so many events are read of each query. */
function statementOf(shape: AggregationShape, { eventsMax, groupsMax, rowsMax }: { readonly eventsMax: number | null; readonly groupsMax: number; readonly rowsMax: number }): string {
  const { kind, groupBy, needsEventValues, needsDigest } = shape;
  const grouped = groupBy.length > 0;
  return `${QUERIES}
    select query.position, usage.*
    ${FROM_QUERIES}
    cross join lateral (
      select count(*) as event_count, ${MEASURES[kind]} as measure,
        ${kind === 'WEIGHTED_SUM' ? QUINTILLIONTHS('sum(event.value * event.event_time)') : 'null'} as moment,
        ${needsDigest ? DIGEST : "''"} as usage_set_digest,
        ${needsEventValues && kind === 'SUM' ? 'array_agg(trim_scale(event.value)::text order by event.event_time, event.idempotency_key)' : 'null'} as event_values,
        ${grouped ? 'event.group_values' : 'null::text[]'} as group_values
      from (${countedEvents(shape)}${eventsMax === null ? '' : ` limit ${eventsMax + 1}`}) as event
      ${grouped ? `group by grouping sets ((), (event.group_values)) limit ${groupsMax + 2}` : ''}
    ) as usage
    ${grouped ? `limit ${rowsMax}` : ''}`;
}

/**
 * One for each query, in their order; null where a query has more events than are digested in one piece. All queries are of the shape. Errors: TOO_MANY_GROUPS,
 * TOO_MANY_EVENT_VALUES.
 */
export async function aggregateShape(
  sql: Sql, organizationId: string, { shape, queries, budget }: { readonly shape: AggregationShape; readonly queries: readonly UsageQuery[]; readonly budget: AnswerBudget },
): Promise<readonly (QueriedUsage | null)[]> {
  const { groupsOfQueryMax: groupsMax } = budget.limits;
  const eventsMax = eventsReadMax(shape, budget.limits);
  const text = statementOf(shape, { eventsMax, groupsMax, rowsMax: queries.length + budget.groupsLeft() + 1 });
  const statement = { text, values: queryValues(organizationId, queries, shape) };
  const collected = collecting(shape, queries, budget);
  if (shape.needsEventValues) {
    for await (const row of rowsInPages<StateRow>(sql, statement, QUERIES_WITH_VALUES_PER_PAGE)) collected.add(row);
  } else {
    for (const row of await sql.query<StateRow>(statement.text, statement.values)) collected.add(row);
  }
  return collected.usages().map((usage) => (eventsMax !== null && usage.whole.eventCount > eventsMax ? null : usage));
}

/** Puts the rows of a statement together by query, and refuses at the first that is too much. */
function collecting(shape: AggregationShape, queries: readonly UsageQuery[], budget: AnswerBudget): { add: (row: StateRow) => void; usages: () => readonly QueriedUsage[] } {
  const wholes = new Map<number, UsageSet>();
  const groups = queries.map(() => new Map<string, GroupedUsage>());

  function addWhole(row: StateRow, queryKey: string): void {
    if (shape.needsEventValues) budget.takeValues(queryKey, row.event_count);
    wholes.set(row.position, setFromRow(row, shape));
  }

  function addGroup(row: StateRow, values: readonly (string | null)[], queryKey: string): void {
    const { key, group } = groupOfValues(shape.groupBy, values);
    const ofQuery = groups[row.position];
    budget.takeGroup(queryKey, (ofQuery?.size ?? 0) + 1);
    ofQuery?.set(key, { group, set: setFromRow(row, shape) });
  }

  return {
    add(row) {
      const queryKey = queries[row.position]?.queryKey ?? '';
      if (row.group_values === null) addWhole(row, queryKey);
      else addGroup(row, row.group_values, queryKey);
    },
    usages: () => groups.map((ofQuery, position) => {
      const whole = wholes.get(position);
      if (whole === undefined) throw new Error(`query ${position} has no answer`);
      return { whole, groups: ofQuery };
    }),
  };
}

/** Null for as many as there are. */
function eventsReadMax({ needsDigest, needsEventValues }: AggregationShape, { eventsInOnePieceMax, valuesOfQueryMax }: AggregationLimits): number | null {
  if (needsEventValues) return valuesOfQueryMax;
  return needsDigest ? eventsInOnePieceMax : null;
}

function setFromRow(row: StateRow, { kind, needsEventValues }: AggregationShape): UsageSet {
  return {
    eventCount: row.event_count,
    usageSetDigest: row.usage_set_digest,
    eventValues: needsEventValues && kind === 'COUNT' ? Array.from({ length: Number(row.event_count) }, () => '1') : (row.event_values ?? []),
    state: { measure: wholeNumber(row.measure), moment: wholeNumber(row.moment) },
  };
}
