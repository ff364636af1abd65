/** Tenancy, put together: who is a tenant, how it bills, and who may call for it. */
import {
  auditHandlers, createAuthenticate, createServiceGround, fenceHandlers, openServiceDatabase, unaryService,
  type ApiKeyVerifier, type Platform, type RunningService,
} from '@valora/chassis';
import { ApiKeyServiceService } from '@valora/contracts/valora/tenancy/v1/api_key';
import { AuditServiceService } from '@valora/contracts/valora/tenancy/v1/audit';
import { FenceServiceService } from '@valora/contracts/valora/tenancy/v1/fence';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import { findApiKey } from './api-key-store.ts';
import { changeSettings } from './change-settings.ts';
import { createApiKey } from './create-api-key.ts';
import { createOrganization } from './create-organization.ts';
import { refuseUnknownOrganization, type Dependencies, type Transaction } from './dependencies.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { getApiKeyVerifier } from './get-api-key-verifier.ts';
import { getOrganization } from './get-organization.ts';
import { listApiKeys } from './list-api-keys.ts';
import { listOrganizations } from './list-organizations.ts';
import { listSettingsVersions } from './list-settings-versions.ts';
import { revokeApiKey } from './revoke-api-key.ts';

export async function createTenancyService(platform: Platform): Promise<RunningService> {
  const { log, admission, metrics, closePeers } = createServiceGround(platform, 'tenancy');
  const database = openServiceDatabase<Transaction>({ platform, service: 'tenancy', ground: { log, metrics }, createClient: (adapter) => new PrismaClient({ adapter }) });
  const dependencies: Dependencies = { database, findSandboxTime: refuseUnknownOrganization };

  async function findVerifier(organizationId: string, keyId: string): Promise<ApiKeyVerifier | null> {
    const key = await database.transaction(organizationId, (tx) => findApiKey(tx, organizationId, keyId));
    return key === null ? null : { secretDigest: key.secretDigest, scopes: key.scopes, expireTime: key.expireTime, revoked: key.revokedTime !== null };
  }

  const { serviceTokenKey, operatorDigest } = platform;
  const unary = { authenticate: createAuthenticate({ serviceTokenKey, operatorDigest, findApiKey: findVerifier }), admission, log, metrics };
  const services = [
    unaryService(OrganizationServiceService, {
      createOrganization: (context, request) => createOrganization(dependencies, context, request),
      listOrganizations: (_, request) => listOrganizations(dependencies, request),
      getOrganization: (context) => getOrganization(dependencies, context),
      changeSettings: (context, request) => changeSettings(dependencies, context, request),
      listSettingsVersions: (context) => listSettingsVersions(dependencies, context),
    }, unary),
    unaryService(ApiKeyServiceService, {
      createApiKey: (context, request) => createApiKey(dependencies, context, request),
      listApiKeys: (context, request) => listApiKeys(dependencies, context, request),
      revokeApiKey: (context, request) => revokeApiKey(dependencies, context, request),
      getApiKeyVerifier: (context, request) => getApiKeyVerifier(dependencies, context, request),
    }, unary),
    unaryService(AuditServiceService, auditHandlers(database, metrics.audit), unary),
    unaryService(FenceServiceService, fenceHandlers(dependencies), unary),
  ];
  return {
    name: 'tenancy',
    registry: metrics.registry,
    services,
    async close() {
      closePeers();
      await database.close();
    },
  };
}
