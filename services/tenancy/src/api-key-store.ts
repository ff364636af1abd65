/** API keys and their revocations in the database. */
import { queryOne, sqlOf, type Page } from '@valora/chassis';
import { instant, type Instant } from '@valora/rating';
import type { ApiKey } from './api-key.ts';
import type { Transaction } from './dependencies.ts';
import type { ApiKey as ApiKeyRow, ApiKeyRevocation as ApiKeyRevocationRow } from './generated/prisma/client.ts';

export async function insertApiKey(tx: Transaction, organizationId: string, { revokedTime: _, scopes, ...facts }: ApiKey): Promise<void> {
  await tx.apiKey.create({ data: { organizationId, scopes: [...scopes], ...facts } });
}

/**
 * How many keys are neither revoked nor expired. Others that create a key wait until this transaction ends, so that together they can't pass the limit.
 */
export async function countLiveKeysLocked(tx: Transaction, organizationId: string): Promise<number> {
  await queryOne(sqlOf(tx), `select pg_advisory_xact_lock(hashtextextended('api_key ' || $1::text, 0))::text`, [organizationId]);
  const { live } = await queryOne<{ live: number }>(sqlOf(tx),
    `select count(*)::integer as live from api_key
     where organization_id = $1 and (expire_time is null or expire_time > now_micros())
       and not exists (select from api_key_revocation as revocation where revocation.organization_id = $1 and revocation.key_id = api_key.key_id)`, [organizationId]);
  return live;
}

/** Records that a key is revoked, and answers since when: one that was revoked before keeps its first time. */
export async function recordRevocation(tx: Transaction, organizationId: string, { keyId, recordedTime }: { keyId: string; recordedTime: Instant }): Promise<Instant> {
  await tx.apiKeyRevocation.createMany({ data: [{ organizationId, keyId, recordedTime }], skipDuplicates: true });
  const stands = await tx.apiKeyRevocation.findUniqueOrThrow({ where: { organizationId_keyId: { organizationId, keyId } } });
  return instant(stands.recordedTime);
}

export async function findApiKey(tx: Transaction, organizationId: string, keyId: string): Promise<ApiKey | null> {
  const row = await tx.apiKey.findUnique({ where: { organizationId_keyId: { organizationId, keyId } }, include: { revocation: true } });
  return row === null ? null : apiKeyFromRow(row);
}

/** One key more than the page holds, so that the caller sees whether there is another page. */
export async function listKeys(tx: Transaction, organizationId: string, { size, after }: Page): Promise<ApiKey[]> {
  const [start = ''] = after ?? [];
  const rows = await tx.apiKey.findMany({
    where: { organizationId, keyId: { gt: start } }, include: { revocation: true }, orderBy: { keyId: 'asc' }, take: size + 1,
  });
  return rows.map(apiKeyFromRow);
}

function apiKeyFromRow({ keyId, displayName, scopes, secretDigest, expireTime, recordedTime, revocation }: ApiKeyRow & { revocation: ApiKeyRevocationRow | null }): ApiKey {
  return {
    keyId, displayName, scopes, secretDigest,
    expireTime: expireTime === null ? null : instant(expireTime),
    recordedTime: instant(recordedTime),
    revokedTime: revocation === null ? null : instant(revocation.recordedTime),
  };
}
