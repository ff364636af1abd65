/**
 * Stored levels in SQL: levels that were read once, from which later ones follow, so that a level costs what happened and became known since and not all there ever was.
 *
 * A stored level is that of a time as known before an instant through which the organization was sealed when it was read. So it is final, and the level of a later time as
 * known later is made of it and of three things: what happened since, what happened before but was recorded since, and less what it counts but was voided since. The first
 * two are usage as it is carried forward, and read as such. The trap: stored levels are derived and nobody's record. Verification reads none of them, and emptying their table
 * changes no answer.
 */
import { fenceTimes, type Sql } from '@valora/chassis';
import { instant, type Instant } from '@valora/rating';
import { aggregateShape, type AggregationShape } from './aggregation-store.ts';
import type { AnswerBudget } from './answer-budget.ts';
import { QUERIES, queryValues, VOIDED_SINCE } from './counted-events.ts';
import { YEAR_ONE } from './usage-archive.ts';
import type { UsageQuery } from './usage-query.ts';
import { decimalOfQuintillionths, wholeNumber } from './usage-set.ts';

/** What is done with stored levels: read and added to, as for a close; read; or nothing. */
export type StoredLevelsUse = 'KEEP' | 'READ' | 'IGNORE';

const SINCE_STORED: AggregationShape = { kind: 'WEIGHTED_SUM', lateness: 'CARRY_FORWARD', groupBy: [], needsEventValues: false, needsDigest: false };
const FROM_THE_BEGINNING: AggregationShape = { ...SINCE_STORED, lateness: 'ADJUST' };

interface StoredLevel {
  readonly query: UsageQuery;
  readonly atTime: Instant;
  readonly knownBefore: Instant;
  readonly level: bigint;
}

interface ReadLevel {
  readonly query: UsageQuery;
  readonly level: bigint;
  /** How many events were read for it. */
  readonly eventCount: bigint;
}

/** The levels at the start of the queries' parts of time, in quintillionths. The queries ask under ADJUST, each of one subscription, and for no groups. */
export async function readStorableLevels(
  sql: Sql, organizationId: string, { queries, budget, keeps }: { readonly queries: readonly UsageQuery[]; readonly budget: AnswerBudget; readonly keeps: boolean },
): Promise<readonly bigint[]> {
  if (queries.length === 0) return [];
  const sealedThrough = keeps ? ((await fenceTimes(sql))?.sealedThrough ?? null) : null; // read before the levels are
  const stored = await findStored(sql, organizationId, queries);
  const followed = new Set(stored.map(({ query }) => query));
  const read = [
    ...await readSinceStored(sql, organizationId, { stored, budget }),
    ...await readFromTheBeginning(sql, organizationId, { queries: queries.filter((query) => !followed.has(query)), budget }),
  ];
  if (sealedThrough !== null) await storeLevels(sql, organizationId, read.filter(({ query, eventCount }) => eventCount >= budget.limits.storedLevelEventsMin && query.knownBefore <= sealedThrough));
  const levels = new Map(read.map(({ query, level }) => [query, level]));
  return queries.map((query) => levels.get(query) ?? unread(query));
}

async function readSinceStored(sql: Sql, organizationId: string, { stored, budget }: { readonly stored: readonly StoredLevel[]; readonly budget: AnswerBudget }): Promise<readonly ReadLevel[]> {
  if (stored.length === 0) return [];
  const since = await aggregateShape(sql, organizationId, { shape: SINCE_STORED, queries: stored.map(sinceStored), budget });
  const voided = await findVoidedSince(sql, organizationId, stored);
  return stored.map(({ query, level }, position) => {
    const { eventCount, state } = since[position]?.whole ?? unread(query);
    return { query, level: level + state.measure - (voided.get(position) ?? 0n), eventCount };
  });
}

