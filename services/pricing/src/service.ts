// The pricing service: its database, its peers, its rpcs.
import { status } from '@grpc/grpc-js';
import {
  CallError, auditHandlers, createFindSandboxTime, createPeerAuthenticate, createServiceGround, fenceHandlers, unaryService,
  type CallContext, type Peer, type Platform, type RunningService,
} from '@valora/chassis';
import { MeterServiceService } from '@valora/contracts/valora/metering/v1/meter';
import { CatalogServiceService } from '@valora/contracts/valora/pricing/v1/catalog';
import { AuditServiceService } from '@valora/contracts/valora/pricing/v1/audit';
import { FenceServiceService } from '@valora/contracts/valora/pricing/v1/fence';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import { catalogHandlers } from './catalog.ts';
import { openPricingDatabase } from './database.ts';

const CURRENCIES_KEPT_MAX = 10_000;

export async function createPricingService(platform: Platform): Promise<RunningService> {
  const { log, admission, metrics, peer, closePeers } = createServiceGround(platform, 'pricing');
  const database = openPricingDatabase(platform, { log, metrics });
  const recording = { database, findSandboxTime: createFindSandboxTime(peer('tenancy')) };
  const catalog = catalogHandlers({ ...recording, findCurrency: createFindCurrency(peer('tenancy')), meterExists: createMeterExists(peer('metering')) });
  const wrapping = { authenticate: createPeerAuthenticate(platform, peer('tenancy')), admission, log, metrics };
  return {
    name: 'pricing',
    registry: metrics.registry,
    services: [
      unaryService(CatalogServiceService, catalog, wrapping),
      unaryService(AuditServiceService, auditHandlers(database, metrics.audit), wrapping),
      unaryService(FenceServiceService, fenceHandlers(recording), wrapping),
    ],
    async close() {
      closePeers();
      await database.close();
    },
  };
}

/** An organization's currency is fixed, so an answer is kept. */
function createFindCurrency(tenancy: Peer): (context: CallContext) => Promise<string> {
  const organizations = tenancy.stub(OrganizationServiceService);
  const kept = new Map<string, string>();
  return async (context) => {
    const known = kept.get(context.organizationId);
    if (known !== undefined) return known;
    const { organization } = await organizations.getOrganization(context, {});
    if (organization === undefined) throw new Error('tenancy answered no organization');
    if (kept.size >= CURRENCIES_KEPT_MAX) kept.clear();
    kept.set(context.organizationId, organization.currencyCode);
    return organization.currencyCode;
  };
}

function createMeterExists(metering: Peer): (context: CallContext, code: string) => Promise<boolean> {
  const meters = metering.stub(MeterServiceService);
  return async (context, code) => {
    try {
      await meters.getMeter(context, { code });
      return true;
    } catch (error) {
      if (error instanceof CallError && error.code === status.NOT_FOUND) return false;
      throw error;
    }
  };
}
