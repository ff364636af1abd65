/**
 * An API key: what a caller presents, and what that lets it do.
 *
 * The key's text names the organization and carries 256 random bits; only their SHA-256 is stored, so nobody can read a key back, not even the operator. Expiry and
 * revocation end it for good. The trap: a key's life is counted by the real clock, also in a sandbox, whose own clock may stand in another year.
 */
import { apiKeyScopes, apiKeyText, newKeyId, newSecret, secretDigest, timestampFromInstant, type Fields } from '@valora/chassis';
import type { ApiKey as ApiKeyMessage } from '@valora/contracts/valora/tenancy/v1/api_key';
import type { Instant } from '@valora/rating';

export interface ApiKey {
  readonly keyId: string;
  readonly displayName: string;
  readonly scopes: readonly string[];
  readonly secretDigest: Uint8Array<ArrayBuffer>;
  readonly expireTime: Instant | null;
  readonly recordedTime: Instant;
  readonly revokedTime: Instant | null;
}

/** A key that was just made: the only place where its text exists. */
export interface FreshKey {
  readonly keyId: string;
  readonly secretDigest: Uint8Array<ArrayBuffer>;
  readonly text: string;
}

const SCOPES_MAX = 20;
const KEY_ID = /^[a-z0-9]{16}$/;

export function makeFreshKey(organizationId: string): FreshKey {
  const keyId = newKeyId();
  const secret = newSecret();
  return { keyId, secretDigest: new Uint8Array(secretDigest(secret)), text: apiKeyText({ organizationId, keyId, secret }) };
}

/** The key's text, if the key that was answered is the fresh one; empty where the answer is an earlier one, repeated. */
export function textOnce(fresh: FreshKey, answeredKeyId: string | undefined): string {
  return answeredKeyId === fresh.keyId ? fresh.text : '';
}

/** Reads the id of an existing key. */
export function parseKeyId(fields: Fields, value: string): string {
  if (!KEY_ID.test(value)) fields.refuse('key_id', value === '' ? 'MISSING' : 'MALFORMED', 'Must be the id of a key: 16 of a-z and 0-9.');
  return value;
}

/** Reads scopes: known ones, no two alike, kept in the order of the alphabet. */
export function parseScopes(fields: Fields, field: string, values: readonly string[]): readonly string[] {
  fields.count(field, values, { min: 1, max: SCOPES_MAX });
  values.slice(0, SCOPES_MAX).forEach((value, index) => {
    if (!apiKeyScopes.includes(value)) fields.refuse(`${field}[${index}]`, 'UNKNOWN_VALUE', `Must be one of ${apiKeyScopes.join(', ')}.`);
    else if (values.indexOf(value) !== index) fields.refuse(`${field}[${index}]`, 'REPEATED', 'Give each scope once.');
  });
  return values.toSorted();
}

export function apiKeyToProto({ keyId, displayName, scopes, recordedTime, expireTime, revokedTime }: ApiKey): ApiKeyMessage {
  return {
    keyId, displayName, scopes,
    recordedTime: timestampFromInstant(recordedTime),
    expireTime: expireTime === null ? undefined : timestampFromInstant(expireTime),
    revokedTime: revokedTime === null ? undefined : timestampFromInstant(revokedTime),
  };
}
