/**
 * Stored levels in SQL: levels that were read once, from which later ones follow, so that a level costs what happened and became known since and not all there ever was.
 *
 * A stored level is that of a time as known before an instant through which the organization was sealed when it was read, so it is final. The level of a later time as known
 * later is made of it, of what happened since, and of what happened before and counts now and did not then, or the other way about: what was recorded, voided or released
 * since. What is read for that is stored in its turn once it is much, whether it counts or not: else each later level would read it again. Under HOLD both levels must be held
 * by the same cutoffs, of which a digest is stored. The trap: stored levels are derived and nobody's record. Verification reads none of them, and emptying their table changes
 * no answer.
 */
import { fenceTimes, type Sql } from '@valora/chassis';
import { sha256Hex } from '@valora/rating';
import { eventsChangedSince, eventsSince, FROM_QUERIES_SINCE, QUERIES, queryValues, type QueryShape } from './counted-events.ts';
import { ALL_TIME } from './usage-archive.ts';
import type { UsageQuery } from './usage-query.ts';
import { decimalOfQuintillionths, wholeNumber } from './usage-set.ts';

/** What is done with stored levels: read and added to, as for a close; read; or nothing. */
export type StoredLevelsUse = 'KEEP' | 'READ' | 'IGNORE';

/** The queries are of the shape, each asks about one subscription, and none for groups. */
export interface StorableLevelsWanted {
  readonly shape: QueryShape;
  readonly queries: readonly UsageQuery[];
  /** A level is stored when so many events had to be read for it; null for never. */
  readonly storedFrom: number | null;
}

/** The level that one follows from: a stored one, or none at the beginning of time. */
interface EarlierLevel {
  readonly query: UsageQuery;
  readonly atTime: bigint;
  readonly knownBefore: bigint;
  readonly level: bigint;
}

interface ReadLevel {
  readonly query: UsageQuery;
  readonly level: bigint;
  /** How many events were read for it, whether they count or not. */
  readonly eventCount: bigint;
}

/** The levels at the start of the queries' parts of time, in quintillionths, in their order. */
export async function readStorableLevels(sql: Sql, organizationId: string, { shape, queries, storedFrom }: StorableLevelsWanted): Promise<readonly bigint[]> {
  if (queries.length === 0) return [];
  const sealedThrough = storedFrom === null ? undefined : (await fenceTimes(sql))?.sealedThrough; // read before the levels are
  const stored = await findStored(sql, organizationId, { shape, queries });
  const followed = new Set(stored.map(({ query }) => query));
  const beginnings = queries.filter((query) => !followed.has(query)).map((query) => ({ query, atTime: ALL_TIME.start, knownBefore: ALL_TIME.start, level: 0n }));
  const read = [
    ...await readFrom(sql, organizationId, { earlier: stored, events: `${eventsSince(shape)} union all ${eventsChangedSince(shape)}`, shape }),
    ...await readFrom(sql, organizationId, { earlier: beginnings, events: eventsSince(shape), shape }),
  ];
  if (storedFrom !== null && sealedThrough !== undefined) {
    const worth = read.filter(({ query, eventCount }) => eventCount >= storedFrom && query.knownBefore <= sealedThrough);
    await storeLevels(sql, organizationId, { shape, levels: worth });
  }
  const levels = new Map(read.map(({ query, level }) => [query, level]));
  return queries.map((query) => levels.get(query) ?? unread(query));
}

