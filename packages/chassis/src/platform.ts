// What a service is given to stand on, the same whether it runs alone or with the others in one process: where its
// database is, the keys of credentials, and where its peers listen. A service builds its own dependencies from it.
import { credentials, type ChannelCredentials } from '@grpc/grpc-js';
import { createAdmission, type Admission } from './admission.ts';
import { createPeer, type Peer } from './call.ts';
import { createServiceTokenIssuer } from './credentials.ts';
import { openDatabase, type Database, type PrismaTransaction } from './database.ts';
import { createLog, type Log } from './log.ts';
import { createServiceMetrics, type ServiceMetrics } from './metrics.ts';
import { serviceRole } from './service-role.ts';
import type { RegisteredService } from './unary.ts';
import type { Registry } from 'prom-client';

export const serviceNames = ['tenancy', 'metering', 'pricing', 'subscription', 'invoicing', 'scheduler'] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface Platform {
  /** The PostgreSQL server and database, with the login of a service's own role. */
  readonly databaseUrl: (service: ServiceName) => string;
  /** Signs and checks service tokens. */
  readonly serviceTokenKey: Uint8Array;
  /** SHA-256 of the operator credential. */
  readonly operatorDigest: Uint8Array;
  /** Where a service listens: a gRPC target, `host:port` for one. Asked for at the first call. */
  readonly peerAddress: (service: ServiceName) => string;
  /** How peers are spoken to; absent: without TLS, on one machine or in one process. */
  readonly peerCredentials?: ChannelCredentials;
  /** Connections to the database for each service. */
  readonly poolSizeMax: number;
  readonly writeLog?: (line: string) => void;
}

export interface RunningService {
  readonly name: ServiceName;
  readonly services: readonly RegisteredService[];
  /** What the service measures, for serveMetrics. */
  readonly registry: Registry;
  /** Begins no more work of its own; called when the process is to stop, while calls are still taken. */
  readonly quiesce?: () => void;
  close(): Promise<void>;
}

/** What every service makes of its platform first. */
export interface ServiceGround {
  readonly log: Log;
  readonly admission: Admission;
  readonly metrics: ServiceMetrics;
  peer(service: ServiceName): Peer;
  closePeers(): void;
}

const MEGABYTE = 1024 * 1024;
const ADMISSION_LIMITS = {
  runningMax: 64, waitingMax: 1_024, waitingBytesMax: 128 * MEGABYTE, shareRunningMax: 40, shareWaitingMax: 512, shareWaitingBytesMax: 64 * MEGABYTE,
} as const;

export function createServiceGround(platform: Platform, service: ServiceName): ServiceGround {
  const tokens = createServiceTokenIssuer(platform.serviceTokenKey);
  const peers = new Map<ServiceName, Peer>();
  const metrics = createServiceMetrics(service);
  const admission = createAdmission(ADMISSION_LIMITS);
  metrics.admission.observe(admission);
  return {
    log: platform.writeLog === undefined ? createLog(service) : createLog(service, platform.writeLog),
    admission, metrics,
    peer(name) {
      const peer = peers.get(name) ?? createPeer({ address: () => platform.peerAddress(name), channelCredentials: platform.peerCredentials ?? credentials.createInsecure(), service, tokens, metrics: metrics.rpc });
      peers.set(name, peer);
      return peer;
    },
    closePeers() {
      for (const peer of peers.values()) peer.close();
    },
  };
}

/** Opens the service's own schema, logged in as its own role. `createClient` makes its generated Prisma client: `(adapter) => new PrismaClient({ adapter })`. */
export function openServiceDatabase<Transaction extends PrismaTransaction>(
  { platform, service, ground: { log, metrics }, createClient }: { platform: Platform; service: ServiceName; ground: Pick<ServiceGround, 'log' | 'metrics'>; createClient: Parameters<typeof openDatabase<Transaction>>[0]['createClient'] },
): Database<Transaction> {
  return openDatabase({ config: { url: platform.databaseUrl(service), schema: service, poolSizeMax: platform.poolSizeMax }, log, metrics: metrics.database, createClient });
}

/** The services' logins, from the owner's URL: all of it but user and password holds for them too, TLS settings among it. */
export function serviceDatabaseUrls(ownerUrl: string, roleSecret: string): (service: ServiceName) => string {
  return (service) => {
    const url = new URL(ownerUrl);
    const role = serviceRole(service, roleSecret);
    url.username = role.name;
    url.password = role.password;
    return url.href;
  };
}
