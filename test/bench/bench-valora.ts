// What a bench measures: PostgreSQL as it is run for real (fsync on), all six services in a process of their own beside it, and ways in as a caller, as the operator,
// as a service and as the owner of the database.
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { credentials } from '@grpc/grpc-js';
import { createPeer, createServiceTokenIssuer, newOperatorCredential, startEmbeddedPostgres, timestampFromInstant, type Peer } from '@valora/chassis';
import { connect, type Connection, type Secrets } from '@valora/cli';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import { parseInstant } from '@valora/rating';
import pg from 'pg';
import type { StartOrder } from './valora-process.ts';

export interface BenchOrganization {
  readonly organizationId: string;
  readonly apiKey: string;
  readonly connection: Connection;
}

export interface BenchValora {
  readonly address: string;
  readonly databaseUrl: string;
  readonly operator: Connection;
  readonly peer: Peer;
  /** Connected as the owner of everything. */
  readonly owner: pg.Client;
  /** On the real clock, or a sandbox that starts at a time. */
  createOrganization(sandboxTime: string | null): Promise<BenchOrganization>;
  /** What this process and that of the services have used until now. */
  processorTime(): Promise<ProcessorTime>;
  stop(): Promise<void>;
}

/** In microseconds. */
export interface ProcessorTime {
  readonly client: number;
  readonly server: number;
}

export interface BenchDatabase {
  readonly url: string;
  readonly roleSecret: string;
  stop(): Promise<void>;
}

export interface ValoraOptions {
  /** Null: jobs run only when the bench says so. */
  readonly tickIntervalMs: number | null;
  /** A folder that the services' process leaves a CPU profile in when it stops; empty for none. */
  readonly profile: string;
}

const CALL_MS = 10 * 60_000;
const SECRET_BYTES = 32;

/** A PostgreSQL with fsync in a folder of its own, removed with it. */
export async function startBenchDatabase(): Promise<BenchDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'valora-bench-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const postgres = await startEmbeddedPostgres({ dataFolder: folder });
    return {
      url: postgres.url('postgres'),
      roleSecret: randomUUID(),
      async stop() {
        await postgres.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

export async function startBenchValora(database: Pick<BenchDatabase, 'url' | 'roleSecret'>, { tickIntervalMs, profile }: ValoraOptions): Promise<BenchValora> {
  const secrets: Secrets = { roleSecret: database.roleSecret, serviceTokenKey: randomBytes(SECRET_BYTES), operatorCredential: newOperatorCredential() };
  const { child, port } = await startProcess({ secrets, databaseUrl: database.url, tickIntervalMs }, profile);
  const address = `127.0.0.1:${port}`;
  const owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  const operator = connect(address, secrets.operatorCredential, CALL_MS);
  const peer = createPeer({ address: () => address, channelCredentials: credentials.createInsecure(), service: 'bench', tokens: createServiceTokenIssuer(secrets.serviceTokenKey) });
  const connections = [operator];
  return {
    address, databaseUrl: database.url, operator, peer, owner,
    async createOrganization(sandboxTime) {
      const { organization, apiKey } = await operator.stub(OrganizationServiceService).createOrganization({
        requestId: randomUUID(), organizationId: '', displayName: 'Bench', currencyCode: 'USD', settings: undefined,
        sandboxTime: sandboxTime === null ? undefined : timestampFromInstant(parseInstant(sandboxTime)),
      });
      if (organization === undefined) throw new Error('no organization was answered');
      const connection = connect(address, apiKey, CALL_MS);
      connections.push(connection);
      return { organizationId: organization.organizationId, apiKey, connection };
    },
    async processorTime() {
      const answer = new Promise<number>((resolve) => { child.once('message', ({ processorMicros }: { readonly processorMicros: number }) => resolve(processorMicros)); });
      child.send('processor time');
      const server = await answer;
      const { user, system } = process.cpuUsage();
      return { client: user + system, server };
    },
    async stop() {
      connections.forEach((connection) => connection.close());
      peer.close();
      await owner.end();
      await stopProcess(child);
    },
  };
}

async function startProcess(order: StartOrder, profile: string): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = fork(fileURLToPath(new URL('valora-process.ts', import.meta.url)), {
    // Structured cloning: the token key is bytes.
    serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--conditions=development', ...(profile === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`])],
  });
  child.send(order);
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (started: { readonly port: number }) => resolve(started.port));
    child.once('exit', () => reject(new Error('Valora did not start; its error stands above.')));
  });
  return { child, port };
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.disconnect();
  await exit;
}
