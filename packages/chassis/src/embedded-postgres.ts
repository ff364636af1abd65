/**
 * A PostgreSQL of our own, from the real programs: kept in a data folder between runs (`npm start`, the demo), or thrown away after use (tests). It listens on
 * 127.0.0.1 only, without Unix sockets, and asks for a random password that lies in the data folder. It belongs to this process: see postmaster.ts for how it stops
 * with it and what a start does about a former one.
 *
 * The data folder holds `cluster/` (PostgreSQL's files), `password` and `server.log`.
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { commandAs } from './postgres-account.ts';
import { prepareCluster, type Cluster } from './postgres-cluster.ts';
import { ownerSetting, startPostmaster, watched, type Postmaster } from './postmaster.ts';

export interface EmbeddedPostgres {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** A connection URL as the superuser, who owns everything. */
  url(database: string): string;
  /** Rolls back open transactions, writes everything to disk and waits for the end; removes the files of a throw-away server. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Absent: a throw-away server in the temporary folder, without the guarantees of fsync. */
  readonly dataFolder?: string;
  /** Absent: any free port. */
  readonly port?: number;
}

const HOST = '127.0.0.1';
const START_ATTEMPTS_MAX = 3;
const SETTINGS = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'log', // refused statements are answers, not news
  log_checkpoints: 'off',
};
const THROW_AWAY_SETTINGS = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };

/** Starts PostgreSQL, making its data folder first where needed. Errors name the fix. */
export async function startEmbeddedPostgres({ dataFolder, port }: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  const kept = dataFolder !== undefined;
  const cluster = await prepareCluster(dataFolder);
  const settings = kept ? SETTINGS : { ...SETTINGS, ...THROW_AWAY_SETTINGS };
  const { postmaster, port: usedPort } = await start(cluster, settings, port).catch(async (error: unknown) => {
    if (!kept) await removeFolder(cluster.folder);
    throw error;
  });
  return {
    host: HOST, port: usedPort, user: cluster.user, password: cluster.password,
    url: (database) => `postgresql://${cluster.user}:${cluster.password}@${HOST}:${usedPort}/${database}`,
    async stop() {
      await postmaster.stop();
      if (!kept) await removeFolder(cluster.folder);
    },
  };
}

async function start(cluster: Cluster, settings: Readonly<Record<string, string>>, fixedPort: number | undefined): Promise<{ postmaster: Postmaster; port: number }> {
  for (let attempts = 1; ; attempts += 1) {
    const port = fixedPort ?? (await freePort());
    const args = ['-D', cluster.path, '-p', String(port), ...Object.entries({ ...settings, ...ownerSetting }).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    try {
      const command = commandAs(cluster.account, { ...watched(cluster.binaries.postgres, args), paths: [cluster.binaries.postgres, cluster.path] });
      return { postmaster: await startPostmaster({ cluster: cluster.path, command, logFile: join(cluster.folder, 'server.log') }), port };
    } catch (error) {
      if (attempts === START_ATTEMPTS_MAX) throw error; // until then: another process may have taken the port, or a dead server's processes are still leaving
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('No free port.');
  return address.port;
}

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
