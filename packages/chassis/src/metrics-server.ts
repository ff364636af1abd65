// GET /metrics over HTTP, for Prometheus: what the services of this process measure, and the process itself (CPU, memory, event
// loop, garbage collection). Nothing else is served, and nobody is asked for a credential: bind it where only the scraper is.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { metricsText } from './metrics.ts';

export interface MetricsServerOptions {
  /** `host:port`; port 0 takes a free one. An IPv6 host stands in brackets. */
  readonly address: string;
  /** One of each service that this process runs. */
  readonly registries: readonly Registry[];
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

const REQUEST_MS_MAX = 10_000;
const HEADER_BYTES_MAX = 8 * 1024;
const CONNECTIONS_MAX = 64;
const ADDRESS = /^(?:\[(?<six>[^\]]+)\]|(?<host>[^:]*)):(?<port>[0-9]{1,5})$/;

/** The process's own metrics, in a registry of their own. */
export function createProcessRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

export async function serveMetrics({ address, registries }: MetricsServerOptions): Promise<MetricsServer> {
  const { six, host, port } = ADDRESS.exec(address)?.groups ?? {};
  if (port === undefined) throw new Error(`The address for metrics must be host:port, not ${address}.`);
  const ownProcess = createProcessRegistry();
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: REQUEST_MS_MAX }, (request, response) => {
    answer(request, response, () => metricsText([ownProcess, ...registries])).catch(() => response.destroy());
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`cannot listen on ${address} for metrics: ${error.message}`)));
    server.listen(Number(port), six ?? (host === '' ? undefined : host), resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the listener for metrics has no port');
  return {
    port: bound.port,
    async close() {
      const closed = new Promise<void>((resolve) => { server.close(() => resolve()); });
      server.closeAllConnections();
      await closed;
      ownProcess.clear();
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, text: () => Promise<string>): Promise<void> {
  const [path] = (request.url ?? '').split('?');
  if (path !== '/metrics') return void response.writeHead(404).end();
  if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
  const body = await text();
  response.writeHead(200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE, 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}
