// A service as a process of its own: configuration, database, listeners, and an orderly end. SIGTERM and SIGINT turn health to
// NOT_SERVING first; new calls are taken for the drain time, so that balancers notice; running ones finish within the grace.
import { setTimeout as delay } from 'node:timers/promises';
import { openDatabaseProbe } from './database-probe.ts';
import { createLog, type Log } from './log.ts';
import { serveMetrics, type MetricsServer } from './metrics-server.ts';
import { migrationNames } from './migrate.ts';
import type { Platform, RunningService, ServiceName } from './platform.ts';
import { logProcess } from './process-log.ts';
import { schemaMigrations } from './schema-migrations.ts';
import { serve } from './serve.ts';
import { ConfigInvalid, readServiceConfig, type Environment, type ServiceConfig } from './service-config.ts';

const DATABASE_WAIT_MS_MAX = 120_000;
const DATABASE_POLL_MS = 500;
const EXIT_USAGE = 2;
/** What a process that started this one over a channel is told once the listener is open. */
export const LISTENING = 'listening';

/** Runs the service whose package lies in `folder` until a signal ends it. Sets the exit code; never throws. */
export async function runService(
  name: ServiceName,
  folder: string,
  create: (platform: Platform, config: Pick<ServiceConfig, 'tickMs'>) => Promise<RunningService>,
  environment: Environment = process.env,
): Promise<void> {
  const log = createLog(name);
  logProcess(log);
  try {
    await run(folder, create, { config: readServiceConfig(name, environment), log, stopped: stopSaid(log) });
  } catch (error) {
    if (error instanceof ConfigInvalid) log.error(error.message);
    else log.error('The service ends.', {}, error);
    process.exitCode = error instanceof ConfigInvalid ? EXIT_USAGE : 1;
  }
  if (process.connected) process.disconnect(); // or the channel keeps the process
}

/**
 * Resolves when something says stop: a signal, or the end of a process that started this one over a channel. A second Ctrl-C ends it at once. A second SIGTERM
 * changes nothing: a supervisor that tells the whole group, and the process that started this one, both send one.
 */
function stopSaid(log: Log): Promise<void> {
  return new Promise((resolve) => {
    let interrupts = 0;
    let said = false;
    const stop = (by: string): void => {
      if (!said) log.info('The service is to stop.', { by });
      said = true;
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', () => {
      interrupts += 1;
      if (interrupts > 1) process.exit(1);
      stop('SIGINT');
    });
    if (process.connected) process.once('disconnect', () => stop('disconnect'));
  });
}

async function run(
  folder: string,
  create: (platform: Platform, config: Pick<ServiceConfig, 'tickMs'>) => Promise<RunningService>,
  { config, log, stopped }: { config: ServiceConfig; log: Log; stopped: Promise<void> },
): Promise<void> {
  const stopping = new AbortController();
  void stopped.then(() => stopping.abort());
  await databaseReady(folder, config, { log, signal: stopping.signal });
  if (stopping.signal.aborted) return;
  const service = await create(platformOf(config), config);
  const { address, healthAddress, metricsAddress, serverCredentials, reflection, drainMs, graceMs } = config;
  let metrics: MetricsServer | undefined;
  try {
    if (metricsAddress !== '') metrics = await serveMetrics({ address: metricsAddress, registries: [service.registry] });
    const server = await serve({ address, healthAddress, credentials: serverCredentials, services: service.services, reflection });
    log.info('The service listens.', { address, port: server.port, ...(metrics === undefined ? {} : { metrics_port: metrics.port }) });
    process.send?.(LISTENING);
    await stopped;
    service.quiesce?.();
    await server.stop(graceMs, drainMs);
  } finally {
    await metrics?.close();
    await service.close();
  }
  log.info('The service has ended.');
}

function platformOf({ databaseUrl, databaseConnections, serviceTokenKey, operatorDigest, peerAddress, peerCredentials }: ServiceConfig): Platform {
  return { databaseUrl: () => databaseUrl, poolSizeMax: databaseConnections, serviceTokenKey, operatorDigest, peerAddress, peerCredentials };
}

/** Waits until the database answers with this service's schema up to date: in a new installation, or for a new version, migrations may still be running. */
async function databaseReady(folder: string, { databaseUrl }: ServiceConfig, { log, signal }: { log: Log; signal: AbortSignal }): Promise<void> {
  const { schema, folders } = await schemaMigrations(folder);
  const probe = openDatabaseProbe({ url: databaseUrl, schema, migrations: await migrationNames(folders) });
  const startMs = performance.now();
  for (let attempts = 1; !signal.aborted; attempts += 1) {
    const failure = await probe();
    if (failure === null) return;
    if (performance.now() - startMs > DATABASE_WAIT_MS_MAX) throw new Error(`The database is not ready after ${DATABASE_WAIT_MS_MAX / 1_000} s. Check DATABASE_URL, and that the migrations have run.`, { cause: failure });
    if (attempts === 1) log.info('Waiting for the database.', { cause: failure.message });
    await delay(DATABASE_POLL_MS, undefined, { signal }).catch(() => {});
  }
}
