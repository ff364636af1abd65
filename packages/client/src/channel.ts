// The connection: TLS, limits, and the retry service config, which gRPC itself follows. The same config is a file for
// callers in other languages.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Client, credentials, type ChannelCredentials, type ClientOptions } from '@grpc/grpc-js';

export interface TlsOptions {
  /** PEM of the authorities that are trusted; absent for those that Node trusts. */
  readonly ca?: string | undefined;
  /** PEM of the caller's own certificate and key, where the server asks for one. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** The name that the server's certificate must have, where it isn't the address's. */
  readonly serverName?: string | undefined;
}

export interface ChannelOptions {
  /** `host:port`; a DNS name with several addresses is called in turn. */
  readonly address: string;
  /** Absent: no TLS. */
  readonly tls?: TlsOptions | undefined;
  /** How often a call that met UNAVAILABLE is made again, 0 to 4. */
  readonly retries: number;
}

interface ServiceConfig {
  readonly loadBalancingConfig: readonly unknown[];
  readonly methodConfig: readonly { readonly retryPolicy: object }[];
}

export const RETRIES_MAX = 4;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
/** What gRPC keeps of a request in order to send it again: more than the largest request that Valora takes. */
const RETRY_BYTES_MAX = 20 * 1024 * 1024;
const RECONNECT_MS = { first: 100, last: 5_000 };

/** The file's text: a gRPC service config, https://github.com/grpc/grpc/blob/master/doc/service_config.md */
export const retryServiceConfig: string = readFileSync(createRequire(import.meta.url).resolve('@valora/client/retry-service-config.json'), 'utf8');

export function openChannel({ address, tls, retries }: ChannelOptions): Client {
  if (!Number.isInteger(retries) || retries < 0 || retries > RETRIES_MAX) throw new RangeError(`retries must lie in 0 … ${RETRIES_MAX}.`);
  const options: ClientOptions = {
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
    'grpc.per_rpc_retry_buffer_size': RETRY_BYTES_MAX,
    'grpc.retry_buffer_size': MESSAGE_BYTES_MAX,
    'grpc.initial_reconnect_backoff_ms': RECONNECT_MS.first,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS.last,
    'grpc.service_config': serviceConfig(retries),
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_retries': retries === 0 ? 0 : 1,
    ...(tls?.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName }),
  };
  return new Client(address, channelCredentials(tls), options);
}

function serviceConfig(retries: number): string {
  const { loadBalancingConfig, methodConfig } = JSON.parse(retryServiceConfig) as ServiceConfig;
  if (retries === 0) return JSON.stringify({ loadBalancingConfig, methodConfig: [] });
  return JSON.stringify({ loadBalancingConfig, methodConfig: methodConfig.map((each) => ({ ...each, retryPolicy: { ...each.retryPolicy, maxAttempts: retries + 1 } })) });
}

function channelCredentials(tls: TlsOptions | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.certificate));
}
