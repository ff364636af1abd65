/**
 * The fence: a row per organization and recording service that orders facts against cutoffs. A transaction that stores facts holds it shared and stamps them
 * max(clock, last seal); a seal takes it exclusively, so it waits for open writers and nothing recorded later lies before it. Clocks that step back can't break
 * that. Here are the SQL functions of the ground migration with types; the rules themselves are there.
 */
import { instant, type Instant } from '@valora/rating';
import { sqlState } from './database-errors.ts';
import type { FenceMode } from './database-metrics.ts';
import { onlyRow, queryOne, type Sql } from './sql.ts';

/** The organization has no fence in this service yet: make it with ensureFence, in a transaction of its own, and repeat. */
export class FenceMissing extends Error {
  override readonly name = 'FenceMissing';
}

/** A seal was asked for before its time: the organization's clock stands before it. */
export class SealInFuture extends Error {
  override readonly name = 'SealInFuture';
}

/** Only a sandbox's clock can be set. */
export class NotASandbox extends Error {
  override readonly name = 'NotASandbox';
}

/** Makes the organization's fence, unless it has one. `sandboxTime` is null for an organization on the database's clock. */
export async function ensureFence(sql: Sql, sandboxTime: Instant | null): Promise<void> {
  await sql.query('select ensure_fence($1::bigint)::text', [sandboxTime]);
}

export async function fenceExists(sql: Sql): Promise<boolean> {
  return (await queryOne<{ found: boolean }>(sql, 'select fence_exists() as found')).found;
}

/** The recorded time of the facts this transaction stores; holds the fence shared until the transaction ends. Call it before anything that waits. Throws FenceMissing. */
export async function takeRecordedTime(sql: Sql): Promise<Instant> {
  return await waited(sql, 'SHARED', () => instantOf(sql, 'take_recorded_time()'));
}

/** The same, and what another function of the schema then answers as bigint, in one round trip. `call` is SQL of the service's own: `archived_before()`. */
export async function takeRecordedTimeWith(sql: Sql, call: string): Promise<{ readonly recordedTime: Instant; readonly value: bigint }> {
  return await waited(sql, 'SHARED', async () => {
    try {
      const { micros, value } = onlyRow(await sql.query<{ micros: bigint; value: bigint }>(`select take_recorded_time() as micros, ${call} as value`, [], { preparedAs: `take recorded time with ${call}` }));
      return { recordedTime: instant(micros), value };
    } catch (error) {
      throw fenceError(error);
    }
  });
}

/** The organization's clock, for answers and comparisons, never for facts. Takes no lock. Throws FenceMissing. */
export async function currentTime(sql: Sql): Promise<Instant> {
  return await instantOf(sql, 'current_time_micros()');
}

/** The organization's clock, and how far it is sealed, as of one moment and without a lock; null if it has no fence yet. */
export async function fenceTimes(sql: Sql): Promise<{ readonly now: Instant; readonly sealedThrough: Instant } | null> {
  const [row] = await sql.query<{ now: bigint; sealed_through: bigint }>('select current_time_micros() as now, sealed_through from fence where organization_id = current_organization()');
  return row === undefined ? null : { now: instant(row.now), sealedThrough: instant(row.sealed_through) };
}

/**
 * Waits for open writers; from then on nothing is recorded before `time`. Returns how far the organization is sealed, which may be further. Errors: FenceMissing,
 * SealInFuture.
 */
export async function sealThrough(sql: Sql, time: Instant): Promise<Instant> {
  return await waited(sql, 'EXCLUSIVE', () => instantOf(sql, 'seal_through($1::bigint)', time));
}

/** Moves a sandbox's clock forward, never back; returns where it stands. Errors: FenceMissing, NotASandbox. */
export async function setSandboxTime(sql: Sql, time: Instant): Promise<Instant> {
  return await instantOf(sql, 'set_sandbox_time($1::bigint)', time);
}

async function waited<T>({ observer }: Sql, mode: FenceMode, take: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const taken = await take();
  observer?.fenceWaited(mode, performance.now() - startMs);
  return taken;
}

async function instantOf(sql: Sql, call: string, ...values: readonly Instant[]): Promise<Instant> {
  try {
    return instant((await queryOne<{ micros: bigint }>(sql, `select ${call} as micros`, values)).micros);
  } catch (error) {
    throw fenceError(error);
  }
}

function fenceError(error: unknown): unknown {
  switch (sqlState(error)) {
    case 'VL001': return new FenceMissing('The organization has no fence in this service yet.', { cause: error });
    case 'VL002': return new SealInFuture("The seal lies after the organization's clock.", { cause: error });
    case 'VL003': return new NotASandbox('The organization is no sandbox: its clock is the database\'s.', { cause: error });
    default: return error;
  }
}
