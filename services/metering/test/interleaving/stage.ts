/**
 * A stage: processes of metering whose statements go one at a time, in an order that the test draws.
 *
 * Every statement that an actor's pg clients send, whoever sends it, stops at a gate until it is given a permit: it runs, or it is refused as if it had failed, or its
 * backend is killed before it or after it was done. Between two permits the stage waits until everybody stands still: at a gate, waiting for a lock in PostgreSQL, or
 * finished. So one seed gives one interleaving, on a fast machine and on a slow one. An actor is told by the application
 * name of its connections; stages on other databases play beside.
 */
import pg from 'pg';

export type Permit = 'RUN' | 'REFUSE' | 'KILL_BEFORE' | 'KILL_AFTER';

/** A statement at the gate. */
export interface Asking {
  readonly actor: string;
  readonly statement: string;
}

interface Actor {
  readonly name: string;
  /** What it asks leave for; null while it thinks or its statement runs. */
  asking: (Asking & { readonly permit: (permit: Permit) => void }) | null;
  running: boolean;
  finished: boolean;
}

export interface StageTally {
  statements: number;
  /** Statements that were found waiting for a lock. */
  waits: number;
}

export interface Stage {
  readonly tally: StageTally;
  /** Lets the actors work, asking `permit` for one of those who may go on, until all are finished. */
  play(actors: Readonly<Record<string, () => Promise<void>>>, permit: (asking: readonly Asking[]) => Promise<{ readonly to: Asking; readonly permit: Permit }>): Promise<void>;
  close(): void;
}

type Query = (this: pg.Client, ...args: unknown[]) => Promise<unknown>;

const REFUSAL = 'The test refuses this statement.';
const ENDS_TRANSACTION = /^(commit|rollback)/i;

/** What pg says when a connection is gone. */
const BROKEN = 'Connection terminated unexpectedly: a fault of the test';

/** `owner` sees and ends the backends of the database that the actors work on. */
export function openStage(owner: pg.Pool, database: string): Stage {
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const query = prototype.query;
  const tally: StageTally = { statements: 0, waits: 0 };
  const waiting = new Set<string>();
  let cast = new Map<string, Actor>();
  let changed = Promise.withResolvers<void>();
  const tell = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };

  prototype.query = function gated(...args) {
    const { application_name: name = '' } = (this as unknown as { connectionParameters: { application_name?: string } }).connectionParameters;
    const actor = this.database === database ? cast.get(name) : undefined;
    const [first] = args;
    const statement = typeof first === 'string' ? first : ((first as { text?: string } | undefined)?.text ?? '');
    // pg-pool itself queries with callbacks; only what a service awaits can stop here.
    if (actor === undefined || statement === '' || typeof args.at(-1) === 'function') return query.apply(this, args);
    return atGate(actor, { client: this, statement, run: () => query.apply(this, args) });
  };

  async function atGate(actor: Actor, { client, statement, run }: { client: pg.Client; statement: string; run: () => Promise<unknown> }): Promise<unknown> {
    const permit = await new Promise<Permit>((resolve) => {
      actor.asking = { actor: actor.name, statement, permit: resolve };
      tell();
    });
    tally.statements += 1;
    if (permit === 'REFUSE') throw new Error(REFUSAL);
    if (permit === 'KILL_BEFORE') await kill(client);
    actor.running = true;
    tell();
    try {
      const result = await run();
      if (permit !== 'KILL_AFTER') return result;
      await kill(client);
      throw new Error(BROKEN);
    } finally {
      actor.running = false;
      if (permit !== 'RUN' || ENDS_TRANSACTION.test(statement)) waiting.clear();
      waiting.delete(actor.name);
      tell();
    }
  }

  /** Returns when the backend is gone, and its locks with it. */
  async function kill(client: pg.Client): Promise<void> {
    await owner.query('select pg_terminate_backend($1, 5000)', [(client as unknown as { processID: number }).processID]);
  }

  async function lockWaiters(): Promise<ReadonlySet<string>> {
    const { rows } = await owner.query<{ name: string }>(`select application_name as name from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
    return new Set(rows.map(({ name }) => name));
  }

  /** Returns when nobody can go on by themselves. */
  async function standstill(): Promise<void> {
    for (;;) {
      const next = changed.promise;
      const active = [...cast.values()].filter(({ finished, asking }) => !finished && asking === null);
      if (active.length === 0) return;
      if (active.some(({ running }) => !running)) {
        await next;
        continue;
      }
      // Locks are held to the end of a transaction: until one ends, who waits goes on waiting.
      if (active.every(({ name }) => waiting.has(name))) return;
      const waiters = await Promise.race([next.then(() => null), lockWaiters()]);
      if (waiters === null || !active.every(({ name, running }) => running && waiters.has(name))) continue;
      for (const { name } of active.filter(({ name }) => !waiting.has(name))) {
        tally.waits += 1;
        waiting.add(name);
      }
      return;
    }
  }

  return {
    tally,
    async play(actors, permit) {
      cast = new Map(Object.keys(actors).map((name) => [name, { name, asking: null, running: false, finished: false }]));
      const ends = Object.entries(actors).map(([name, work]) => work().finally(() => {
        const actor = cast.get(name);
        if (actor !== undefined) actor.finished = true;
        tell();
      }));
      const ended = Promise.allSettled(ends);
      for (;;) {
        await standstill();
        const next = changed.promise;
        if ([...cast.values()].every(({ finished }) => finished)) break;
        const asking = [...cast.values()].flatMap((actor) => (actor.asking === null ? [] : [actor.asking]));
        if (asking.length === 0) {
          await next; // a deadlock, which PostgreSQL ends
          continue;
        }
        const chosen = await permit(asking);
        const actor = cast.get(chosen.to.actor);
        const given = actor?.asking;
        if (actor === undefined || given === null || given === undefined) throw new Error(`${chosen.to.actor} asks for nothing`);
        actor.asking = null;
        given.permit(chosen.permit);
      }
      const failed = (await ended).find((end) => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
    close() {
      prototype.query = query;
    },
  };
}

/** Whether a statement was refused by the test, which Prisma may have put into other words. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && (error.message.includes(REFUSAL) || isRefusal(error.cause));
}
