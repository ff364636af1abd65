/**
 * A service's database: one pool, two clients on it (Prisma for ordinary queries, pg for bulk SQL), and transactions as the only way in. Each transaction names the
 * organization it acts for, and row-level security lets exactly that one through. The setting is local to the transaction: set on a session it would follow the
 * connection through the pool to another tenant.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { DatabaseUnavailable, isDatabaseUnavailable, isTransactionConflict } from './database-errors.ts';
import type { DatabaseMetrics, ObservedTransaction } from './database-metrics.ts';
import type { Log } from './log.ts';
import { observeTransaction, sqlOfClient, type PrismaTransaction, type Sql } from './sql.ts';

export { queryOne, sqlOf, type PrismaTransaction, type Sql } from './sql.ts';

export interface DatabaseConfig {
  /** Server, database and login, as a PostgreSQL URL. */
  readonly url: string;
  readonly schema: string;
  readonly poolSizeMax: number;
}

export interface Database<Transaction extends PrismaTransaction> {
  /** One READ COMMITTED transaction for one organization. `work` runs again, up to 5 times in all, after a deadlock or serialization failure: it may touch nothing but the transaction. */
  transaction<T>(organizationId: string, work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** A transaction without an organization: tenant tables look empty in it. For due work and directories. */
  transactionAcrossOrganizations<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** The same guarantees for bulk SQL with array parameters, on a pg client and with the fewest round trips. */
  bulk<T>(organizationId: string, work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** The part of a generated Prisma client that transactions need. */
interface TransactingClient<Transaction> {
  $transaction<T>(work: (tx: Transaction) => Promise<T>, options: { maxWait: number; timeout: number }): Promise<T>;
  $disconnect(): Promise<void>;
}

const STATEMENT_TIMEOUT_MS = 60_000;
const TRANSACTION_TIMEOUT_MS = 120_000;
const CONNECTION_WAIT_MS = 10_000;
const ATTEMPTS_MAX = 5;
const CONFLICT_DELAY_MS = 5;
const INT8 = 20;
const INT8_ARRAY = 1016;

/** Connections of one service's role, with its schema as the only one in sight. int8 is read as bigint, numeric as text. */
export function createPool(config: DatabaseConfig, log: Log): pg.Pool {
  const settings = {
    search_path: config.schema,
    TimeZone: 'UTC', // the Prisma adapter gives wrong instants otherwise
    default_transaction_isolation: 'read\\ committed',
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: TRANSACTION_TIMEOUT_MS,
  };
  const pool = new pg.Pool({
    connectionString: config.url,
    max: config.poolSizeMax,
    connectionTimeoutMillis: CONNECTION_WAIT_MS,
    application_name: `valora-${config.schema}`,
    options: Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`).join(' '),
    types: exactTypes(),
  });
  // An idle connection that breaks is replaced at the next use; without a listener the event would end the process.
  pool.on('error', (error) => log.warn('An idle database connection broke.', { schema: config.schema }, error));
  return pool;
}

/** Opens a service's database. `createClient` makes its generated Prisma client: `(adapter) => new PrismaClient({ adapter })`. */
export function openDatabase<Transaction extends PrismaTransaction>(
  { config, log, metrics, createClient }: { config: DatabaseConfig; log: Log; metrics?: DatabaseMetrics; createClient: (adapter: PrismaPg) => TransactingClient<Transaction> },
): Database<Transaction> {
  const pool = createPool(config, log);
  const client = createClient(new PrismaPg(pool, { schema: config.schema }));
  const options = { maxWait: CONNECTION_WAIT_MS, timeout: TRANSACTION_TIMEOUT_MS };
  metrics?.observe(pool, config.poolSizeMax);
  const attempt = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => observed(metrics?.begin('PRISMA'), (observer) => client.$transaction(async (tx) => {
    if (observer !== undefined) observeTransaction(tx, observer);
    return await work(tx);
  }, options));
  return {
    transaction: (organizationId, work) => repeatOnConflict(metrics, () => attempt(async (tx) => {
      await tx.$queryRawUnsafe(`select set_config('app.organization', $1, true)`, named(organizationId));
      return await work(tx);
    })),
    transactionAcrossOrganizations: (work) => repeatOnConflict(metrics, () => attempt(work)),
    bulk: (organizationId, work) => repeatOnConflict(metrics, () => observed(metrics?.begin('PG'), (observer) => bulkTransaction(pool, { organizationId: named(organizationId), observer }, work))),
    async close() {
      // The pool ends before its sockets do: a server that stops meanwhile is no news.
      pool.removeAllListeners('error').on('error', () => {});
      await client.$disconnect();
      await pool.end();
    },
  };
}

async function observed<T>(observer: ObservedTransaction | undefined, attempt: (observer: ObservedTransaction | undefined) => Promise<T>): Promise<T> {
  try {
    const result = await attempt(observer);
    observer?.ended('COMMITTED');
    return result;
  } catch (error) {
    observer?.ended('ROLLED_BACK');
    throw error;
  }
}

async function bulkTransaction<T>(
  pool: pg.Pool, { organizationId, observer }: { organizationId: string; observer: ObservedTransaction | undefined }, work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => { broken = error; };
  client.on('error', onError);
  try {
    // Two statements in one round trip, which the protocol allows only without parameters.
    await client.query(`begin; select set_config('app.organization', ${client.escapeLiteral(organizationId)}, true)`);
    const result = await work(sqlOfClient(client, observer));
    const commitStartMs = performance.now();
    const { command } = await client.query('commit');
    observer?.commitTook(performance.now() - commitStartMs);
    if (command !== 'COMMIT') throw new Error('The transaction was rolled back: one of its statements had failed, and the error was swallowed.');
    return result;
  } catch (error) {
    await client.query('rollback').catch((rollbackError: unknown) => { broken ??= rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError)); });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

async function repeatOnConflict<T>(metrics: DatabaseMetrics | undefined, attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      const conflict = isTransactionConflict(error);
      if (conflict) metrics?.conflict();
      if (conflict && attempts < ATTEMPTS_MAX) {
        await delay(attempts * CONFLICT_DELAY_MS); // lets the other side finish: at once, the two would meet again
        continue;
      }
      if (!conflict && !isDatabaseUnavailable(error)) throw error;
      metrics?.unavailable();
      throw new DatabaseUnavailable(error);
    }
  }
}

function named(organizationId: string): string {
  if (organizationId === '') throw new Error('A transaction needs an organization.');
  return organizationId;
}

/** pg gives int8 as text. An array here has one dimension, and its items need no quotes. */
export function exactTypes(): pg.TypeOverrides {
  const types = new pg.TypeOverrides();
  types.setTypeParser(INT8, BigInt);
  types.setTypeParser(INT8_ARRAY, (text) => text.slice(1, -1).split(',').filter((item) => item !== '').map((item) => (item === 'NULL' ? null : BigInt(item))));
  return types;
}
