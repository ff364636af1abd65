// A PostgreSQL that is there to be killed: with fsync, as it is run for real, in a folder of its own, so that what it acknowledged
// must be there when it is started again.
import { migrate, startEmbeddedPostgres, type EmbeddedPostgres } from '@valora/chassis';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { allSchemas } from './postgres.ts';

export interface KillablePostgres {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly roleSecret: string;
  /** SIGKILL to a backend: PostgreSQL takes it for a crash, ends all others and recovers by itself. False: it was gone. */
  killBackend(pid: number): boolean;
  /** SIGKILL to all of its processes, and a new start on the same port. */
  killAndRestart(): Promise<void>;
  /** Removes its files. */
  drop(): Promise<void>;
}

const POLL_MS = 2;
const POLLS_MAX = 5_000;

/** Starts a server with every service's schema. */
export async function startKillablePostgres(): Promise<KillablePostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'valora-killable-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  const roleSecret = 'the role secret of tests';
  let server: EmbeddedPostgres;
  try {
    server = await startEmbeddedPostgres({ dataFolder: folder });
  } catch (error) {
    remove();
    throw error;
  }
  const { host, port } = server;
  const url = server.url('postgres');
  const drop = async (): Promise<void> => {
    await server.stop();
    remove();
  };
  await migrate({ url, roleSecret, schemas: await allSchemas() }).catch(async (error: unknown) => {
    await drop();
    throw error;
  });

  async function processIds(): Promise<readonly number[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<{ pid: number }>('select pid from pg_stat_activity')).rows.map(({ pid }) => pid);
    } finally {
      await client.end();
    }
  }

  return {
    url, host, port, roleSecret, drop,
    killBackend: (pid) => signal(pid, 'SIGKILL'),
    async killAndRestart() {
      const postmaster = Number(readFileSync(join(folder, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);
      const children = await processIds();
      // First the one that would start others; who began since the list was made notices that it is gone.
      for (const pid of [postmaster, ...children]) signal(pid, 'SIGKILL');
      await gone(postmaster);
      server = await startEmbeddedPostgres({ dataFolder: folder, port });
    },
  };
}

function signal(pid: number, name: 'SIGKILL' | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false; // gone meanwhile
  }
}

async function gone(pid: number): Promise<void> {
  for (let polls = 0; polls < POLLS_MAX; polls += 1) {
    if (!signal(pid, 0)) return;
    await delay(POLL_MS);
  }
  throw new Error(`process ${pid} outlives SIGKILL`);
}
