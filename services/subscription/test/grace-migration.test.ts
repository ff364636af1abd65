/** Bringing a database up to date that has cycles from before their grace was stored: a cancel must move their cutoffs as it moves all others. */
import { migrate, schemaMigrations } from '@valora/chassis';
import { createTestDatabase } from '@valora/testkit';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';

const FIRST_WITH_GRACE = '20261121000160_cancel';
const HOUR = 3_600_000_000;

test('a cycle that was opened before its grace was stored keeps it', async () => {
  const database = await createTestDatabase({ empty: true });
  const earlier = await mkdtemp(join(tmpdir(), 'valora-migrations-'));
  try {
    const own = join(import.meta.dirname, '..', 'prisma', 'migrations');
    for (const name of (await readdir(own)).filter((each) => each < FIRST_WITH_GRACE)) await cp(join(own, name), join(earlier, name), { recursive: true });
    const current = await schemaMigrations(join(import.meta.dirname, '..'));
    const run = (folders: readonly string[]) => migrate({ url: database.url, roleSecret: database.roleSecret, schemas: [{ ...current, folders }] });
    await run(current.folders.map((folder) => (folder === own ? earlier : folder)));
    await asOwner(database.url, async (owner) => {
      await owner.query(`insert into customer (organization_id, reference, display_name, recorded_time) values ('o', 'one', '', 0)`);
      for (const [reference, recorded] of [['s', 0], ['late', 40 * HOUR]] as const) {
        await owner.query(`insert into subscription (organization_id, reference, customer_reference, plan_code, plan_version, time_zone, anchor_time, interval, interval_count, start_time, recorded_time)
          values ('o', $1, 'one', 'plan', 1, 'UTC', 0, 'DAY', 1, 0, $2)`, [reference, recorded]);
      }
      for (const [reference, index, start, end, cutoff] of [['s', 1, 0, 24, 26], ['s', 2, 24, 48, 48], ['late', 1, 0, 24, 43]] as const) {
        const recorded = reference === 'late' ? 1 : 0; // known from a microsecond later
        await owner.query(`insert into billing_cycle (organization_id, subscription_reference, cycle_index, start_time, end_time, cutoff_time, tzdata_version, state)
          values ('o', $1, $2, $3, $4, $5, '2026a', 'OPEN')`, [reference, index, start * HOUR, end * HOUR, cutoff * HOUR + recorded]);
      }
    });
    await run(current.folders);
    await asOwner(database.url, async (owner) => {
      const { rows } = await owner.query<{ cycle: string; grace: string }>(`select subscription_reference || ' ' || cycle_index as cycle, grace_micros::text as grace from billing_cycle order by 1`);
      expect(rows).toEqual([{ cycle: 'late 1', grace: String(3 * HOUR) }, { cycle: 's 1', grace: String(2 * HOUR) }, { cycle: 's 2', grace: '0' }]);
      await expect(owner.query('update billing_cycle set grace_micros = 1')).rejects.toThrow('never changed');
      const { rows: forced } = await owner.query(`select relname from pg_class where relnamespace = 'subscription'::regnamespace and relname in ('subscription', 'billing_cycle') and relforcerowsecurity`);
      expect(forced).toHaveLength(2);
    });
  } finally {
    await rm(earlier, { recursive: true });
    await database.drop();
  }
});

async function asOwner(url: string, work: (owner: pg.Client) => Promise<void>): Promise<void> {
  const owner = new pg.Client({ connectionString: url, options: '-c search_path=subscription' });
  await owner.connect();
  try {
    await work(owner);
  } finally {
    await owner.end();
  }
}
