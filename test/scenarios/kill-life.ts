// A step of a client on a replica that is killed in the middle of it, perhaps after it lost a connection to the database.
import { callerOf, connect } from '@valora/cli';
import { CallError } from '@valora/chassis';
import { status } from '@grpc/grpc-js';
import type { Replica } from '@valora/testkit/replica';
import type { Below } from '@valora/testkit/seeded';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Step, StepKind } from './kill-book.ts';

/** What befalls a replica within a step. Nothing does when the step is done before. */
export interface Blow {
  readonly kill:
    /** After so many statements since the step began, and a while: it waits, runs, is answered, and the next one is on its way. */
    | { readonly at: 'STATEMENT'; readonly count: number; readonly afterMs: number }
    /** As soon as the client has heard so often that something is stored. */
    | { readonly at: 'ACKNOWLEDGEMENT'; readonly count: number };
  readonly cut: { readonly statement: number; readonly connection: number } | null;
}

export interface Attempt {
  readonly done: boolean;
  readonly killed: boolean;
  /** Statements that the replica sent. */
  readonly statements: number;
  /** Cycles that were being closed when it broke off. */
  readonly heldCycles: number;
}

const PARTS = 1_000;
const ACKNOWLEDGEMENTS = 6;
const KILL_AFTER_MS = 3;
const CUT_ONE_IN = 4;
const POLL_MS = 2;
const POLLS_MAX = 30_000;

/** A random moment of a step that takes so many statements. */
export function drawBlow(below: Below, { kind, statements }: { kind: StepKind; statements: number }): Blow {
  if (kind === 'INGEST' && below(2) === 0) return { kill: { at: 'ACKNOWLEDGEMENT', count: 1 + below(ACKNOWLEDGEMENTS) }, cut: null };
  const count = 1 + below(statements);
  return {
    kill: { at: 'STATEMENT', count, afterMs: (KILL_AFTER_MS * below(PARTS)) / PARTS },
    cut: below(CUT_ONE_IN) === 0 ? { statement: 1 + below(count), connection: below(PARTS) } : null,
  };
}

/** Tries a step. After a kill it returns when the dead process holds nothing any more. */
export async function attempt(step: Step, { replica, apiKey, owner, blow }: { replica: Replica; apiKey: string; owner: pg.Client; blow: Blow | null }): Promise<Attempt> {
  const connection = connect(replica.address, apiKey);
  let [statements, acknowledgements] = [0, 0];
  let death: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const { kill, cut = null } = blow ?? {};
  replica.onStatement(() => {
    statements += 1;
    if (statements === cut?.statement) void cutConnection(owner, { name: replica.name, which: cut.connection });
    if (kill?.at === 'STATEMENT' && statements === kill.count) timer = setTimeout(() => { death = replica.kill(); }, kill.afterMs);
  });
  const acknowledged = (): void => {
    acknowledgements += 1;
    if (kill?.at === 'ACKNOWLEDGEMENT' && acknowledgements === kill.count) death = replica.kill();
  };
  const done = await step.work(callerOf(connection), acknowledged).then(() => true, (error: unknown) => {
    if (!callsForRepetition(error)) throw error;
    return false;
  }).finally(() => {
    replica.onStatement(null);
    clearTimeout(timer);
    connection.close();
  });
  await death;
  if (death !== undefined) await connectionsGone(owner, replica.name);
  const killed = death !== undefined;
  return { done, killed, statements, heldCycles: done && !killed ? 0 : await endLeases(owner) };
}

/**
 * What a client may see of a replica that dies or loses its database. Anything else, a refusal above all, fails the test. A deadline passes where a cold replica on a
 * busy machine takes too long to look a key up.
 */
export function callsForRepetition(error: unknown): boolean {
  if (!(error instanceof CallError)) return false;
  return error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED || (error.code === status.INTERNAL && error.reason === '');
}

/** Breaks a connection of the replica, as a failover would. */
async function cutConnection(owner: pg.Client, { name, which }: { name: string; which: number }): Promise<void> {
  await owner.query(
    `select pg_terminate_backend(pid) from (
       select pid, row_number() over (order by pid) - 1 as position, count(*) over () as count from pg_stat_activity
       where application_name = $1 and state <> 'idle') connection
     where position = $2::bigint % count`, [name, which]);
}

/** PostgreSQL notices that a client is dead when it is done with the statement at hand. */
async function connectionsGone(owner: pg.Client, name: string): Promise<void> {
  for (let polls = 0; polls < POLLS_MAX; polls += 1) {
    const { rows } = await owner.query('select from pg_stat_activity where application_name = $1 limit 1', [name]);
    if (rows.length === 0) return;
    await delay(POLL_MS);
  }
  throw new Error(`the connections of ${name} outlive it`);
}

/** What time does 20 or 120 s later by itself. It ends leases of the living too, who must bear that as well. Answers how many cycles somebody held. */
async function endLeases(owner: pg.Client): Promise<number> {
  const { rowCount } = await owner.query(`update subscription.billing_cycle set lease_end_time = 0 where state = 'CLOSING' and lease_end_time > 0`);
  for (const schema of ['subscription', 'invoicing']) await owner.query(`update ${schema}.due_work set lease_end_time = null where lease_end_time is not null`);
  return rowCount ?? 0;
}
