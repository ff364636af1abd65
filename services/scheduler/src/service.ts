// The scheduler, put together: its database, the services it drives, its rpcs and its tick.
import { randomUUID } from 'node:crypto';
import { createPeerAuthenticate, createServiceGround, unaryService, type Platform, type RunningService } from '@valora/chassis';
import { SchedulerServiceService } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { advanceClock } from './advance-clock.ts';
import { openSchedulerDatabase } from './database.ts';
import { jobs } from './job.ts';
import { createSchedulerMetrics } from './metrics.ts';
import { connectPeers } from './peers.ts';
import { jobHandlers } from './run-job.ts';
import { startTicking } from './tick.ts';

/** `tickIntervalMs` null: no tick, jobs run only when asked to. */
export async function createSchedulerService(platform: Platform, { tickIntervalMs }: { tickIntervalMs: number | null }): Promise<RunningService> {
  const { log, admission, metrics, peer, closePeers } = createServiceGround(platform, 'scheduler');
  const database = openSchedulerDatabase(platform, { log, metrics });
  const peers = connectPeers(peer);
  const dependencies = { peers, database, log, metrics: createSchedulerMetrics(metrics.registry), elapsedMs: () => performance.now(), newUuid: randomUUID };
  const ticking = tickIntervalMs === null ? null : startTicking(dependencies, { jobs: Object.values(jobs), intervalMs: tickIntervalMs });
  return {
    name: 'scheduler',
    registry: metrics.registry,
    services: [
      unaryService(SchedulerServiceService, {
        ...jobHandlers(dependencies),
        advanceClock: (context, request) => advanceClock(peers, context, request),
      }, { authenticate: createPeerAuthenticate(platform, peer('tenancy')), admission, log, metrics }),
    ],
    quiesce: () => ticking?.quiesce(),
    async close() {
      await ticking?.stop();
      closePeers();
      await database.close();
    },
  };
}
