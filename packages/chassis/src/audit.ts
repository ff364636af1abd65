/**
 * The audit trail: a record for every state change, written in the transaction that makes it, so that neither exists without the other. Sequences are given out
 * under a row lock that lasts until the commit: they have no gaps, and a reader that follows them misses nothing. Call it last in a transaction, because from then
 * on other changes of the organization wait.
 */
import { canonicalJson, instant, type Instant, type JsonValue } from '@valora/rating';
import type { CallContext } from './context.ts';
import { currentTraceId } from './span.ts';
import { queryOne, type Sql } from './sql.ts';

export interface AuditedChange {
  /** `billing cycle acme/3`. */
  readonly subject: string;
  readonly change: JsonValue;
}

export interface AuditRecord {
  readonly sequence: bigint;
  readonly recordedTime: Instant;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly changeJson: string;
  /** By which trace it came about; empty where none was recorded. */
  readonly traceId: string;
}

export interface AuditedCall {
  readonly context: Pick<CallContext, 'caller'>;
  /** The path of the rpc. */
  readonly action: string;
  readonly recordedTime: Instant;
}

/** Appends a record for each change, in their order. Needs an organization's transaction. */
export async function appendAuditRecords(sql: Sql, { context, action, recordedTime }: AuditedCall, changes: readonly AuditedChange[]): Promise<void> {
  if (changes.length === 0) return;
  const count = BigInt(changes.length);
  const { last_sequence: last } = await queryOne<{ last_sequence: bigint }>(sql,
    `insert into audit_head as head (organization_id, last_sequence) values (current_organization(), $1::bigint)
     on conflict (organization_id) do update set last_sequence = head.last_sequence + $1::bigint returning last_sequence`, [count]);
  await sql.query(
    `insert into audit_record (organization_id, sequence, recorded_time, actor, action, subject, change, trace_id)
     select current_organization(), $1::bigint + position, $2::bigint, $3::text, $4::text, audited.subject, audited.change, $7::text
     from unnest($5::text[], $6::text[]) with ordinality as audited (subject, change, position)`,
    [last - count, recordedTime, context.caller.actor, action, changes.map(({ subject }) => subject), changes.map(({ change }) => canonicalJson(change)), currentTraceId() ?? '']);
  sql.observer?.audited(changes.length);
}

/** Up to `limit` records after a sequence, in order. */
export async function listAuditRecords(sql: Sql, { after, limit }: { after: bigint; limit: number }): Promise<AuditRecord[]> {
  const rows = await sql.query<{ sequence: bigint; recorded_time: bigint; actor: string; action: string; subject: string; change: string; trace_id: string }>(
    `select sequence, recorded_time, actor, action, subject, change, trace_id from audit_record
     where organization_id = current_organization() and sequence > $1::bigint order by sequence limit $2::bigint`, [after, BigInt(limit)]);
  return rows.map((row) => ({ sequence: row.sequence, recordedTime: instant(row.recorded_time), actor: row.actor, action: row.action, subject: row.subject, changeJson: row.change, traceId: row.trace_id }));
}

/** The last sequence of the organization, 0 where nothing was recorded. */
export async function lastAuditSequence(sql: Sql): Promise<bigint> {
  const [head] = await sql.query<{ last_sequence: bigint }>('select last_sequence from audit_head where organization_id = current_organization()');
  return head?.last_sequence ?? 0n;
}
