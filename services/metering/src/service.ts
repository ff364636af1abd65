/** Metering, put together: what usage means, what was used, and how much of it was known when. */
import {
  auditHandlers, createFindSandboxTime, createPeerAuthenticate, createServiceGround, fenceHandlers, openServiceDatabase, unaryService,
  type Platform, type RunningService,
} from '@valora/chassis';
import { AuditServiceService } from '@valora/contracts/valora/metering/v1/audit';
import { FenceServiceService } from '@valora/contracts/valora/metering/v1/fence';
import { MeterServiceService } from '@valora/contracts/valora/metering/v1/meter';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { aggregateUsage } from './aggregate-usage.ts';
import { checkUsage } from './check-usage.ts';
import { releaseUsage, voidUsage } from './correct-usage.ts';
import { createMeter } from './create-meter.ts';
import type { Transaction } from './dependencies.ts';
import { findLateUsage } from './find-late-usage.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { createIngestQueue, INGEST_LIMITS } from './ingest-queue.ts';
import { createMeterCache } from './meter-store.ts';
import { createIngestMetrics } from './metrics.ts';
import { queryUsage } from './query-usage.ts';
import { getMeter, listMeters } from './read-meters.ts';
import { listUsageReleases, listUsageVoids } from './read-usage-corrections.ts';
import { getUsageEvent, listUsageEvents } from './read-usage-events.ts';
import { createBatchWriter, recordUsage } from './record-usage.ts';
import { streamUsage } from './stream-usage.ts';

export { archiveUsage, ArchiveRefused } from './archive-usage.ts';

export async function createMeteringService(platform: Platform): Promise<RunningService> {
  const { log, admission, metrics, peer, closePeers } = createServiceGround(platform, 'metering');
  const tenancy = peer('tenancy');
  const database = openServiceDatabase<Transaction>({ platform, service: 'metering', ground: { log, metrics }, createClient: (adapter) => new PrismaClient({ adapter }) });
  const meters = createMeterCache({ database });
  const ingest = createIngestMetrics(metrics.registry);
  const queue = createIngestQueue(createBatchWriter({ database }), INGEST_LIMITS, ingest.committing);
  ingest.observe(queue);
  const dependencies = { database, findSandboxTime: createFindSandboxTime(tenancy), meters, queue, metrics: ingest };

  const unary = { authenticate: createPeerAuthenticate(platform, tenancy), admission, log, metrics };
  const services = [
    unaryService(MeterServiceService, {
      createMeter: (context, request) => createMeter(dependencies, context, request),
      getMeter: (context, request) => getMeter(meters, context, request),
      listMeters: (context, request) => listMeters(dependencies, context, request),
    }, unary),
    unaryService(UsageServiceService, {
      recordUsage: (context, request) => recordUsage(dependencies, context, request),
      streamUsage: (context) => streamUsage(dependencies, context),
      queryUsage: (context, request) => queryUsage(dependencies, context, request),
      voidUsage: (context, request) => voidUsage(dependencies, context, request),
      releaseUsage: (context, request) => releaseUsage(dependencies, context, request),
      listUsageVoids: (context, request) => listUsageVoids(dependencies, context, request),
      listUsageReleases: (context, request) => listUsageReleases(dependencies, context, request),
      getUsageEvent: (context, request) => getUsageEvent(dependencies, context, request),
      listUsageEvents: (context, request) => listUsageEvents(dependencies, context, request),
      aggregateUsage: (context, request) => aggregateUsage(dependencies, context, request),
      findLateUsage: (context, request) => findLateUsage(dependencies, context, request),
      checkUsage: (context, request) => checkUsage(dependencies, context, request),
    }, unary),
    unaryService(AuditServiceService, auditHandlers(database, metrics.audit), unary),
    unaryService(FenceServiceService, fenceHandlers(dependencies), unary),
  ];
  return {
    name: 'metering',
    registry: metrics.registry,
    services,
    async close() {
      closePeers();
      await database.close();
    },
  };
}
