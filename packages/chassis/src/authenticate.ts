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
/** Look-ups under way at once: made-up keys cost others no more than these. */
const LOOK_UPS_MAX = 64;
const MICROS_PER_MS = 1000n;

export function createAuthenticate(dependencies: AuthenticateDependencies): Authenticate {
  // Apart, so that a flood of made-up keys can't drive out good ones.
  const present = new Map<string, { verifier: ApiKeyVerifier; untilMs: number }>();
  const absent = new Map<string, { untilMs: number }>();
  const underWay = new Map<string, Promise<ApiKeyVerifier | null>>();

  async function lookUp(name: string, organizationId: string, keyId: string): Promise<ApiKeyVerifier | null> {
    const startMs = performance.now();
    try {
      const verifier = await dependencies.findApiKey(organizationId, keyId);
      if (verifier === null) remember(absent, name, { untilMs: startMs + REMEMBERED_ABSENT_MS });
      else remember(present, name, { verifier, untilMs: startMs + REMEMBERED_MS });
      return verifier;
    } finally {
      underWay.delete(name);
    }
  }

  function findApiKey(organizationId: string, keyId: string): Promise<ApiKeyVerifier | null> {
    const name = `${organizationId}/${keyId}`;
    const nowMs = performance.now();
    const known = present.get(name);
    if (known !== undefined && nowMs < known.untilMs) return Promise.resolve(known.verifier);
    if (nowMs < (absent.get(name)?.untilMs ?? 0)) return Promise.resolve(null);
    const joined = underWay.get(name);
    if (joined !== undefined) return joined;
    // A key that was good a while ago is asked for again whatever the flood.
    if (known === undefined && underWay.size >= LOOK_UPS_MAX) return Promise.reject(commonErrors.OVERLOADED());
    const started = lookUp(name, organizationId, keyId);
    underWay.set(name, started);
    return started;
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

/** Adds an entry; beyond the bound the oldest goes. */
function remember<Entry>(memory: Map<string, Entry>, name: string, entry: Entry): void {
  memory.delete(name);
  memory.set(name, entry);
  if (memory.size <= REMEMBERED_MAX) return;
  for (const oldest of memory.keys()) {
    memory.delete(oldest);
    return;
  }
}
