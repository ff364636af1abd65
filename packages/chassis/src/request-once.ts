/**
 * Answers a mutation once: the answer is stored under (organization, rpc, request_id) in the mutation's own transaction, for ever, and a repetition gets it back.
 * A twin that runs at the same time waits for the first. Rows are insert-only, so an answer can't be reserved first and filled in later: a transaction-level lock
 * on the key does the waiting and the primary key has the last word.
 */
import { queryOne, type Sql } from './sql.ts';

/** The request_id was used before with another body. */
export class RequestIdReused extends Error {
  override readonly name = 'RequestIdReused';
}

export interface RequestKey {
  /** Full path of the rpc. */
  readonly rpc: string;
  readonly requestId: string;
  readonly bodyDigest: Uint8Array;
  /** Microseconds since 1970, from takeRecordedTime in this transaction. */
  readonly recordedTime: bigint;
}

/** Runs `work` and stores its answer, or returns the stored one (`repeated`). Needs an organization's transaction. Throws RequestIdReused. */
export async function requestOnce(
  sql: Sql,
  { rpc, requestId, bodyDigest, recordedTime }: RequestKey,
  work: () => Promise<Uint8Array>,
): Promise<{ response: Uint8Array; repeated: boolean }> {
  // Two keys with one hash would merely wait for each other.
  await sql.query(
    `select pg_advisory_xact_lock(hashtextextended(jsonb_build_array(current_organization(), $1::text, $2::text)::text, 0))::text`, [rpc, requestId]);
  // A statement of its own: the lock's statement began before its wait and would not see what the twin committed meanwhile.
  const [stored] = await sql.query<{ body_digest: Uint8Array; response: Uint8Array }>(
    'select body_digest, response from request where organization_id = current_organization() and rpc = $1 and request_id = $2', [rpc, requestId]);
  if (stored !== undefined) {
    if (Buffer.compare(stored.body_digest, bodyDigest) !== 0) throw new RequestIdReused(`request_id ${requestId} was used before with another body.`);
    return { response: stored.response, repeated: true };
  }

  const response = await work();
  await queryOne(sql,
    `insert into request (organization_id, rpc, request_id, body_digest, response, recorded_time)
     values (current_organization(), $1, $2, $3::bytea, $4::bytea, $5::bigint) returning rpc`, [rpc, requestId, bodyDigest, response, recordedTime]);
  return { response, repeated: false };
}
