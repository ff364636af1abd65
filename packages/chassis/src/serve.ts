// A gRPC server for one or more services: limits against hostile clients, health, reflection, and draining. Health turns
// to NOT_SERVING before anything else stops, in-flight calls finish within the grace period, the rest is cut.
import { setTimeout as delay } from 'node:timers/promises';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { addReflection } from './reflection.ts';
import type { RegisteredService } from './unary.ts';

const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const STREAMS_PER_CONNECTION_MAX = 128;
const METADATA_BYTES_MAX = 16 * 1024;

/** The name under which health says that the process is sound: SERVING also while it drains, or it would be killed for stopping. */
export const LIVENESS = 'liveness';

export interface ServeOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly credentials: ServerCredentials;
  readonly services: readonly RegisteredService[];
  readonly reflection: boolean;
  /** `host:port` of a second listener without TLS that serves health alone; empty or absent for none. */
  readonly healthAddress?: string;
}

export interface RunningServer {
  readonly port: number;
  /**
   * Says NOT_SERVING, takes calls for `drainMs` more, then no new ones and no more messages of streams, lets what runs finish for
   * at most `graceMs`, and cuts the rest.
   */
  stop(graceMs: number, drainMs?: number): Promise<void>;
}

function nameOf({ definition }: RegisteredService): string {
  const [method] = Object.values(definition);
  return method?.path.split('/')[1] ?? '';
}

export async function serve({ address, credentials, services, reflection, healthAddress = '' }: ServeOptions): Promise<RunningServer> {
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_concurrent_streams': STREAMS_PER_CONNECTION_MAX,
    'grpc.max_metadata_size': METADATA_BYTES_MAX,
  });
  const names = services.map(nameOf);
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  const health = new HealthImplementation(Object.fromEntries(['', LIVENESS, ...names].map((name) => [name, 'SERVING'])));
  health.addToServer(server);
  if (reflection) addReflection(server, [...names, 'grpc.health.v1.Health']);
  const probes = healthAddress === '' ? null : new Server();
  if (probes !== null) health.addToServer(probes);
  const port = await bind(server, address, credentials);
  try {
    if (probes !== null) await bind(probes, healthAddress, ServerCredentials.createInsecure());
  } catch (error) {
    server.forceShutdown();
    throw error;
  }
  return {
    port,
    async stop(graceMs, drainMs = 0) {
      for (const name of ['', ...names]) health.setStatus(name, 'NOT_SERVING');
      if (drainMs > 0) await delay(drainMs);
      for (const { drain } of services) drain();
      await shutDown(server, graceMs);
      probes?.forceShutdown();
    },
  };
}

async function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => (error === null ? resolve(bound) : reject(new Error(`cannot listen on ${address}: ${error.message}`))));
  });
}

async function shutDown(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
