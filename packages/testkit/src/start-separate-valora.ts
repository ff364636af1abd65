// A Valora of separate processes for a test: any number of replicas of each service on one test database.
import { randomBytes } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import { createPeer, createServiceTokenIssuer, newOperatorCredential, peerVariable, secretDigest, serviceCalls, serviceDatabaseUrls, serviceNames, type Peer, type ServiceName } from '@valora/chassis';
import { createClient, type TlsOptions } from '@valora/client';
import { createTestDatabase, type TestDatabase } from './test-database.ts';
import { createOrganizations, type TestValora } from './start-test-valora.ts';
import { freePorts, startServiceProcess, type ServiceProcess } from './service-process.ts';

export interface SeparateValora {
  readonly database: SeparateDatabase;
  readonly operatorCredential: string;
  /** The gRPC target of a service: all its replicas. */
  readonly target: (service: ServiceName) => string;
  readonly replicas: (service: ServiceName) => readonly ServiceProcess[];
  /** `127.0.0.1:port` of a replica's health listener. */
  readonly healthAddress: (service: ServiceName, replica: number) => string;
  /** Ends a replica, by SIGTERM unless told otherwise, and starts it again at the same address; answers the exit code. */
  restart(service: ServiceName, replica: number, signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
  /** `127.0.0.1:port` of a replica. */
  readonly address: (service: ServiceName, replica: number) => string;
  /** Calls a service, or one replica of it, as another service does. */
  peer(service: ServiceName, caller: ServiceName, replica?: number): Peer;
  /** Creates organizations, as every test Valora does. */
  readonly createOrganization: TestValora['createOrganization'];
  stop(): Promise<void>;
}

/** A database with every schema. */
export type SeparateDatabase = Pick<TestDatabase, 'url' | 'roleSecret' | 'drop'>;

export interface SeparateOptions {
  readonly replicas?: number;
  /** Absent: all. Tenancy, which all others ask, is always there. */
  readonly services?: readonly ServiceName[];
  /** Absent: one of the test run's server. */
  readonly database?: SeparateDatabase;
  /** The port of PostgreSQL, as a replica is told it. */
  readonly databasePort?: (service: ServiceName, replica: number) => number | undefined;
  /** For every service beside what it needs. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How callers speak to it; absent: without TLS. */
  readonly tls?: TlsOptions;
}

export async function startSeparateValora({ replicas = 1, services = serviceNames, environment = {}, tls, ...options }: SeparateOptions = {}): Promise<SeparateValora> {
  const database = options.database ?? (await createTestDatabase());
  const ports = await freePorts(serviceNames.length * replicas * 2);
  const operatorCredential = newOperatorCredential();
  const serviceTokenKey = randomBytes(32);
  const secrets = { VALORA_SERVICE_TOKEN_KEY: serviceTokenKey.toString('hex'), VALORA_OPERATOR_DIGEST: Buffer.from(secretDigest(operatorCredential)).toString('hex') };
  const numbers = Array.from({ length: replicas }, (_, replica) => replica);
  const address = (service: ServiceName, replica: number, listener: 0 | 1): string => `127.0.0.1:${ports[(serviceNames.indexOf(service) * replicas + replica) * 2 + listener]}`;
  const target = (service: ServiceName): string => `ipv4:${numbers.map((replica) => address(service, replica, 0)).join(',')}`;
  const databaseUrl = (service: ServiceName, replica: number): string => {
    const url = new URL(serviceDatabaseUrls(database.url, database.roleSecret)(service));
    const port = options.databasePort?.(service, replica);
    if (port !== undefined) url.port = String(port);
    return url.href;
  };

  function start(service: ServiceName, replica: number): Promise<ServiceProcess> {
    return startServiceProcess(service, {
      ...secrets,
      DATABASE_URL: databaseUrl(service, replica),
      VALORA_DATABASE_CONNECTIONS: '8',
      VALORA_ADDRESS: address(service, replica, 0),
      VALORA_HEALTH_ADDRESS: address(service, replica, 1),
      ...Object.fromEntries(serviceCalls[service].map((peer) => [peerVariable(peer), target(peer)])),
      ...environment,
    });
  }

  const running = new Map<ServiceName, ServiceProcess[]>(serviceNames.map((service) => [service, []]));
  const all = serviceNames.filter((service) => service === 'tenancy' || services.includes(service)).flatMap((service) => numbers.map((replica) => ({ service, replica })));
  const started = await Promise.allSettled(all.map(async ({ service, replica }) => { (running.get(service) ?? [])[replica] = await start(service, replica); }));
  const addresses = Object.fromEntries(serviceNames.map((service) => [service, target(service)]));
  const organizations = createOrganizations((credential) => createClient({ address: addresses, credential, tls }), operatorCredential);
  const peers: Peer[] = [];
  const stop = async (): Promise<void> => {
    organizations.close();
    peers.forEach((peer) => peer.close());
    await Promise.all([...running.values()].flat().map((each) => each.end('SIGTERM')));
    await database.drop();
  };
  const failed = started.find((each) => each.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return {
    database, operatorCredential, target, stop,
    createOrganization: organizations.create,
    replicas: (service) => running.get(service) ?? [],
    healthAddress: (service, replica) => address(service, replica, 1),
    address: (service, replica) => address(service, replica, 0),
    peer(service, caller, replica) {
      const peer = createPeer({ address: () => (replica === undefined ? target(service) : address(service, replica, 0)), channelCredentials: credentials.createInsecure(), service: caller, tokens: createServiceTokenIssuer(serviceTokenKey) });
      peers.push(peer);
      return peer;
    },
    async restart(service, replica, signal = 'SIGTERM') {
      const replaced = running.get(service)?.[replica];
      const code = (await replaced?.end(signal)) ?? null;
      (running.get(service) ?? [])[replica] = await start(service, replica);
      return code;
    },
  };
}
