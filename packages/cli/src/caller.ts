// The rpcs that set a sample up, by noun: a client has them all.
import type { Connection } from './connect.ts';

export type Caller = Connection;

export function callerOf(connection: Connection): Caller {
  return connection;
}
