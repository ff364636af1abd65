// Faults between a service and its database: at a chosen statement the connection breaks, before the statement was sent or
// after it was done and before its answer arrived. A COMMIT that breaks after is the worst of them: done, and nobody knows.
// What is left in the database is what a process killed at that point would leave.
import pg from 'pg';

/** A statement of an operation: its text and which time it ran. */
export interface FaultPoint {
  readonly statement: string;
  /** From 1. */
  readonly occurrence: number;
}

export type FaultMoment = 'BEFORE' | 'AFTER';

export interface FaultHook {
  /** Every statement that ran since the last call, in order. */
  taken(): readonly FaultPoint[];
  /** Breaks the connection once, at this point. */
  arm(point: FaultPoint, moment: FaultMoment): void;
  /** Whether an armed fault has happened. */
  happened(): boolean;
  remove(): void;
}

type Query = (this: pg.Client, ...args: unknown[]) => unknown;

/** An organization's id inside a statement's text differs from one organization to the next. */
const ORGANIZATION_ID = /org_[a-z0-9-]{1,40}/g;

/** Wraps the queries of every pg client of this process. */
export function hookFaults(): FaultHook {
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const query = prototype.query;
  const counts = new Map<string, number>();
  let seen: FaultPoint[] = [];
  let armed: { readonly point: FaultPoint; readonly moment: FaultMoment } | null = null;
  let broke = false;

  function breakConnection(client: pg.Client): Error {
    broke = true;
    armed = null;
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    return new Error('Connection terminated unexpectedly: a fault of the test');
  }

  prototype.query = function faulty(...args) {
    const [first] = args;
    const text = typeof first === 'string' ? first : ((first as { text?: string } | undefined)?.text ?? '');
    const statement = text.replaceAll(ORGANIZATION_ID, 'org');
    // pg-pool itself queries with callbacks; only what services await can break here.
    if (statement === '' || typeof args.at(-1) === 'function') return query.apply(this, args);
    const occurrence = (counts.get(statement) ?? 0) + 1;
    counts.set(statement, occurrence);
    seen.push({ statement, occurrence });
    if (armed === null || armed.point.statement !== statement || armed.point.occurrence !== occurrence) return query.apply(this, args);
    if (armed.moment === 'BEFORE') return Promise.reject(breakConnection(this));
    // After the server's answer, an error being one: a fence that is missing is answered so.
    const broken = (): never => { throw breakConnection(this); };
    return Promise.resolve(query.apply(this, args)).then(broken, broken);
  };

  return {
    taken() {
      const taken = seen;
      seen = [];
      counts.clear();
      return taken;
    },
    arm(point, moment) {
      armed = { point, moment };
      broke = false;
      counts.clear();
    },
    happened: () => broke,
    remove() {
      prototype.query = query;
    },
  };
}