/** Of each query the stored level of the latest time, and of those the one that was known last; none if that was held by other cutoffs. */
async function findStored(sql: Sql, organizationId: string, { shape, queries }: Pick<StorableLevelsWanted, 'shape' | 'queries'>): Promise<readonly EarlierLevel[]> {
  const rows = await sql.query<{ position: number; at_time: bigint; known_before_time: bigint; held_before: string; level: string }>(
    `${QUERIES}
     select query.position, stored.at_time, stored.known_before_time, stored.held_before, trunc(stored.level * 1000000000000000000)::text as level
     from query
     cross join lateral (
       select at_time, known_before_time, held_before, level from usage_level
       where organization_id = $1 and meter_code = query.meter_code and customer_reference = query.customer_reference and subscription_reference = query.subscription_reference
         and at_time <= query.start_time and known_before_time <= query.known_before_time and held_before ${shape.lateness === 'HOLD' ? '<>' : '='} ''
       order by at_time desc, known_before_time desc limit 1
     ) as stored`, queryValues(organizationId, queries, shape));
  return rows.flatMap(({ position, at_time: atTime, known_before_time: knownBefore, held_before: held, level }) => {
    const query = queries[position];
    if (query === undefined || held !== heldBefore(query, shape, atTime)) return [];
    return [{ query, atTime, knownBefore, level: wholeNumber(level) }];
  });
}

async function readFrom(
  sql: Sql, organizationId: string, { earlier, events, shape }: { readonly earlier: readonly EarlierLevel[]; readonly events: string; readonly shape: QueryShape },
): Promise<readonly ReadLevel[]> {
  if (earlier.length === 0) return [];
  const times = earlier.map(({ atTime }) => atTime);
  const rows = await sql.query<{ position: number; event_count: bigint; change: string }>(
    `${QUERIES}
     select query.position, changes.*
     ${FROM_QUERIES_SINCE}
     cross join lateral (select count(*) as event_count, trunc(coalesce(sum(event.change), 0) * 1000000000000000000)::text as change from (${events}) as event) as changes`,
    [
      ...queryValues(organizationId, earlier.map(({ query }) => query), shape), times, earlier.map(({ knownBefore }) => knownBefore),
      times.reduce((earliest, time) => (time < earliest ? time : earliest), ALL_TIME.end),
    ]);
  return rows.flatMap(({ position, event_count: eventCount, change }) => {
    const from = earlier[position];
    return from === undefined ? [] : [{ query: from.query, level: from.level + wholeNumber(change), eventCount }];
  });
}

/** In the order of the key, so that two calls never deadlock. */
async function storeLevels(sql: Sql, organizationId: string, { shape, levels }: { readonly shape: QueryShape; readonly levels: readonly ReadLevel[] }): Promise<void> {
  if (levels.length === 0) return;
  await sql.query(
    `insert into usage_level (organization_id, meter_code, customer_reference, subscription_reference, at_time, known_before_time, held_before, level)
     select $1, level.* from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::numeric[]) as level order by 2, 3, 4, 5, 6, 7 on conflict do nothing`,
    [
      organizationId,
      levels.map(({ query }) => query.meterCode), levels.map(({ query }) => query.customerReference), levels.map(({ query }) => query.subscriptionReference),
      levels.map(({ query }) => query.interval.start), levels.map(({ query }) => query.knownBefore), levels.map(({ query }) => heldBefore(query, shape, query.interval.start)),
      levels.map(({ level }) => decimalOfQuintillionths(level)),
    ]);
}

/** By which cutoffs what happened before a time is held, as a digest; empty where nothing is. A cycle that ends before the one above it holds nothing. */
function heldBefore({ lateness }: UsageQuery, { lateness: policy }: QueryShape, time: bigint): string {
  if (policy !== 'HOLD' || lateness.kind !== 'HOLD') return '';
  const held: string[] = [];
  let reached: bigint | null = null;
  for (const { end, cutoff } of [...lateness.earlier, { end: time, cutoff: lateness.cutoff }]) {
    const within: bigint = end < time ? end : time;
    if (reached !== null && within <= reached) continue;
    held.push(`${within} ${cutoff ?? 'never'}`);
    reached = within;
  }
  return sha256Hex(held.join('\n'));
}

function unread({ queryKey }: UsageQuery): never {
  throw new Error(`the level of query ${queryKey} was not read`);
}
