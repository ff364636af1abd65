// How a service's channel to another behaves: calls go round the addresses that the target stands for, and one that found nobody
// is made again, a few times and briefly. Rpcs between services may be repeated, save those that claim: a second claim takes other
// work, and leaves what the first one took to its lease.
import type { ChannelOptions } from '@grpc/grpc-js';
import { rpcAccess } from './contract.ts';

const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

const claims = [...rpcAccess.keys()].map((path) => path.split('/')).flatMap(([, service, method]) => (method?.startsWith('Claim') === true ? [{ service, method }] : []));

const serviceConfig = {
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [{
    name: claims,
  }, {
    name: [{}],
    retryPolicy: { maxAttempts: 4, initialBackoff: '0.05s', maxBackoff: '0.5s', backoffMultiplier: 3, retryableStatusCodes: ['UNAVAILABLE'] },
  }],
  // A service that is down gets no more than a tenth of its calls a second time.
  retryThrottling: { maxTokens: 100, tokenRatio: 0.1 },
};

export const peerChannelOptions: ChannelOptions = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  'grpc.service_config': JSON.stringify(serviceConfig),
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.dns_min_time_between_resolutions_ms': 1_000, // replicas come and go
};
