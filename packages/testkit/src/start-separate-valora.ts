// A Valora of separate processes for a test: any number of replicas of each service on one test database.
import { randomBytes } from 'node:crypto';
import { newOperatorCredential, peerVariable, secretDigest, serviceCalls, serviceDatabaseUrls, serviceNames, type ServiceName } from '@valora/chassis';
import { createClient, type TlsOptions } from '@valora/client';
import { createTestDatabase, type TestDatabase } from './test-database.ts';
import { createOrganizations, type TestValora } from './start-test-valora.ts';
import { freePorts, startServiceProcess, type ServiceProcess } from './service-process.ts';

export interface SeparateValora {
  readonly database: TestDatabase;
  readonly operatorCredential: string;
  /** The gRPC target of a service: all its replicas. */
  readonly target: (service: ServiceName) => string;
  readonly replicas: (service: ServiceName) => readonly ServiceProcess[];
  /** `127.0.0.1:port` of a replica's health listener. */
  readonly healthAddress: (service: ServiceName, replica: number) => string;
  /** Ends a replica by SIGTERM and starts it again at the same address; answers the exit code. */
  restart(service: ServiceName, replica: number): Promise<number | null>;
  /** Creates organizations, as every test Valora does. */
  readonly createOrganization: TestValora['createOrganization'];
  stop(): Promise<void>;
}

export interface SeparateOptions {
  readonly replicas?: number;
  /** For every service beside what it needs. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How callers speak to it; absent: without TLS. */
  readonly tls?: TlsOptions;
}

export async function startSeparateValora({ replicas = 1, environment = {}, tls }: SeparateOptions = {}): Promise<SeparateValora> {
  const database = await createTestDatabase();
  const ports = await freePorts(serviceNames.length * replicas * 2);
  const operatorCredential = newOperatorCredential();
  const secrets = { VALORA_SERVICE_TOKEN_KEY: randomBytes(32).toString('hex'), VALORA_OPERATOR_DIGEST: Buffer.from(secretDigest(operatorCredential)).toString('hex') };
  const numbers = Array.from({ length: replicas }, (_, replica) => replica);
  const address = (service: ServiceName, replica: number, listener: 0 | 1): string => `127.0.0.1:${ports[(serviceNames.indexOf(service) * replicas + replica) * 2 + listener]}`;
  const target = (service: ServiceName): string => `ipv4:${numbers.map((replica) => address(service, replica, 0)).join(',')}`;
  const databaseUrl = serviceDatabaseUrls(database.url, database.roleSecret);

  function start(service: ServiceName, replica: number): Promise<ServiceProcess> {
    return startServiceProcess(service, {
      ...secrets,
      DATABASE_URL: databaseUrl(service),
      VALORA_DATABASE_CONNECTIONS: '8',
      VALORA_ADDRESS: address(service, replica, 0),
      VALORA_HEALTH_ADDRESS: address(service, replica, 1),
      ...Object.fromEntries(serviceCalls[service].map((peer) => [peerVariable(peer), target(peer)])),
      ...environment,
    });
  }

  const running = new Map<ServiceName, ServiceProcess[]>(serviceNames.map((service) => [service, []]));
  const all = serviceNames.flatMap((service) => numbers.map((replica) => ({ service, replica })));
  const started = await Promise.allSettled(all.map(async ({ service, replica }) => { (running.get(service) ?? [])[replica] = await start(service, replica); }));
  const addresses = Object.fromEntries(serviceNames.map((service) => [service, target(service)]));
  const organizations = createOrganizations((credential) => createClient({ address: addresses, credential, tls }), operatorCredential);
  const stop = async (): Promise<void> => {
    organizations.close();
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
    async restart(service, replica) {
      const replaced = running.get(service)?.[replica];
      const code = (await replaced?.end('SIGTERM')) ?? null;
      (running.get(service) ?? [])[replica] = await start(service, replica);
      return code;
    },
  };
}
