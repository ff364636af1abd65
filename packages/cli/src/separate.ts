// Six services as six processes on one machine, as on six: each with its own ports and its own login to the database. One that
// ends by itself is started again.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LISTENING, peerVariable, secretDigest, serviceCalls, serviceDatabaseUrls, serviceNames, servicePorts, type ServiceName } from '@valora/chassis';
import type { Secrets } from './secrets.ts';

export interface SeparateOptions {
  readonly secrets: Secrets;
  /** As its owner; migrated. */
  readonly databaseUrl: string;
  /** Where each service listens for callers. */
  readonly addresses: Readonly<Record<ServiceName, string>>;
  readonly reflection: boolean;
  readonly print: (line: string) => void;
}

export interface SeparateServices {
  /** Each service has listened once. */
  readonly listening: Promise<void>;
  /** Ends all of them, those that call others first, and waits. */
  stop(): Promise<void>;
}

const RESTART_DELAY_MS_MIN = 200;
const RESTART_DELAY_MS_MAX = 10_000;
/** A process that lived as long as this is started again without delay. */
const SOUND_MS = 60_000;

export function defaultAddresses(host: string): Readonly<Record<ServiceName, string>> {
  const address = (service: ServiceName): string => `${host}:${servicePorts[service].rpc}`;
  return {
    tenancy: address('tenancy'), metering: address('metering'), pricing: address('pricing'), subscription: address('subscription'), invoicing: address('invoicing'), scheduler: address('scheduler'),
  };
}

export function startSeparate(options: SeparateOptions): SeparateServices {
  const stopping = new AbortController();
  const kept = serviceNames.map((service) => keepRunning(service, { env: environmentOf(service, options), print: options.print, stopping: stopping.signal }));
  return {
    listening: Promise.all(kept.map(({ listening }) => listening)).then(() => {}),
    async stop() {
      stopping.abort();
      for (const { end } of kept.toReversed()) await end();
    },
  };
}

/** What is the owner's, the operator's or a caller's, and an address that six can't share. */
const NOT_INHERITED = ['DATABASE_URL', 'VALORA_ROLE_SECRET', 'VALORA_API_KEY', 'VALORA_HEALTH_ADDRESS', 'PGPASSWORD', 'PGPASSFILE'].flatMap((name) => [name, `${name}_FILE`]);

/** What the service is told: nothing of the database's owner, of other services' logins, or of the operator's credential. */
export function environmentOf(service: ServiceName, { secrets, databaseUrl, addresses, reflection }: Omit<SeparateOptions, 'print'>, environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => !NOT_INHERITED.includes(name))),
    DATABASE_URL: serviceDatabaseUrls(databaseUrl, secrets.roleSecret)(service),
    VALORA_SERVICE_TOKEN_KEY: Buffer.from(secrets.serviceTokenKey).toString('hex'),
    VALORA_OPERATOR_DIGEST: Buffer.from(secretDigest(secrets.operatorCredential)).toString('hex'),
    VALORA_ADDRESS: addresses[service],
    VALORA_METRICS_ADDRESS: `127.0.0.1:${servicePorts[service].metrics}`,
    VALORA_REFLECTION: reflection ? 'on' : 'off',
    ...Object.fromEntries(serviceCalls[service].map((peer) => [peerVariable(peer), addresses[peer]])),
  };
}

interface KeptService {
  readonly listening: Promise<void>;
  end(): Promise<void>;
}

/** Starts the service again whenever it ends, until `stopping`. */
function keepRunning(service: ServiceName, { env, print, stopping }: { env: NodeJS.ProcessEnv; print: (line: string) => void; stopping: AbortSignal }): KeptService {
  const main = fileURLToPath(import.meta.resolve(`@valora/${service}/main`));
  const { promise: listening, resolve: listens } = Promise.withResolvers<void>();
  let child: ChildProcess | null = null;

  async function keep(): Promise<void> {
    for (let delayMs = RESTART_DELAY_MS_MIN; !stopping.aborted; delayMs = Math.min(delayMs * 2, RESTART_DELAY_MS_MAX)) {
      const startMs = performance.now();
      child = spawn(process.execPath, [...process.execArgv, main], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }); // the channel tells it of this process's death
      child.on('message', (message) => { if (message === LISTENING) listens(); });
      await Promise.race([once(child, 'exit'), once(child, 'error')]).catch(() => {});
      if (stopping.aborted) return;
      if (performance.now() - startMs > SOUND_MS) delayMs = RESTART_DELAY_MS_MIN;
      print(`The ${service} service ended by itself; it is started again in ${delayMs} ms.`);
      await delay(delayMs, undefined, { signal: stopping }).catch(() => {});
    }
  }
  const kept = keep();
  return {
    listening,
    async end() {
      child?.kill('SIGTERM');
      await kept;
    },
  };
}
