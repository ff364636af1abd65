/**
 * Plain SQL inside a transaction, whichever of the two clients opened it. Both give and take the same values for text, boolean, integer, bigint, bytea
 * (`Uint8Array`) and arrays of text and bigint. The trap: for all other types they differ or fail (Prisma can't read void, ranges or name[] and makes objects of
 * numeric), so a statement casts those to text.
 */
import type pg from 'pg';
import type { TransactionObserver } from './database-metrics.ts';

export interface Sql {
  /** Measures this transaction; absent where nobody does. */
  readonly observer?: TransactionObserver | undefined;
  /**
   * Rows as the statement names its columns: the type argument is the caller's promise about them. `preparedAs`, a name that no other text has: where a pg client runs it, the
   * statement is parsed and planned once a connection. For the few statements that run thousands of times a second with a plan that no value changes.
   */
  query<Row>(text: string, values?: readonly unknown[], options?: { readonly preparedAs: string }): Promise<Row[]>;
}

/** What every generated Prisma client's transaction can do. */
export interface PrismaTransaction {
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T>;
}

/** By transaction, since Prisma's own object is what travels through the code. */
const observers = new WeakMap<PrismaTransaction, TransactionObserver>();

/** From now on `sqlOf` this transaction tells the observer. */
export function observeTransaction(tx: PrismaTransaction, observer: TransactionObserver): void {
  observers.set(tx, observer);
}

/** SQL in a Prisma transaction. Unsafe in Prisma's name means that the text isn't a template: values still travel as parameters. */
export function sqlOf(tx: PrismaTransaction): Sql {
  return {
    observer: observers.get(tx),
    query: async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => await tx.$queryRawUnsafe<Row[]>(text, ...values),
  };
}

/** SQL on a pg client. */
export function sqlOfClient(client: pg.ClientBase, observer?: TransactionObserver): Sql {
  return {
    observer,
    query: async <Row>(text: string, values: readonly unknown[] = [], options?: { readonly preparedAs: string }): Promise<Row[]> =>
      (await client.query({ text, values: [...values], ...(options === undefined ? {} : { name: options.preparedAs }) })).rows as Row[],
  };
}

/** The only row of a statement that always gives one. */
export async function queryOne<Row>(sql: Sql, text: string, values: readonly unknown[] = []): Promise<Row> {
  return onlyRow(await sql.query<Row>(text, values));
}

/** The first of several would be one by chance. */
export function onlyRow<Row>([row, ...others]: readonly Row[]): Row {
  if (row === undefined || others.length > 0) throw new Error(`A statement that always gives one row gave ${row === undefined ? 'none' : others.length + 1}.`);
  return row;
}
