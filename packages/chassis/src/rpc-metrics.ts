// How long calls take, answered and made, named as the semantic conventions of OpenTelemetry name them (v1.44:
// rpc.server.call.duration, rpc.client.call.duration) in the form of Prometheus. Methods are those of the contracts and codes the 17 of
// gRPC, so there are never more series than that.
import { status } from '@grpc/grpc-js';
import { Histogram, type Registry } from 'prom-client';
import { collectedGauge } from './collected-metric.ts';

/** Call it with the code that a call ended with; only the first time counts. */
export type CallEnded = (code: status) => void;

export interface RpcMetrics {
  /** A call begins that this service answers, or that it makes; `path` is `/package.Service/Method`. */
  serverCall(path: string): CallEnded;
  clientCall(path: string): CallEnded;
  /** Streams in both directions, counted when somebody asks. */
  observeStreams(streams: { count(): number }): void;
}

/** Those that the conventions recommend. */
const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const MS_PER_SECOND = 1_000;
const LABELS = ['valora_service', 'rpc_system_name', 'rpc_method', 'rpc_status_code'];

export function createRpcMetrics(registry: Registry, service: string): RpcMetrics {
  const registers = [registry];
  const server = new Histogram({ name: 'rpc_server_call_duration_seconds', help: 'How long answering a call took, from its arrival to its status.', labelNames: LABELS, buckets: BUCKETS_SECONDS, registers });
  const client = new Histogram({ name: 'rpc_client_call_duration_seconds', help: 'How long a call to another service took.', labelNames: LABELS, buckets: BUCKETS_SECONDS, registers });
  const observed: { count(): number }[] = [];
  collectedGauge(registry, { name: 'valora_open_streams', help: 'Open calls that stream both ways.', labelNames: ['valora_service'] },
    (metric) => metric.set({ valora_service: service }, observed.reduce((open, streams) => open + streams.count(), 0)));
  return { serverCall: timer(server, service), clientCall: timer(client, service), observeStreams: (streams) => void observed.push(streams) };
}

function timer(histogram: Histogram, service: string): (path: string) => CallEnded {
  // Labels are resolved once for each method and code.
  const observers = new Map<string, (seconds: number) => void>();
  return (path) => {
    const startMs = performance.now();
    let ended = false;
    return (code) => {
      if (ended) return;
      ended = true;
      const key = `${path} ${code}`;
      const known = observers.get(key);
      const observe = known ?? boundTo(histogram, { valora_service: service, rpc_system_name: 'grpc', rpc_method: path.slice(1), rpc_status_code: status[code] });
      if (known === undefined) observers.set(key, observe);
      observe((performance.now() - startMs) / MS_PER_SECOND);
    };
  };
}

function boundTo(histogram: Histogram, labels: Readonly<Record<string, string>>): (seconds: number) => void {
  const child = histogram.labels(labels);
  return (seconds) => child.observe(seconds);
}
