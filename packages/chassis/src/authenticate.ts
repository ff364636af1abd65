// From the presented credential to the caller. Keys are checked against what tenancy stores, remembered for at most five
// seconds, so a revoked key is refused everywhere within that time; if tenancy can't be asked, the call fails closed.
import type { Metadata } from '@grpc/grpc-js';
import type { Instant } from '@valora/rating';
import type { Caller } from './context.ts';
import type { RpcAccess } from './contract.ts';
import { isOperatorCredential, parseApiKey, secretMatches, verifyServiceToken } from './credentials.ts';
import { commonErrors } from './errors.ts';

export interface ApiKeyVerifier {
  readonly secretDigest: Uint8Array;
  readonly scopes: readonly string[];
  readonly expireTime: Instant | null;
  readonly revoked: boolean;
}

export interface AuthenticateDependencies {
  readonly serviceTokenKey: Uint8Array;
  /** SHA-256 of the operator credential. */
  readonly operatorDigest: Uint8Array;
  /** Asks tenancy, or its tables, within a time of its own: callers share one answer, so none's deadline may cut it. Null when there is no such key. */
  findApiKey(organizationId: string, keyId: string): Promise<ApiKeyVerifier | null>;
}

export interface Identity {
  readonly organizationId: string;
  readonly caller: Caller;
}

export type Authenticate = (metadata: Metadata) => Promise<Identity>;

const REMEMBERED_MS = 5_000;
const REMEMBERED_ABSENT_MS = 1_000;
const REMEMBERED_MAX = 10_000;
const MICROS_PER_MS = 1000n;

export function createAuthenticate(dependencies: AuthenticateDependencies): Authenticate {
  const remembered = new Map<string, { verifier: Promise<ApiKeyVerifier | null>; untilMs: number }>();

  function findApiKey(organizationId: string, keyId: string): Promise<ApiKeyVerifier | null> {
    const name = `${organizationId}/${keyId}`;
    const nowMs = performance.now();
    const found = remembered.get(name);
    if (found !== undefined && nowMs < found.untilMs) return found.verifier;
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    const verifier = dependencies.findApiKey(organizationId, keyId);
    const entry = { verifier, untilMs: nowMs + REMEMBERED_MS };
    remembered.set(name, entry);
    verifier.then(
      (answer) => { if (answer === null) entry.untilMs = Math.min(entry.untilMs, nowMs + REMEMBERED_ABSENT_MS); },
      () => { if (remembered.get(name) === entry) remembered.delete(name); },
    );
    return verifier;
  }

  async function withApiKey(text: string): Promise<Identity> {
    const key = parseApiKey(text);
    if (key === null) throw commonErrors.CREDENTIAL_INVALID();
    const verifier = await findApiKey(key.organizationId, key.keyId);
    const nowMicros = BigInt(Date.now()) * MICROS_PER_MS;
    if (verifier === null || !secretMatches(key.secret, verifier.secretDigest) || verifier.revoked
      || (verifier.expireTime !== null && verifier.expireTime <= nowMicros)) throw commonErrors.CREDENTIAL_INVALID();
    return { organizationId: key.organizationId, caller: { kind: 'API_KEY', actor: `key:${key.organizationId}/${key.keyId}`, scopes: verifier.scopes } };
  }

  return async (metadata) => {
    const [authorization] = metadata.get('authorization');
    if (authorization === undefined) throw commonErrors.CREDENTIAL_MISSING();
    const text = authorization.toString();
    if (!text.startsWith('Bearer ')) throw commonErrors.CREDENTIAL_INVALID();
    const credential = text.slice('Bearer '.length);
    if (credential.startsWith('vl_')) return withApiKey(credential);
    if (credential.startsWith('vo_')) {
      if (!isOperatorCredential(credential) || !secretMatches(credential, dependencies.operatorDigest)) throw commonErrors.CREDENTIAL_INVALID();
      return { organizationId: '', caller: { kind: 'OPERATOR', actor: 'operator', scopes: ['operator'] } };
    }
    const identity = await verifyServiceToken(dependencies.serviceTokenKey, credential);
    if (identity === null) throw commonErrors.CREDENTIAL_INVALID();
    return identity;
  };
}

/** Throws unless the caller may use an rpc with this access. Errors: SCOPE_MISSING, ORGANIZATION_NAMED, ORGANIZATION_MISSING. */
export function requireAccess({ caller, organizationId }: Identity, { scope, acrossOrganizations }: Pick<RpcAccess, 'scope' | 'acrossOrganizations'>): void {
  const administrator = caller.kind === 'API_KEY' && caller.scopes.includes('admin') && scope !== 'internal' && scope !== 'operator';
  if (!administrator && !caller.scopes.includes(scope)) throw commonErrors.SCOPE_MISSING({ scope });
  if (acrossOrganizations && organizationId !== '') throw commonErrors.ORGANIZATION_NAMED();
  if (!acrossOrganizations && organizationId === '') throw commonErrors.ORGANIZATION_MISSING();
}
