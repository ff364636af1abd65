// All six services in one process: one public port, and an internal listener on loopback through which they call each
// other by the same contracts as on six machines. PostgreSQL is embedded unless a URL is given. Migrations run first.
import { ServerCredentials } from '@grpc/grpc-js';
import { secretDigest, serve, serveMetrics, serviceDatabaseUrls, type Platform, type RunningServer, type RunningService } from '@valora/chassis';
import { createInvoicingService } from '@valora/invoicing';
import { createMeteringService } from '@valora/metering';
import { createPricingService } from '@valora/pricing';
import { createSchedulerService } from '@valora/scheduler';
import { createSubscriptionService } from '@valora/subscription';
import { createTenancyService } from '@valora/tenancy';
import { prepareDatabase } from './prepare-database.ts';
import type { Secrets } from './secrets.ts';

export interface ValoraOptions {
  readonly secrets: Secrets;
  /** For the embedded PostgreSQL's files. */
  readonly dataFolder: string;
  /** `host:port` of the public listener; port 0 takes a free one. */
  readonly address: string;
  /** An existing PostgreSQL, as its owner; absent for the embedded one. */
  readonly databaseUrl?: string | undefined;
  /** Null: jobs run only when asked to. */
  readonly tickIntervalMs: number | null;
  readonly reflection: boolean;
  /** `host:port` where /metrics is served; absent for nowhere. */
  readonly metricsAddress?: string | undefined;
  readonly writeLog?: (line: string) => void;
}

export interface RunningValora {
  readonly port: number;
  readonly databaseUrl: string;
  /** What each service measures. */
  readonly registries: readonly RunningService['registry'][];
  stop(): Promise<void>;
}

const GRACE_MS = 10_000;
const POOL_SIZE_MAX = 16;

export async function startValora(options: ValoraOptions): Promise<RunningValora> {
  const { secrets } = options;
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of stops.splice(0).toReversed()) await each();
  };
  try {
    const { dataFolder } = options;
    const { url: databaseUrl, stop: stopDatabase } = await prepareDatabase({ dataFolder, databaseUrl: options.databaseUrl, roleSecret: secrets.roleSecret });
    stops.push(stopDatabase);
    let internalPort = 0;
    const platform: Platform = {
      databaseUrl: serviceDatabaseUrls(databaseUrl, secrets.roleSecret),
      serviceTokenKey: secrets.serviceTokenKey,
      operatorDigest: secretDigest(secrets.operatorCredential),
      peerAddress: () => `127.0.0.1:${internalPort}`,
      poolSizeMax: POOL_SIZE_MAX,
      ...(options.writeLog === undefined ? {} : { writeLog: options.writeLog }),
    };
    const services = await startServices(platform, options.tickIntervalMs, stops);
    const registries = services.map(({ registry }) => registry);
    const listen = (address: string, reflection: boolean): Promise<RunningServer> =>
      serve({ address, credentials: ServerCredentials.createInsecure(), services: services.flatMap((service) => service.services), reflection });
    const internal = await listen('127.0.0.1:0', false);
    internalPort = internal.port;
    stops.push(() => internal.stop(GRACE_MS));
    const open = await listen(options.address, options.reflection);
    stops.push(() => open.stop(GRACE_MS));
    if (options.metricsAddress !== undefined) {
      const metrics = await serveMetrics({ address: options.metricsAddress, registries });
      stops.push(() => metrics.close());
    }
    // Stopped in the opposite order: first nobody begins work of their own that the closing listeners would turn away.
    stops.push(async () => services.forEach((service) => service.quiesce?.()));
    return { port: open.port, databaseUrl, registries, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startServices(platform: Platform, tickIntervalMs: number | null, stops: (() => Promise<void>)[]): Promise<readonly RunningService[]> {
  const started: RunningService[] = [];
  const add = async (starting: Promise<RunningService>): Promise<void> => {
    const service = await starting;
    started.push(service);
    stops.push(() => service.close());
  };
  await add(createTenancyService(platform));
  await add(createMeteringService(platform));
  await add(createPricingService(platform));
  await add(createSubscriptionService(platform));
  await add(createInvoicingService(platform));
  await add(createSchedulerService(platform, { tickIntervalMs }));
  return started;
}
