/** The fence on real PostgreSQL: what a seal counted stays as it was, whoever writes at the same time. */
import { instant, type Instant } from '@valora/rating';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sql } from '../src/database.ts';
import { currentTime, ensureFence, fenceExists, FenceMissing, NotASandbox, SealInFuture, sealThrough, setSandboxTime, takeRecordedTime } from '../src/fence.ts';
import { openLab, type Lab } from './lab/lab.ts';

const HOUR = 3_600_000_000n;
let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  for (const organization of ['real', 'busy', 'shared']) await within(organization, (sql) => ensureFence(sql, null));
  await within('sandbox', (sql) => ensureFence(sql, instant(1000n)));
});
afterAll(() => lab.close());

const within = <T>(organization: string, work: (sql: Sql) => Promise<T>): Promise<T> => lab.database.bulk(organization, work);
const later = (time: Instant, micros: bigint): Instant => instant(time + micros);

/** Stores a fact and waits before it commits. */
async function holdFact(organization: string, name: string): Promise<{ recordedTime: Instant; commit: () => Promise<void> }> {
  const { promise: recorded, resolve: tell } = Promise.withResolvers<Instant>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const done = within(organization, async (sql) => {
    const recordedTime = await takeRecordedTime(sql);
    await sql.query('insert into fact values (current_organization(), $1, $2)', [name, recordedTime]);
    tell(recordedTime);
    await released;
  });
  return { recordedTime: await recorded, commit: async () => { release(); await done; } };
}

