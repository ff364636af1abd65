// What every other service asks tenancy: whether a presented key is good, and where an organization's clock stands.
import { status } from '@grpc/grpc-js';
import { CallError } from '@valora/client/call';
import { ApiKeyServiceService } from '@valora/contracts/valora/tenancy/v1/api_key';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import type { Instant } from '@valora/rating';
import { createAuthenticate, type Authenticate } from './authenticate.ts';
import type { OutgoingContext, Peer } from './call.ts';
import type { Platform } from './platform.ts';
import { instantFromTimestamp } from './timestamps.ts';

const LOOK_UP_MS = 5_000;

/** Authenticates callers of a service other than tenancy. */
export function createPeerAuthenticate(platform: Platform, tenancy: Peer): Authenticate {
  const apiKeys = tenancy.stub(ApiKeyServiceService);
  return createAuthenticate({
    serviceTokenKey: platform.serviceTokenKey,
    operatorDigest: platform.operatorDigest,
    async findApiKey(organizationId, keyId) {
      try {
        const { apiKey, secretDigest } = await apiKeys.getApiKeyVerifier({ organizationId, deadlineMs: Date.now() + LOOK_UP_MS, callDepth: 0, caller: { actor: 'authentication' } }, { keyId });
        if (apiKey === undefined) return null;
        const { scopes, expireTime, revokedTime } = apiKey;
        return { secretDigest, scopes, expireTime: expireTime === undefined ? null : instantFromTimestamp(expireTime), revoked: revokedTime !== undefined };
      } catch (error) {
        if (error instanceof CallError && error.code === status.NOT_FOUND) return null;
        throw error;
      }
    },
  });
}

/** Where a sandbox's clock stands, read from tenancy and never from a cache; null for an organization on the database's clock. */
export function createFindSandboxTime(tenancy: Peer): (context: OutgoingContext) => Promise<Instant | null> {
  const organizations = tenancy.stub(OrganizationServiceService);
  return async (context) => {
    const { organization, currentTime } = await organizations.getOrganization(context, {});
    if (organization === undefined || currentTime === undefined) throw new Error('tenancy answered no organization');
    return organization.sandbox ? instantFromTimestamp(currentTime) : null;
  };
}
