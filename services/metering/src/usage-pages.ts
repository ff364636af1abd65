/**
 * A query with more events than SQL can digest in one piece: read in the order of their keys, page by page, folded by the rating core, and hashed on the way.
 *
 * Memory holds a page, the states and the hashes, however many events there are; only a UNIQUE_COUNT's state is as large as its answer. It is slower than SQL by far, so it
 * is for the few queries that need it.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Sql } from '@valora/chassis';
import { aggregationOf, groupKey, groupOf, instant, parseDecimal, type AggregationKind, type UsageEvent, type UsageGroup } from '@valora/rating';
import type { AnswerBudget } from './answer-budget.ts';
import { countedEvents, FROM_QUERIES, QUERIES, queryValues, type QueryShape } from './counted-events.ts';
import { rowsInPages } from './database-cursor.ts';
import type { UsageQuery } from './usage-query.ts';
import type { QueriedUsage, UsageSet, UsageState } from './usage-set.ts';

const PAGE_SIZE = 5_000;

interface EventRow {
  readonly event_time: bigint;
  readonly idempotency_key: string;
  readonly value: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly content_digest: Uint8Array;
}

/** A fold that goes on as long as there are events. */
interface Folding {
  readonly add: (event: UsageEvent) => void;
  readonly state: () => UsageState;
}

interface GrowingSet {
  readonly folding: Folding;
  readonly hash: Hash;
  eventCount: bigint;
}

/** Without values of events. Errors: TOO_MANY_GROUPS. */
export async function aggregateInPages(
  sql: Sql, organizationId: string,
  { shape, query, uniqueProperty, budget }: { readonly shape: QueryShape; readonly query: UsageQuery; readonly uniqueProperty: string | null; readonly budget: AnswerBudget },
): Promise<QueriedUsage> {
  const statement = {
    text: `${QUERIES} select event.event_time, event.idempotency_key, trim_scale(event.value)::text as value, event.properties, event.content_digest
      ${FROM_QUERIES} cross join lateral (${countedEvents(shape)}) as event order by event.idempotency_key`,
    values: queryValues(organizationId, [query], shape),
  };
  const begin = (): GrowingSet => ({ folding: foldingOf(shape.kind, { query, uniqueProperty }), hash: createHash('sha256'), eventCount: 0n });
  const whole = begin();
  const groups = new Map<string, { readonly group: UsageGroup; readonly set: GrowingSet }>();
  for await (const row of rowsInPages<EventRow>(sql, statement, PAGE_SIZE)) {
    const event = eventFromRow(row, query);
    grow(whole, event, row);
    if (query.groupBy.length === 0) continue;
    const group = groupOf(query.groupBy, event.properties);
    const key = groupKey(group);
    const known = groups.get(key) ?? { group, set: begin() };
    if (!groups.has(key)) budget.takeGroup(query.queryKey, groups.size + 1);
    groups.set(key, known);
    grow(known.set, event, row);
  }
  return { whole: ended(whole), groups: new Map([...groups].map(([key, { group, set }]) => [key, { group, set: ended(set) }])) };
}

function grow(set: GrowingSet, event: UsageEvent, { idempotency_key: key, content_digest: digest }: EventRow): void {
  set.folding.add(event);
  set.hash.update(`${key}\0`).update(digest);
  set.eventCount += 1n;
}

function ended({ folding, hash, eventCount }: GrowingSet): UsageSet {
  return { eventCount, usageSetDigest: hash.digest('hex'), eventValues: [], state: folding.state() };
}

function foldingOf(kind: AggregationKind, { query: { interval, period }, uniqueProperty }: { readonly query: UsageQuery; readonly uniqueProperty: string | null }): Folding {
  const terms = { interval, period, uniqueProperty: uniqueProperty ?? '' };
  const state = (measure: bigint, moment = 0n): UsageState => ({ measure, moment });
  switch (kind) {
    case 'COUNT': return fold('COUNT', state);
    case 'SUM': return fold('SUM', state);
    case 'MAX': return fold('MAX', (greatest) => state(greatest ?? 0n));
    case 'MIN': return fold('MIN', (least) => state(least ?? 0n));
    case 'AVERAGE': return fold('AVERAGE', ({ sum }) => state(sum));
    case 'LATEST': return fold('LATEST', (latest) => state(latest?.value ?? 0n));
    case 'UNIQUE_COUNT': return fold('UNIQUE_COUNT', ({ size }) => state(BigInt(size)));
    case 'WEIGHTED_SUM': return fold('WEIGHTED_SUM', ({ sum, moment }) => state(sum, moment));
  }

  function fold<Kind extends AggregationKind>(of: Kind, stateOf: (state: ReturnType<ReturnType<typeof aggregationOf<Kind>>['empty']>) => UsageState): Folding {
    const aggregation = aggregationOf(of, terms);
    let folded = aggregation.empty();
    return { add: (event) => { folded = aggregation.add(folded, event); }, state: () => stateOf(folded) };
  }
}

function eventFromRow(row: EventRow, { meterCode, customerReference }: UsageQuery): UsageEvent {
  return {
    idempotencyKey: row.idempotency_key, meterCode, customerReference, subscriptionReference: null, eventTime: instant(row.event_time),
    value: row.value === null ? null : parseDecimal(row.value), properties: row.properties,
  };
}