async function readFromTheBeginning(sql: Sql, organizationId: string, { queries, budget }: { readonly queries: readonly UsageQuery[]; readonly budget: AnswerBudget }): Promise<readonly ReadLevel[]> {
  if (queries.length === 0) return [];
  const before = queries.map((query): UsageQuery => ({ ...query, interval: { start: YEAR_ONE, end: query.interval.start } }));
  const read = await aggregateShape(sql, organizationId, { shape: FROM_THE_BEGINNING, queries: before, budget });
  return queries.map((query, position) => {
    const { eventCount, state } = read[position]?.whole ?? unread(query);
    return { query, level: state.measure, eventCount };
  });
}

async function findStored(sql: Sql, organizationId: string, queries: readonly UsageQuery[]): Promise<readonly StoredLevel[]> {
  const rows = await sql.query<{ position: number; at_time: bigint; known_before_time: bigint; level: string }>(
    `${QUERIES}
     select query.position, stored.at_time, stored.known_before_time, trunc(stored.level * 1000000000000000000)::text as level
     from query
     cross join lateral (
       select at_time, known_before_time, level from usage_level
       where organization_id = $1 and meter_code = query.meter_code and customer_reference = query.customer_reference and subscription_reference = query.subscription_reference
         and at_time <= query.start_time and known_before_time <= query.known_before_time
       order by at_time desc, known_before_time desc limit 1
     ) as stored`, queryValues(organizationId, queries, FROM_THE_BEGINNING));
  return rows.flatMap(({ position, at_time: atTime, known_before_time: knownBefore, level }) => {
    const query = queries[position];
    return query === undefined ? [] : [{ query, atTime: instant(atTime), knownBefore: instant(knownBefore), level: wholeNumber(level) }];
  });
}

/** What happened since the stored level's time, with what happened before it and was recorded since, as known at the query's instant. */
function sinceStored({ query, atTime, knownBefore: storedKnownBefore }: StoredLevel): UsageQuery {
  const { interval, knownBefore } = query;
  return {
    ...query,
    interval: { start: atTime, end: interval.start },
    lateness: {
      kind: 'CARRY_FORWARD',
      cutoff: knownBefore,
      carried: [{ eventInterval: { start: YEAR_ONE, end: atTime }, recordedInterval: { start: storedKnownBefore, end: knownBefore } }],
    },
  };
}

/** By position, the sum of what the stored level counts and was voided since. */
async function findVoidedSince(sql: Sql, organizationId: string, stored: readonly StoredLevel[]): Promise<ReadonlyMap<number, bigint>> {
  const rows = await sql.query<{ position: number; value: string }>(
    `${QUERIES} select query.position, trunc(sum(event.value) * 1000000000000000000)::text as value ${VOIDED_SINCE} group by query.position`,
    [...queryValues(organizationId, stored.map(sinceStored), SINCE_STORED), stored.map(({ atTime }) => atTime), stored.map(({ knownBefore }) => knownBefore)]);
  return new Map(rows.map(({ position, value }) => [position, wholeNumber(value)]));
}

/** In the order of the key, so that two calls never deadlock. */
async function storeLevels(sql: Sql, organizationId: string, levels: readonly ReadLevel[]): Promise<void> {
  if (levels.length === 0) return;
  await sql.query(
    `insert into usage_level (organization_id, meter_code, customer_reference, subscription_reference, at_time, known_before_time, level)
     select $1, level.* from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::numeric[]) as level order by 2, 3, 4, 5, 6 on conflict do nothing`,
    [
      organizationId,
      levels.map(({ query }) => query.meterCode), levels.map(({ query }) => query.customerReference), levels.map(({ query }) => query.subscriptionReference),
      levels.map(({ query }) => query.interval.start), levels.map(({ query }) => query.knownBefore), levels.map(({ level }) => decimalOfQuintillionths(level)),
    ]);
}

function unread({ queryKey }: UsageQuery): never {
  throw new Error(`the level of query ${queryKey} was not read`);
}
