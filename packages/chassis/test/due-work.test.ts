/** Due work: found across organizations, claimed once, and never forgotten in a race. */
import { instant, type Instant } from '@valora/rating';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Sql } from '../src/database.ts';
import { claimOrganizations, nextDueTime, releaseOrganization, setDueWorkSandboxTime, touchDueWork } from '../src/due-work.ts';
import { ensureFence, setSandboxTime } from '../src/fence.ts';
import { sqlOf } from '../src/sql.ts';
import { openLab, type Lab } from './lab/lab.ts';

const MINUTE = 60_000_000n;
const PAST = instant(1_000_000n);
const FUTURE = instant(4_102_444_800_000_000n); // 2100

let lab: Lab;
beforeEach(async () => { lab = await openLab(); });
afterEach(() => lab.close());

const within = <T>(organization: string, work: (sql: Sql) => Promise<T>): Promise<T> => lab.database.bulk(organization, work);
const claim = (batchSizeMax = 100, leaseMicros = MINUTE): Promise<string[]> =>
  lab.database.transactionAcrossOrganizations((tx) => claimOrganizations(sqlOf(tx), { kind: 'close', batchSizeMax, leaseMicros }));
const touch = (organization: string, dueTime: Instant): Promise<void> => within(organization, (sql) => touchDueWork(sql, 'close', dueTime));
const release = (organization: string, dueTime: Instant | null, notBefore: Instant | null = null): Promise<void> =>
  within(organization, (sql) => releaseOrganization(sql, 'close', () => Promise.resolve({ dueTime, notBefore })));

test('what is due is claimed, once; what is not due or of another kind is not', async () => {
  await touch('due', PAST);
  await touch('later', FUTURE);
  await within('other', (sql) => touchDueWork(sql, 'open', PAST));
  expect(await claim()).toEqual(['due']);
  expect(await claim()).toEqual([]);
});

test('the earlier of two due times counts', async () => {
  await touch('a', PAST);
  await touch('a', FUTURE);
  expect(await within('a', nextDueTime)).toBe(PAST);
  expect(await within('nobody', nextDueTime)).toBe(null);
});

test('a lease ends, and then the work may be claimed again', async () => {
  await touch('a', PAST);
  expect(await claim(1, 0n)).toEqual(['a']);
  expect(await claim(1)).toEqual(['a']);
});

test('release stores when work is next due', async () => {
  await touch('a', PAST);
  await claim();
  await release('a', FUTURE);
  expect([await within('a', nextDueTime), await claim()]).toEqual([FUTURE, []]);
  await release('a', null);
  expect(await within('a', nextDueTime)).toBe(null);
  await touch('a', PAST);
  expect(await claim()).toEqual(['a']);
});

test('work that is due but can\'t be done yet is left alone until then', async () => {
  await touch('a', PAST);
  await claim();
  await release('a', PAST, FUTURE);
  expect([await within('a', nextDueTime), await claim()]).toEqual([PAST, []]);
  await release('a', PAST, PAST);
  expect(await claim()).toEqual(['a']);
});

test('who waited longest comes first, so one with work all the time keeps nobody out', async () => {
  for (const organization of ['busy', 'quiet', 'small']) await touch(organization, PAST);
  const order: string[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    const claimed = await claim(1);
    order.push(...claimed);
    for (const organization of claimed) await release(organization, PAST);
  }
  expect(order).toEqual(['busy', 'quiet', 'small', 'busy']);
});

test("a sandbox's work is due by its own clock, ahead of the real one or behind", async () => {
  await within('sandbox', async (sql) => { await ensureFence(sql, PAST); });
  await touch('sandbox', instant(PAST + 1n));
  expect(await claim()).toEqual([]);
  await within('sandbox', async (sql) => {
    await setSandboxTime(sql, FUTURE);
    await setDueWorkSandboxTime(sql, FUTURE);
  });
  expect(await claim()).toEqual(['sandbox']);
  await release('sandbox', FUTURE);
  expect(await claim()).toEqual(['sandbox']);
});

test('many claimers at once never claim the same organization', async () => {
  const organizations = Array.from({ length: 60 }, (_, index) => `o${String(index).padStart(2, '0')}`);
  for (const organization of organizations) await touch(organization, PAST);
  const claimed: string[] = [];
  await Promise.all(Array.from({ length: 6 }, async () => {
    for (;;) {
      const batch = await claim(3);
      if (batch.length === 0) return;
      claimed.push(...batch);
    }
  }));
  expect([...claimed, ...(await claim())].sort()).toEqual(organizations);
});

test('a touch that is not committed when release begins is waited for and seen', async () => {
  await touch('a', PAST);
  await claim();
  await within('a', (sql) => sql.query(`insert into fact values ('a', 'old', 1)`));
  const { promise: touched, resolve: tell } = Promise.withResolvers<void>();
  const { promise: released, resolve: commit } = Promise.withResolvers<void>();
  const writer = within('a', async (sql) => {
    await sql.query(`insert into fact values ('a', 'new', 7)`);
    await touchDueWork(sql, 'close', instant(7n));
    tell();
    await released;
  });
  await touched;
  const releasing = within('a', (sql) => releaseOrganization(sql, 'close', async () => {
    const [row] = await sql.query<{ due: bigint }>(`select max(recorded_time) as due from fact`);
    return { dueTime: row === undefined ? null : instant(row.due), notBefore: null };
  }));
  await expect.poll(async () => (await lab.owner.query(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).rowCount).toBe(1);
  commit();
  await Promise.all([writer, releasing]);
  expect(await within('a', nextDueTime)).toBe(7n);
});

test('a touch during release lowers what release stored', async () => {
  await touch('a', PAST);
  await claim();
  let touching: Promise<void> | undefined;
  await within('a', (sql) => releaseOrganization(sql, 'close', async () => {
    touching = touch('a', instant(7n));
    await expect.poll(async () => (await lab.owner.query(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).rowCount).toBe(1);
    return { dueTime: null, notBefore: null };
  }));
  await touching;
  expect(await within('a', nextDueTime)).toBe(7n);
});
