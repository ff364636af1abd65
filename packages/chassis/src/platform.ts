// What a service is given to stand on, the same whether it runs alone or with the others in one process: where its
// database is, the keys of credentials, and where its peers listen. A service builds its own dependencies from it.
import { credentials } from '@grpc/grpc-js';
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
  /** The PostgreSQL server and database, as its owner; services take host, port and database from it and log in as their own role. */
  readonly databaseUrl: string;
  /** The passwords of the services' database roles derive from it. */
  readonly roleSecret: string;
  /** Signs and checks service tokens. */
  readonly serviceTokenKey: Uint8Array;
  /** SHA-256 of the operator credential. */
  readonly operatorDigest: Uint8Array;
  /** `host:port` of a service. */
  readonly peerAddress: (service: ServiceName) => string;
  /** Connections to the database for each service. */
  readonly poolSizeMax: number;
  readonly writeLog?: (line: string) => void;
}

export interface RunningService {
  readonly name: ServiceName;
  readonly services: readonly RegisteredService[];
  /** What the service measures, for serveMetrics. */
  readonly registry: Registry;
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

const ADMISSION_LIMITS = { runningMax: 64, waitingMax: 1_024, shareRunningMax: 40, shareWaitingMax: 512 } as const;

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
      const peer = peers.get(name) ?? createPeer({ address: () => platform.peerAddress(name), channelCredentials: credentials.createInsecure(), service, tokens, metrics: metrics.rpc });
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
  // The rest of the URL, TLS settings among it, holds for the services too.
  const url = new URL(platform.databaseUrl);
  const role = serviceRole(service, platform.roleSecret);
  url.username = role.name;
  url.password = role.password;
  return openDatabase({ config: { url: url.href, schema: service, poolSizeMax: platform.poolSizeMax }, log, metrics: metrics.database, createClient });
}
