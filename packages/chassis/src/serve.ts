// A gRPC server for one or more services: limits against hostile clients, health, reflection, and draining. Health turns
// to NOT_SERVING before anything else stops, in-flight calls finish within the grace period, the rest is cut.
import { Server, type ServerCredentials } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { addReflection } from './reflection.ts';
import type { RegisteredService } from './unary.ts';

const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const STREAMS_PER_CONNECTION_MAX = 128;
const METADATA_BYTES_MAX = 16 * 1024;

export interface ServeOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly credentials: ServerCredentials;
  readonly services: readonly RegisteredService[];
  readonly reflection: boolean;
}

export interface RunningServer {
  readonly port: number;
  /** Stops taking calls, lets running ones finish for at most `graceMs`, then cuts the rest. */
  stop(graceMs: number): Promise<void>;
}

function nameOf({ definition }: RegisteredService): string {
  const [method] = Object.values(definition);
  return method?.path.split('/')[1] ?? '';
}

export async function serve({ address, credentials, services, reflection }: ServeOptions): Promise<RunningServer> {
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_concurrent_streams': STREAMS_PER_CONNECTION_MAX,
    'grpc.max_metadata_size': METADATA_BYTES_MAX,
  });
  const names = services.map(nameOf);
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  const health = new HealthImplementation(Object.fromEntries(['', ...names].map((name) => [name, 'SERVING'])));
  health.addToServer(server);
  if (reflection) addReflection(server, [...names, 'grpc.health.v1.Health']);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => (error === null ? resolve(bound) : reject(new Error(`cannot listen on ${address}: ${error.message}`))));
  });
  return {
    port,
    async stop(graceMs) {
      for (const name of ['', ...names]) health.setStatus(name, 'NOT_SERVING');
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
    },
  };
}
