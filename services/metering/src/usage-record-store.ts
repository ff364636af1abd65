/**
 * Recording usage events and their keys, thousands to a statement.
 *
 * Half of what this costs is carrying values to PostgreSQL, so each column travels as one text, its values apart by a character that none of them can hold, and all digests as
 * one string of bytes. An array parameter would have every value quoted here and unquoted there.
 */
import type { Sql } from '@valora/chassis';
import type { Instant } from '@valora/rating';
import type { Candidate } from './usage-event.ts';

/** U+001F, unit separator. Keys, codes, references and decimals are printable, and JSON text escapes control characters. */
const SEPARATOR = '\u001f';
/** Between separators, for null: no value is empty. */
const NULL = '';
const DIGEST_BYTES = 32;

const COLUMN = (parameter: string): string => `string_to_array(${parameter}, chr(31), '')`;
const DIGEST = `substr($4::bytea, ((position - 1) * ${DIGEST_BYTES} + 1)::integer, ${DIGEST_BYTES})`;

const INSERT = `with candidate as materialized (
    select idempotency_key, ${DIGEST} as content_digest, meter_code, customer_reference, subscription_reference, event_time::bigint, value::numeric, properties::jsonb
    from unnest(${['$3', '$5', '$6', '$7', '$8', '$9', '$10'].map(COLUMN).join(', ')}) with ordinality
      as candidate (idempotency_key, meter_code, customer_reference, subscription_reference, event_time, value, properties, position)
  ), taken as (
    insert into usage_key (organization_id, idempotency_key, content_digest, meter_code, customer_reference, event_time)
    select $1, idempotency_key, content_digest, meter_code, customer_reference, event_time from candidate
    on conflict do nothing
    returning idempotency_key
  ), stored as (
    insert into usage_event
      (organization_id, meter_code, customer_reference, event_time, idempotency_key, subscription_reference, value, properties, content_digest, recorded_time)
    select $1, meter_code, customer_reference, event_time, idempotency_key, subscription_reference, value, properties, content_digest, $2::bigint
    from candidate join taken using (idempotency_key)
  )
  select count(*)::integer as taken, case when count(*) < $11::integer then string_agg(idempotency_key, chr(31)) end as keys from taken`;

interface KeyRow {
  readonly idempotency_key: string;
  readonly content_digest: Uint8Array;
}

/**
 * Takes the keys that are free and stores their events, in one statement; returns the keys taken. Keys are taken in byte order, so that two writers that want the same
 * ones wait for each other and never deadlock. A key that another transaction is taking is waited for, and missing from the answer if that one commits.
 */
export async function insertUsageEvents(
  sql: Sql, organizationId: string, { claimants, recordedTime }: { readonly claimants: ReadonlyMap<string, Candidate>; readonly recordedTime: Instant },
): Promise<ReadonlySet<string>> {
  if (claimants.size === 0) return new Set();
  // All keys are ASCII, so the order of UTF-16 code units is the order of bytes; unnest and the insert keep it.
  const keys = [...claimants.keys()].sort();
  const sorted = keys.flatMap((key) => claimants.get(key) ?? []);
  const column = (valueOf: (candidate: Candidate) => string | bigint | null): string => sorted.map((candidate) => valueOf(candidate) ?? NULL).join(SEPARATOR);
  const [answer] = await sql.query<{ taken: number; keys: string | null }>(INSERT, [
    organizationId, recordedTime, keys.join(SEPARATOR), digestsOf(sorted),
    column(({ event }) => event.meterCode),
    column(({ event }) => event.customerReference),
    column(({ event }) => event.subscriptionReference),
    column(({ event }) => event.eventTime),
    column(({ event }) => event.value),
    column(({ event }) => JSON.stringify(event.properties)),
    keys.length,
  ], { preparedAs: 'insert usage events' });
  if (answer?.taken === keys.length) return new Set(keys); // as nearly always; then they are not carried back
  return new Set(answer?.keys?.split(SEPARATOR));
}

function digestsOf(candidates: readonly Candidate[]): Buffer {
  return Buffer.concat(candidates.map(({ contentDigest }) => contentDigest));
}

/** Of events whose keys are taken, the digests of those that other content holds. A statement of its own after the insert: that one can't see a row it had to wait for. */
export async function findOtherDigests(sql: Sql, organizationId: string, candidates: readonly Candidate[]): Promise<ReadonlyMap<string, Uint8Array>> {
  if (candidates.length === 0) return new Map();
  return digestsByKey(await sql.query<KeyRow>(
    `select key.idempotency_key, key.content_digest
     from unnest(string_to_array($2, chr(31))) with ordinality as candidate (idempotency_key, position)
     join usage_key as key on key.organization_id = $1 and key.idempotency_key = candidate.idempotency_key
     where key.content_digest <> substr($3::bytea, ((position - 1) * ${DIGEST_BYTES} + 1)::integer, ${DIGEST_BYTES})`,
    [organizationId, candidates.map(({ event }) => event.idempotencyKey).join(SEPARATOR), digestsOf(candidates)], { preparedAs: 'find other digests' }));
}

/** The content digests of those keys that are taken. */
export async function findContentDigests(sql: Sql, organizationId: string, keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  if (keys.length === 0) return new Map();
  return digestsByKey(await sql.query<KeyRow>(
    'select idempotency_key, content_digest from usage_key where organization_id = $1 and idempotency_key = any($2::text[])', [organizationId, keys]));
}

function digestsByKey(rows: readonly KeyRow[]): ReadonlyMap<string, Uint8Array> {
  return new Map(rows.map((row) => [row.idempotency_key, row.content_digest]));
}
