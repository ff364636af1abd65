/** Voids and releases in the database. */
import type { Page, Sql } from '@valora/chassis';
import { instant, type Instant } from '@valora/rating';
import type { Correction, CorrectionKind, CorrectionOrder } from './usage-correction.ts';

const TABLES: { readonly [Kind in CorrectionKind]: string } = { VOID: 'usage_void', RELEASE: 'usage_release' };

interface CorrectionRow {
  readonly idempotency_key: string;
  readonly reason: string;
  readonly recorded_time: bigint;
}

/** Of the keys, the first in their order that has no event; null if all have. */
export async function findKeyWithoutEvent(sql: Sql, organizationId: string, keys: readonly string[]): Promise<string | null> {
  const rows = await sql.query<{ idempotency_key: string }>(
    'select idempotency_key from usage_key where organization_id = $1 and idempotency_key = any($2::text[])', [organizationId, keys]);
  const taken = new Set(rows.map(({ idempotency_key: key }) => key));
  return keys.find((key) => !taken.has(key)) ?? null;
}

/** Stores a correction for each event that has none of its kind. In byte order of the keys, so that two requests wait for each other and never deadlock. */
export async function insertCorrections(
  sql: Sql, organizationId: string, { kind, idempotencyKeys, reason, recordedTime }: CorrectionOrder & { readonly kind: CorrectionKind; readonly recordedTime: Instant },
): Promise<void> {
  await sql.query(
    `insert into ${TABLES[kind]} (organization_id, idempotency_key, meter_code, customer_reference, event_time, reason, recorded_time)
     select organization_id, idempotency_key, meter_code, customer_reference, event_time, $3, $4::bigint
     from usage_key where organization_id = $1 and idempotency_key = any($2::text[]) order by idempotency_key
     on conflict do nothing`, [organizationId, idempotencyKeys, reason, recordedTime]);
}

/** The corrections of those keys that have one. */
export async function findCorrections(sql: Sql, organizationId: string, kind: CorrectionKind, keys: readonly string[]): Promise<Map<string, Correction>> {
  const rows = await sql.query<CorrectionRow>(
    `select idempotency_key, reason, recorded_time from ${TABLES[kind]} where organization_id = $1 and idempotency_key = any($2::text[])`, [organizationId, keys]);
  return new Map(rows.map((row) => [row.idempotency_key, correctionFromRow(row)]));
}

/** By (recorded time, key); one more than the page holds. */
export async function listCorrections(sql: Sql, organizationId: string, kind: CorrectionKind, { size, after }: Page): Promise<Correction[]> {
  const [afterTime = -(2n ** 63n), afterKey = ''] = after ?? [];
  const rows = await sql.query<CorrectionRow>(
    `select idempotency_key, reason, recorded_time from ${TABLES[kind]}
     where organization_id = $1 and (recorded_time, idempotency_key) > ($2::bigint, $3::text) order by recorded_time, idempotency_key limit $4::integer`,
    [organizationId, afterTime, afterKey, size + 1]);
  return rows.map(correctionFromRow);
}

function correctionFromRow(row: CorrectionRow): Correction {
  return { idempotencyKey: row.idempotency_key, reason: row.reason, recordedTime: instant(row.recorded_time) };
}
