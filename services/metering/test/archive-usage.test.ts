/** Archiving usage: what leaves, what stays known of it, who is refused, and that nobody ever counts a part. */
import { DomainError, sealThrough, sqlOf, type CallContext } from '@valora/chassis';
import { Aggregation } from '@valora/contracts/valora/metering/v1/meter';
import { instant, parseInstant } from '@valora/rating';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aggregateUsage } from '../src/aggregate-usage.ts';
import { archiveUsage, ArchiveRefused } from '../src/archive-usage.ts';
import { checkUsage } from '../src/check-usage.ts';
import { releaseUsage, voidUsage } from '../src/correct-usage.ts';
import { createMeter } from '../src/create-meter.ts';
import { findLateUsage } from '../src/find-late-usage.ts';
import { getUsageEvent, listUsageEvents } from '../src/read-usage-events.ts';
import { newOrganization, NOON, outcomes, period, setClock, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';

const DAY = 86_400_000_000n;
const JUNE = parseInstant('2024-06-15T00:00:00Z');
const JANUARY = parseInstant('2025-01-01T00:00:00Z');
/** More than 400 days after everything was recorded. */
const LATER = NOON + 401n * DAY;

let metering: Metering;
let context: CallContext;
let owner: pg.Client;
beforeEach(async () => {
  metering = await startMetering();
  owner = await metering.connectOwner();
  context = newOrganization();
  await metering.createMeters(context);
  await createMeter(metering.dependencies, context, { requestId: 'level', meter: { code: 'level', displayName: '', aggregation: Aggregation.WEIGHTED_SUM, filters: [], uniqueProperty: '', takesNegativeValues: true, recordedTime: undefined } });
});
afterEach(() => metering.stop());

/** Four of before 2025, one of them of a level and two in a month with a partition of its own, and the first one that stays. */
async function recordBothSides(): Promise<void> {
  await owner.query('select prepare_partitions($1)', [parseInstant('2024-07-01T00:00:00Z')]);
  const events = [usageEvent('june', { time: JUNE }), usageEvent('level', { time: JUNE, meter: 'level' }), usageEvent('last', { time: JANUARY - 1n }), usageEvent('old', { time: parseInstant('1999-01-01T00:00:00Z') })];
  expect(await outcomes(metering.dependencies, context, [...events, usageEvent('first', { time: JANUARY, value: '5' })])).toEqual(Array.from({ length: 5 }, () => 'RECORDED'));
}

async function sealed(through: bigint = JANUARY): Promise<void> {
  await metering.dependencies.database.transaction(context.organizationId, (tx) => sealThrough(sqlOf(tx), instant(through)));
}

async function archivedBothSides(): Promise<void> {
  await recordBothSides();
  await sealed();
  await setClock(metering.dependencies, context, LATER);
  expect(await archiveUsage(metering.url, '2025-01')).toEqual([
    { table: 'usage_archived_2024_06', rows: 2n }, { table: 'usage_archived_2024_12', rows: 1n }, { table: 'usage_archived_before_2025_01', rows: 1n },
  ]);
}

async function keysIn(table: string): Promise<string[]> {
  return (await owner.query<{ key: string }>(`select idempotency_key as key from ${table} order by 1`)).rows.map(({ key }) => key);
}

async function reason(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(() => 'answered', (thrown: unknown) => thrown);
  return error instanceof DomainError ? error.reason : String(error);
}

describe('it is refused, and nothing is done,', () => {
  const now = async (): Promise<void> => { await sealed(); };
  test.each([
    ['of what is no month', '2025-13', now, /no month/],
    ['of a month of the year 0', '0000-12', now, /no month/],
    ['of less than 400 days ago', new Date().toISOString().slice(0, '2026-06'.length), now, /less than 400 days ago/],
    ['while the clock of an organization with usage there stands less than 400 days later', '2025-10', now, /^1 organizations.*its clock stands at 2026-03-01T12:00:00Z/],
    ['while no run has sealed it', '2025-01', async () => setClock(metering.dependencies, context, LATER), /no billing run has sealed/],
    ['while it was recorded less than 400 days ago', '2025-01', now, /was recorded, voided or released at 2026-03-01T12:00:00Z/],
    ['while a void was recorded less than 400 days ago', '2025-01', async () => {
      await sealed();
      await setClock(metering.dependencies, context, LATER);
      await voidUsage(metering.dependencies, context, { requestId: 'void', idempotencyKeys: ['june'], reason: 'twice' });
    }, /was recorded, voided or released at 2027-04-06T12:00:00Z/],
  ])('%s', async (_name, month, prepare, message) => {
    await recordBothSides();
    await prepare();
    await expect(archiveUsage(metering.url, month)).rejects.toThrow(message);
    await expect(archiveUsage(metering.url, month)).rejects.toBeInstanceOf(ArchiveRefused);
    expect(await keysIn('usage_event')).toEqual(['first', 'june', 'last', 'level', 'old']);
    expect((await owner.query('select from usage_archive')).rows).toEqual([]);
  });
});

/** Another organization with usage there. Its `level` is a sum. */
async function withNeighbour(): Promise<CallContext> {
  const neighbour = newOrganization();
  await metering.createMeters(neighbour);
  await createMeter(metering.dependencies, neighbour, { requestId: 'level', meter: { code: 'level', displayName: '', aggregation: Aggregation.SUM, filters: [], uniqueProperty: '', takesNegativeValues: true, recordedTime: undefined } });
  expect(await outcomes(metering.dependencies, neighbour, [usageEvent('theirs', { time: JUNE }), usageEvent('their-level', { time: JUNE, meter: 'level' })])).toEqual(['RECORDED', 'RECORDED']);
  return neighbour;
}

/** Whoever looks at the facts of all takes one of the two for both, whichever it is. */
test.each(['the one that recorded last', 'the one that recorded first'])('each organization stands in the way for itself: %s is not sealed', async (which) => {
  await recordBothSides();
  const neighbour = await withNeighbour();
  const [open, ready] = which.endsWith('last') ? [neighbour, context] : [context, neighbour];
  await setClock(metering.dependencies, ready, LATER);
  await metering.dependencies.database.transaction(ready.organizationId, (tx) => sealThrough(sqlOf(tx), JANUARY));
  await setClock(metering.dependencies, open, LATER);
  await expect(archiveUsage(metering.url, '2025-01')).rejects.toThrow(new RegExp(`^1 organizations stand in the way. ${open.organizationId}: no billing run has sealed`));
});

test('each organization has its own meters and corrections: another one\'s levels and voids are no matter', async () => {
  await recordBothSides();
  const neighbour = await withNeighbour();
  for (const each of [context, neighbour]) {
    await setClock(metering.dependencies, each, LATER);
    await metering.dependencies.database.transaction(each.organizationId, (tx) => sealThrough(sqlOf(tx), JANUARY));
  }
  await setClock(metering.dependencies, neighbour, LATER + 401n * DAY);
  await voidUsage(metering.dependencies, context, { requestId: 'void', idempotencyKeys: ['june'], reason: 'twice' });
  await setClock(metering.dependencies, context, LATER + 401n * DAY);
  await archiveUsage(metering.url, '2025-01');
  expect(await keysIn('usage_event')).toEqual(['first', 'level']);
  const { rows } = await owner.query('select organization_id, recorded_through from usage_archive_share order by recorded_through');
  expect(rows).toEqual([{ organization_id: neighbour.organizationId, recorded_through: String(NOON) }, { organization_id: context.organizationId, recorded_through: String(LATER) }]);
});

test('events of before leave, whole months as they lie; levels and keys stay; the second time there is nothing to do, later there may be more', async () => {
  await archivedBothSides();
  expect(await keysIn('usage_event')).toEqual(['first', 'level']);
  expect([await keysIn('usage_archived_2024_06'), await keysIn('usage_archived_2024_12'), await keysIn('usage_archived_before_2025_01')]).toEqual([['june', 'level'], ['last'], ['old']]);
  expect(await keysIn('usage_key')).toEqual(['first', 'june', 'last', 'level', 'old']);
  expect(await archiveUsage(metering.url, '2025-01')).toEqual([]);
  expect(await archiveUsage(metering.url, '2024-03')).toEqual([]);
  await sealed(LATER);
  expect(await archiveUsage(metering.url, '2025-02')).toEqual([{ table: 'usage_archived_2025_01', rows: 1n }]);
  expect(await keysIn('usage_event')).toEqual(['level']);
});

test('what is archived is closed to the service and can\'t be changed', async () => {
  await archivedBothSides();
  for (const table of ['usage_archived_2024_06', 'usage_archived_before_2025_01']) {
    for (const change of [`update ${table} set value = 2`, `delete from ${table}`, `truncate ${table}`]) await expect(owner.query(change), change).rejects.toThrow('never changed');
    const { rows: [found] } = await owner.query(`select relrowsecurity and relforcerowsecurity as forced, has_table_privilege('valora_metering', oid, 'select, insert, update, delete') as reached from pg_class where relname = '${table}'`);
    expect(found).toEqual({ forced: true, reached: false });
  }
  for (const change of ['update usage_archive set before_time = 0', 'delete from usage_archive_share', 'truncate usage_archive']) await expect(owner.query(change)).rejects.toThrow('never changed');
});

test('an archived event is a duplicate still, its key is taken for other content, and new events of that time are refused by their own outcome', async () => {
  await archivedBothSides();
  expect(await outcomes(metering.dependencies, context, [
    usageEvent('june', { time: JUNE }), usageEvent('june', { time: JUNE, value: '2' }), usageEvent('june', { time: JANUARY }), usageEvent('new', { time: JANUARY - 1n }),
    usageEvent('new', { time: JANUARY }), usageEvent('new', { time: JANUARY - 1n }), usageEvent('neighbour', { time: JANUARY }), usageEvent('new-level', { time: JUNE, meter: 'level' }),
  ])).toEqual(['DUPLICATE', 'IDEMPOTENCY_KEY_REUSED', 'IDEMPOTENCY_KEY_REUSED', 'IDEMPOTENCY_KEY_REUSED', 'RECORDED', 'IDEMPOTENCY_KEY_REUSED', 'RECORDED', 'USAGE_ARCHIVED']);
  expect(await keysIn('usage_key')).toEqual(['first', 'june', 'last', 'level', 'neighbour', 'new', 'old']);
});

/** A part of time from `start` on, asked of everything that reads or corrects usage. */
async function reasons(start: bigint): Promise<Record<string, string>> {
  const { dependencies } = metering;
  const key = start < JANUARY ? 'june' : 'first';
  const range = { meter: 'tokens', customer: 'acme', pageSize: 0, pageToken: '', period: period(start, JANUARY + DAY) };
  const query = { queryKey: 'q', meter: 'tokens', customer: 'acme', subscription: '', period: period(start, JANUARY + DAY), fullPeriod: undefined, groupBy: [], needsEventValues: false, lateness: undefined };
  const known = [{ ...query, knownBeforeTime: timestamp(LATER) }];
  const late = (recordedStart: bigint) => ({ queries: [{ queryKey: 'q', customer: 'acme', subscription: '', meters: ['tokens'], eventPeriod: period(start, JANUARY + DAY), recordedPeriod: period(recordedStart, LATER) }] });
  return {
    aggregate: await reason(aggregateUsage(dependencies, context, { useStoredLevels: true, queries: known })),
    check: await reason(checkUsage(dependencies, context, { queries: known })),
    list: await reason(listUsageEvents(dependencies, context, range)),
    'list of all meters': await reason(listUsageEvents(dependencies, context, { ...range, meter: '', customer: '' })),
    get: await reason(getUsageEvent(dependencies, context, { idempotencyKey: key })),
    void: await reason(voidUsage(dependencies, context, { requestId: `void ${start}`, idempotencyKeys: [key], reason: 'twice' })),
    'late, looked for from when it was recorded': await reason(findLateUsage(dependencies, context, late(NOON))),
    'late, looked for from after it was recorded': await reason(findLateUsage(dependencies, context, late(NOON + 1n))),
    release: await reason(releaseUsage(dependencies, context, { requestId: `release ${start}`, idempotencyKeys: [key], reason: 'checked' })),
  };
}

test('whoever asks for a microsecond of archived time is refused with the time and the fix; from then on all is answered', async () => {
  await archivedBothSides();
  const refused = await reasons(JANUARY - 1n);
  expect(refused).toEqual({ ...Object.fromEntries(Object.keys(refused).map((name) => [name, 'USAGE_ARCHIVED'])), 'late, looked for from after it was recorded': 'answered' });
  const answered = await reasons(JANUARY);
  expect(answered).toEqual({ ...Object.fromEntries(Object.keys(answered).map((name) => [name, 'answered'])), release: 'USAGE_VOIDED' });
  const all = { meter: '', customer: '', period: undefined, pageSize: 0, pageToken: '' };
  await expect(listUsageEvents(metering.dependencies, context, all)).rejects.toThrow('Usage from before 2025-01-01T00:00:00Z is archived, and this asks for usage from 0001-01-01T00:00:00Z on.');
  expect(await reason(getUsageEvent(metering.dependencies, context, { idempotencyKey: 'level' }))).toBe('answered');
  expect(await reason(getUsageEvent(metering.dependencies, context, { idempotencyKey: 'nobody' }))).toBe('NOT_FOUND');
});

test('among running writers and readers of the months that are archived: every answer is whole or refused, and every recorded event lies in one place', async () => {
  const { dependencies, url } = metering;
  const months = Array.from({ length: 12 }, (_, index) => parseInstant(`2024-${String(index + 1).padStart(2, '0')}-10T00:00:00Z`));
  const stored = months.flatMap((time, month) => ['a', 'b', 'c'].map((name) => usageEvent(`${month}-${name}`, { time })));
  await owner.query('select prepare_partitions($1)', [months[5]]);
  await outcomes(dependencies, context, stored);
  await sealed(JANUARY);
  await setClock(dependencies, context, LATER);
  let archiving = true;
  const counts: (bigint | undefined)[] = [];
  const read = async (): Promise<void> => {
    for (let month = 0; archiving; month = (month + 1) % 12) {
      const start = months[month] ?? NOON;
      const query = { queryKey: 'q', meter: 'tokens', customer: 'acme', subscription: '', period: period(start, start + 1n), knownBeforeTime: timestamp(LATER), fullPeriod: undefined, groupBy: [], needsEventValues: false, lateness: undefined };
      const answer = await aggregateUsage(dependencies, context, { useStoredLevels: true, queries: [query] }).catch((error: unknown) => error);
      if (answer instanceof DomainError) expect(answer.reason).toBe('USAGE_ARCHIVED');
      else counts.push((answer as Awaited<ReturnType<typeof aggregateUsage>>).usages[0]?.eventCount);
    }
  };
  const accepted: string[] = [];
  const write = async (writer: number): Promise<void> => {
    for (let number = 0; archiving; number += 1) {
      const key = `new-${writer}-${number}`;
      const answered = await outcomes(dependencies, context, [...stored.slice(number % 36, (number % 36) + 2), usageEvent(key, { time: JANUARY + BigInt(number) })]);
      expect(new Set(answered.slice(0, -1))).toEqual(new Set(['DUPLICATE']));
      if (answered.at(-1) === 'RECORDED') accepted.push(key);
    }
  };
  const running = [read(), read(), write(1), write(2), write(3)];
  for (let month = 2; month <= 13; month += 1) {
    await archiveUsage(url, month === 13 ? '2025-01' : `2024-${String(month).padStart(2, '0')}`);
    const reads = counts.length, writes = accepted.length;
    while (counts.length === reads && month < 12 || accepted.length === writes) await new Promise((resolve) => { setImmediate(resolve); });
  }
  archiving = false;
  await Promise.all(running);
  expect(new Set(counts)).toEqual(new Set([3n]));
  const { rows: tables } = await owner.query<{ name: string }>(`select relname as name from pg_class where relname like 'usage_archived_%' and relkind = 'r'`);
  const archived: string[] = [];
  for (const { name } of tables) archived.push(...(await keysIn(name)));
  expect(archived.toSorted()).toEqual(stored.map(({ idempotencyKey }) => idempotencyKey).toSorted());
  expect(await keysIn('usage_event')).toEqual(accepted.toSorted());
});
