// The subscription service, put together: its database, the services it asks, and its rpcs.
import {
  auditHandlers, createFindSandboxTime, createPeerAuthenticate, createServiceGround, dueWorkHandlers, fenceHandlers, setDueWorkSandboxTime, sqlOf, unaryService,
  type Platform, type RunningService,
} from '@valora/chassis';
import { BillingCycleServiceService, DueWorkServiceService } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { CustomerServiceService } from '@valora/contracts/valora/subscription/v1/customer';
import { AuditServiceService } from '@valora/contracts/valora/subscription/v1/audit';
import { FenceServiceService } from '@valora/contracts/valora/subscription/v1/fence';
import { SubscriptionServiceService } from '@valora/contracts/valora/subscription/v1/subscription';
import { billingCycleHandlers } from './billing-cycles.ts';
import { customerHandlers } from './customers.ts';
import { openSubscriptionDatabase } from './database.ts';
import { dueWorkKinds } from './due-work.ts';
import { createSources } from './sources.ts';
import { subscriptionHandlers } from './subscriptions.ts';

export async function createSubscriptionService(platform: Platform): Promise<RunningService> {
  const { log, admission, metrics, peer, closePeers } = createServiceGround(platform, 'subscription');
  const database = openSubscriptionDatabase(platform, { log, metrics });
  const recording = { database, findSandboxTime: createFindSandboxTime(peer('tenancy')) };
  const sources = createSources({ tenancy: peer('tenancy'), pricing: peer('pricing'), metering: peer('metering') });
  const wrapping = { authenticate: createPeerAuthenticate(platform, peer('tenancy')), admission, log, metrics };
  return {
    name: 'subscription',
    registry: metrics.registry,
    services: [
      unaryService(CustomerServiceService, customerHandlers(recording), wrapping),
      unaryService(SubscriptionServiceService, subscriptionHandlers({ ...recording, sources }), wrapping),
      unaryService(BillingCycleServiceService, billingCycleHandlers({ ...recording, sources, tzdataVersion: timeZoneRules() }), wrapping),
      unaryService(DueWorkServiceService, dueWorkHandlers(database, dueWorkKinds, metrics.dueWork), wrapping),
      unaryService(AuditServiceService, auditHandlers(database, metrics.audit), wrapping),
      unaryService(FenceServiceService, fenceHandlers(recording, (tx, now) => setDueWorkSandboxTime(sqlOf(tx), now)), wrapping),
    ],
    async close() {
      closePeers();
      await database.close();
    },
  };
}

/** The version of the tz database in this Node, for example `2025b`. */
function timeZoneRules(): string {
  const { tz } = process.versions;
  if (tz === undefined) throw new Error('This Node was built without time zone data (full ICU). Use an official build of Node 24.');
  return tz;
}