/** Resolves when some transaction of the lab waits for a lock. */
async function someoneWaits(): Promise<void> {
  await expect.poll(async () => (await lab.owner.query(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).rowCount).toBeGreaterThan(0);
}

describe('without a fence', () => {
  test.each([
    ['takeRecordedTime', takeRecordedTime],
    ['currentTime', currentTime],
    ['sealThrough', (sql: Sql) => sealThrough(sql, instant(0n))],
    ['setSandboxTime', (sql: Sql) => setSandboxTime(sql, instant(0n))],
  ])('%s throws FenceMissing', async (_name, call) => {
    await expect(within('nobody', call)).rejects.toBeInstanceOf(FenceMissing);
    expect(await within('nobody', fenceExists)).toBe(false);
  });

  test('a fence is made once and keeps its first clock', async () => {
    await within('sandbox', (sql) => ensureFence(sql, instant(5n)));
    expect([await within('sandbox', fenceExists), await within('sandbox', currentTime)]).toEqual([true, 1000n]);
  });
});

describe("the database's clock", () => {
  test('recorded times are the microseconds of now', async () => {
    const before = BigInt(Date.now()) * 1000n;
    const recorded = await within('real', takeRecordedTime);
    expect(recorded).toBeGreaterThanOrEqual(before - 1000n);
    expect(recorded).toBeLessThan(before + 60_000_000n);
  });

  test('a seal in the future is refused, one that stands already is not', async () => {
    const now = await within('real', currentTime);
    await expect(within('real', (sql) => sealThrough(sql, later(now, HOUR)))).rejects.toBeInstanceOf(SealInFuture);
    expect(await within('real', (sql) => sealThrough(sql, now))).toBe(now);
    expect(await within('real', (sql) => sealThrough(sql, later(now, -HOUR)))).toBe(now);
  });

  test('a clock that steps back can not record before a seal', async () => {
    const now = await within('real', currentTime);
    const ahead = later(now, HOUR); // as if the clock had stood there when it was sealed
    await lab.owner.query(`update fence set sealed_through = $1 where organization_id = 'real'`, [ahead]);
    expect([await within('real', takeRecordedTime), await within('real', currentTime)]).toEqual([ahead, ahead]);
  });
});

describe('a sandbox', () => {
  test('records at its own time, which only moves forward', async () => {
    expect(await within('sandbox', takeRecordedTime)).toBe(1000n);
    expect(await within('sandbox', (sql) => setSandboxTime(sql, instant(2000n)))).toBe(2000n);
    expect(await within('sandbox', (sql) => setSandboxTime(sql, instant(1500n)))).toBe(2000n);
    expect([await within('sandbox', takeRecordedTime), await within('sandbox', currentTime)]).toEqual([2000n, 2000n]);
  });

  test('seals up to its own clock', async () => {
    await expect(within('sandbox', (sql) => sealThrough(sql, instant(2001n)))).rejects.toBeInstanceOf(SealInFuture);
    expect(await within('sandbox', (sql) => sealThrough(sql, instant(2000n)))).toBe(2000n);
  });

  test('only a sandbox has a clock to set', async () => {
    await expect(within('busy', (sql) => setSandboxTime(sql, instant(1n)))).rejects.toBeInstanceOf(NotASandbox);
  });
});

test('a seal waits for an open writer, who is recorded before it; the next writer is not', async () => {
  const writer = await holdFact('shared', 'before');
  let sealed = false;
  const seal = within('shared', async (sql) => await sealThrough(sql, later(writer.recordedTime, 1n))).then((time) => { sealed = true; return time; });
  await someoneWaits();
  expect(sealed).toBe(false);
  await writer.commit();
  const sealTime = await seal;
  expect(writer.recordedTime).toBeLessThan(sealTime);
  expect(await within('shared', takeRecordedTime)).toBeGreaterThanOrEqual(sealTime);
});

test('writers do not wait for each other', async () => {
  const one = await holdFact('shared', 'one');
  const other = await holdFact('shared', 'other');
  await other.commit();
  await one.commit();
});

test('a stream of writers that never ends does not keep a seal waiting', async () => {
  let writing = true;
  const write = async (): Promise<void> => {
    while (writing) {
      await within('busy', async (sql) => {
        await takeRecordedTime(sql);
        await sql.query('select pg_sleep(0.005)::text');
      });
    }
  };
  const writers = Promise.all(Array.from({ length: 6 }, write));
  for (let seals = 0; seals < 20; seals += 1) await within('busy', async (sql) => await sealThrough(sql, await currentTime(sql)));
  writing = false;
  await writers;
});

test('300 rounds of writers against seals: what a seal counted stays, and nothing is lost', async () => {
  const rounds = 300;
  const [writers, perWriter] = [4, rounds / 4];
  let writing = true;
  const write = async (writer: number): Promise<void> => {
    for (let round = 0; round < perWriter; round += 1) {
      await within('busy', async (sql) => {
        const recordedTime = await takeRecordedTime(sql);
        await sql.query('insert into fact values (current_organization(), $1, $2)', [`${writer}/${round}`, recordedTime]);
      });
    }
  };
  const counts: { time: Instant; known: bigint }[] = [];
  const seal = async (): Promise<void> => {
    while (writing) {
      counts.push(await within('busy', async (sql) => {
        const time = await sealThrough(sql, await currentTime(sql));
        return { time, known: await countBefore(sql, time) };
      }));
    }
  };
  const sealing = Promise.all([seal(), seal()]);
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  writing = false;
  await sealing;

  expect(counts.length).toBeGreaterThan(10);
  for (const { time, known } of counts) {
    const [again, after] = await within('busy', async (sql) => [await countBefore(sql, time), await countFrom(sql, time)]);
    expect(again).toBe(known);
    expect(known + (after ?? 0n)).toBe(BigInt(rounds));
  }
});

const countBefore = async (sql: Sql, time: Instant): Promise<bigint> => await count(sql, 'recorded_time < $1', time);
const countFrom = async (sql: Sql, time: Instant): Promise<bigint> => await count(sql, 'recorded_time >= $1', time);

async function count(sql: Sql, condition: string, time: Instant): Promise<bigint> {
  const [row] = await sql.query<{ facts: bigint }>(`select count(*) as facts from fact where ${condition}`, [time]);
  return row?.facts ?? 0n;
}
