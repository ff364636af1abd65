// The machine that figures belong to, and how busy it was: without them a figure says nothing.
import { execFileSync } from 'node:child_process';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** 1, 5 and 15 minutes, when the bench began and when it ended: above the number of cores others were in the way. */
  readonly loadBefore: readonly number[];
  readonly loadAfter: readonly number[];
  readonly postgres: Readonly<Record<string, string>> | null;
}

const POSTGRES_SETTINGS = ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size', 'checkpoint_timeout'];
const BYTES_PER_GIB = 1024 ** 3;

export function machineFacts({ loadBefore, postgres }: Pick<Machine, 'loadBefore' | 'postgres'>): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: availableParallelism(), memoryGiB: Number((totalmem() / BYTES_PER_GIB).toFixed(1)),
    system: `${platform()} ${release()} ${arch()}`, node: process.version, loadBefore, loadAfter: currentLoad(), postgres,
  };
}

export function currentLoad(): readonly number[] {
  return loadavg().map((load) => Number(load.toFixed(2)));
}

export async function postgresFacts(client: pg.Client): Promise<Readonly<Record<string, string>>> {
  const { rows } = await client.query<{ name: string; setting: string }>('select name, current_setting(name) as setting from pg_settings where name = any($1::text[]) order by name', [POSTGRES_SETTINGS]);
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

/** The commit that was measured, with what the working copy adds; `unknown` outside a repository. */
export function currentCommit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: fileURLToPath(new URL('.', import.meta.url)), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const commit = git('rev-parse', 'HEAD');
    return git('status', '--porcelain') === '' ? commit : `${commit} and uncommitted changes`;
  } catch {
    return 'unknown';
  }
}
