/**
 * Errors of the database, told apart by what the caller can do. The same SQLSTATE arrives in two wrappings, pg's own and Prisma's, so it is read here and nowhere
 * else. What means "the database can't be reached or is overloaded" becomes DatabaseUnavailable: repeating the call may help. All else is a rule of ours or a bug.
 */

/** The database can't be reached, dropped the connection, ran out of connections, or took too long. Nothing is known about a commit that was under way. */
export class DatabaseUnavailable extends Error {
  constructor(cause: unknown) {
    super(`The database is unavailable: ${messageOf(cause)}`, { cause });
    this.name = 'DatabaseUnavailable';
  }
}

const SQLSTATE = /^[0-9A-Z]{5}$/;
/** 08 connection, 28 login refused, 53 out of connections, disk or memory, 57P0x shutdown, 57014 and 55P03 and 25P03 timeouts. */
const UNAVAILABLE_SQLSTATE = /^(08|28|53|57P0|57014$|55P03$|25P03$)/;
const UNAVAILABLE_SOCKET_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** Prisma: unreachable, timed out, closed, no connection free, transaction not started or expired. */
const UNAVAILABLE_PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037']);
/** What Prisma would make those codes of. It makes none of what breaks its own BEGIN, COMMIT or ROLLBACK: there the driver adapter's error arrives as it is. */
const UNAVAILABLE_DRIVER_KINDS = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout']);
/** pg throws plain errors for these. */
const UNAVAILABLE_MESSAGES = /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error)/;
const CONFLICTS: readonly (string | undefined)[] = ['40001', '40P01'];

/** The SQLSTATE of an error of pg or Prisma; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  const code = fieldOf(driverCause(error), 'originalCode') ?? (fieldOf(error, 'severity') === undefined ? undefined : fieldOf(error, 'code'));
  return typeof code === 'string' && SQLSTATE.test(code) ? code : undefined;
}

/** Whether a unique key (or exactly this constraint) stood against the statement. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (sqlState(error) !== '23505') return false;
  const violated = fieldOf(fieldOf(driverCause(error), 'constraint'), 'index') ?? fieldOf(error, 'constraint');
  return constraint === undefined || violated === constraint;
}

/** A serialization failure or a deadlock: the whole transaction may be run again. */
export function isTransactionConflict(error: unknown): boolean {
  return CONFLICTS.includes(sqlState(error)) || fieldOf(error, 'code') === 'P2034';
}

export function isDatabaseUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return UNAVAILABLE_SQLSTATE.test(state);
  if (!(error instanceof Error)) return false;
  const kind = fieldOf(driverCause(error), 'kind');
  if (typeof kind === 'string' && UNAVAILABLE_DRIVER_KINDS.has(kind)) return true;
  const code = fieldOf(error, 'code');
  if (typeof code === 'string' && (UNAVAILABLE_SOCKET_CODES.has(code) || UNAVAILABLE_PRISMA_CODES.has(code))) return true;
  return UNAVAILABLE_MESSAGES.test(error.message);
}

/** What the driver adapter saw: inside Prisma's error, or in its own. */
function driverCause(error: unknown): unknown {
  return fieldOf(error, 'name') === 'DriverAdapterError' ? fieldOf(error, 'cause') : fieldOf(fieldOf(fieldOf(error, 'meta'), 'driverAdapterError'), 'cause');
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function messageOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message.trim() : String(cause);
  return text.slice(text.lastIndexOf('\n') + 1);
}
