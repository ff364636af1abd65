/**
 * The usage archive: a time before which events were taken out of the tables that usage is computed from, by the operator.
 *
 * Whoever asks for a time before it is refused, since an answer would be too small and not say so. Keys stay, so an archived event is still a duplicate. Each check is made
 * in the transaction that reads or writes, before it does: until that ends nothing more can be archived, because archiving needs a lock that the check has taken its part
 * of. The trap: events of WEIGHTED_SUM meters stay where they are for ever, since levels are carried in from them, and so no meter's events may be recorded or corrected
 * there any more.
 */
import type { Sql } from '@valora/chassis';
import { formatInstant, instant, type Interval } from '@valora/rating';
import { errors } from './errors.ts';
import type { LateUsageQuery } from './late-usage-query.ts';
import type { UsageQuery } from './usage-query.ts';

/** For late usage, or for what is carried forward. */
type LateLook = Pick<LateUsageQuery, 'eventInterval' | 'recordedInterval'>;

interface Archive {
  readonly before_time: bigint;
  /** None of the organization's events that were archived, and no void or release of one, was recorded after; null if none was archived. */
  readonly recorded_through: bigint | null;
}

/** Wider than all time in which an event may lie. */
export const ALL_TIME: { readonly start: bigint; readonly end: bigint } = { start: -(2n ** 63n), end: 2n ** 63n - 1n };
const YEAR_ONE = instant(-62_135_596_800_000_000n);

/** SQL: before which time events are archived. */
export const ARCHIVED_BEFORE = 'archived_before()';

/** USAGE_ARCHIVED if one of the intervals begins in archived time. */
export async function refuseArchived(sql: Sql, intervals: readonly Pick<Interval | typeof ALL_TIME, 'start'>[]): Promise<void> {
  const start = intervals.reduce((earliest, interval) => (interval.start < earliest ? interval.start : earliest), ALL_TIME.end);
  const archive = (await archives(sql)).at(-1);
  if (archive !== undefined) refuseBefore(archive.before_time, start);
}

/** USAGE_ARCHIVED if one of these events happened in archived time; keys that nobody has are no matter. */
export async function refuseArchivedKeys(sql: Sql, organizationId: string, keys: readonly string[]): Promise<void> {
  const archive = (await archives(sql)).at(-1);
  if (archive === undefined) return;
  const [row] = await sql.query<{ event_time: bigint | null }>(
    'select min(event_time) as event_time from usage_key where organization_id = $1 and idempotency_key = any($2::text[])', [organizationId, keys]);
  if (row !== undefined && row.event_time !== null) refuseBefore(archive.before_time, row.event_time);
}

/** USAGE_ARCHIVED if one of the looks is for what was recorded when something that is archived now may still have been. Later on nothing was recorded there. */
export async function refuseArchivedLate(sql: Sql, looks: readonly LateLook[]): Promise<void> {
  if (looks.length === 0) return;
  for (const { before_time: before, recorded_through: through } of await archives(sql)) {
    const look = through === null ? undefined : looks.find(({ eventInterval, recordedInterval }) => eventInterval.start < before && recordedInterval.start <= through);
    if (look !== undefined) refuseBefore(before, look.eventInterval.start);
  }
}

/** USAGE_ARCHIVED if one of the queries asks for archived time, be it for what is carried forward from there. */
export async function refuseArchivedQueries(sql: Sql, queries: readonly UsageQuery[]): Promise<void> {
  await refuseArchived(sql, queries.map(({ interval }) => interval));
  await refuseArchivedLate(sql, queries.flatMap(({ lateness }) => (lateness.kind === 'CARRY_FORWARD' ? lateness.carried : [])));
}

/** In the order of their times. */
async function archives(sql: Sql): Promise<readonly Archive[]> {
  return await sql.query<Archive>('select before_time, recorded_through from archives()');
}

function refuseBefore(before: bigint, start: bigint): void {
  if (start >= before) return;
  throw errors.USAGE_ARCHIVED({ before_time: formatInstant(instant(before)), time: formatInstant(start < YEAR_ONE ? YEAR_ONE : instant(start)) });
}
