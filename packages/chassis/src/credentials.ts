// Credentials: what a caller presents in the metadata `authorization`. Three kinds: an organization's API key, the
// operator's credential, and the short-lived token with which services act for an organization among themselves. Secrets
// are 256 random bits, compared by SHA-256 in constant time; a checksum in the text finds typing errors before any look-up.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { Caller } from './context.ts';

const API_KEY = /^vl_(org_[a-z0-9-]{1,40})_([0-9a-f]{16})_([0-9a-f]{64})_([0-9a-f]{8})$/;
const OPERATOR = /^vo_([0-9a-f]{64})_([0-9a-f]{8})$/;
const SECRET_BYTES = 32;
const KEY_ID_BYTES = 8;
const CHECKSUM_LENGTH = 8;

export interface ApiKeyText {
  readonly organizationId: string;
  readonly keyId: string;
  readonly secret: string;
}

function checksum(text: string): string {
  return hash('sha256', text).slice(0, CHECKSUM_LENGTH);
}

function withChecksum(text: string): string {
  return `${text}_${checksum(text)}`;
}

export function secretDigest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** Compares a presented secret with a stored digest in constant time. */
export function secretMatches(secret: string, digest: Uint8Array): boolean {
  const presented = secretDigest(secret);
  return digest.length === presented.length && timingSafeEqual(presented, digest);
}

export function newKeyId(): string {
  return randomBytes(KEY_ID_BYTES).toString('hex');
}

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex');
}

export function apiKeyText({ organizationId, keyId, secret }: ApiKeyText): string {
  return withChecksum(`vl_${organizationId}_${keyId}_${secret}`);
}

/** The parts of an API key, or null for anything that is not one. */
export function parseApiKey(text: string): ApiKeyText | null {
  const [, organizationId, keyId, secret] = API_KEY.exec(text) ?? [];
  if (organizationId === undefined || keyId === undefined || secret === undefined) return null;
  return apiKeyText({ organizationId, keyId, secret }) === text ? { organizationId, keyId, secret } : null;
}

export function newOperatorCredential(): string {
  return withChecksum(`vo_${newSecret()}`);
}

export function isOperatorCredential(text: string): boolean {
  return OPERATOR.test(text) && withChecksum(text.slice(0, -CHECKSUM_LENGTH - 1)) === text;
}

const TOKEN_LIFETIME_SECONDS = 60;
const TOKEN_REUSE_MS = 30_000;
const TOKENS_KEPT_MAX = 10_000;
const TOKEN_ISSUER = 'valora';

export interface ServiceTokenClaims {
  readonly service: string;
  /** Empty to act across organizations. */
  readonly organizationId: string;
  readonly actor: string;
}

/** Scopes a service acts with: it never acts as an organization's administrator. */
const SERVICE_SCOPES = ['internal', 'organization:read', 'catalog:read', 'subscription:read', 'usage:read', 'invoice:read'] as const;

export interface ServiceTokenIssuer {
  issue(claims: ServiceTokenClaims, nowMs: number): Promise<string>;
}

/** Issues signed tokens (JWT, HS256) that live at most 60 seconds; one is used again for half of that. */
export function createServiceTokenIssuer(key: Uint8Array): ServiceTokenIssuer {
  const kept = new Map<string, { token: Promise<string>; issuedMs: number }>();
  return {
    issue({ service, organizationId, actor }, nowMs) {
      const name = JSON.stringify([service, organizationId, actor]);
      const found = kept.get(name);
      if (found !== undefined && nowMs - found.issuedMs < TOKEN_REUSE_MS && nowMs >= found.issuedMs) return found.token;
      if (kept.size >= TOKENS_KEPT_MAX) kept.clear();
      const issuedSeconds = Math.floor(nowMs / 1000);
      const token = new SignJWT({ organization: organizationId, actor, scopes: [...SERVICE_SCOPES] })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setIssuer(TOKEN_ISSUER).setSubject(service).setIssuedAt(issuedSeconds).setExpirationTime(issuedSeconds + TOKEN_LIFETIME_SECONDS)
        .sign(key);
      kept.set(name, { token, issuedMs: nowMs });
      return token;
    },
  };
}

/** The caller and organization of a valid service token, or null. */
export async function verifyServiceToken(key: Uint8Array, token: string): Promise<{ caller: Caller; organizationId: string } | null> {
  try {
    const { payload } = await jwtVerify(token, key, { issuer: TOKEN_ISSUER, algorithms: ['HS256'], maxTokenAge: TOKEN_LIFETIME_SECONDS, requiredClaims: ['exp', 'sub'], clockTolerance: 5 });
    const { organization, actor, scopes } = payload;
    if (typeof organization !== 'string' || typeof actor !== 'string' || !Array.isArray(scopes)) return null;
    return { organizationId: organization, caller: { kind: 'SERVICE', actor, scopes: scopes.filter((scope) => typeof scope === 'string') } };
  } catch {
    return null;
  }
}
