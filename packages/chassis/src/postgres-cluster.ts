/**
 * The files of an embedded PostgreSQL: `cluster/` (its own), `password` and `server.log` in a data folder. Everything is made beside its place and moved there when
 * complete, so a start that was interrupted leaves nothing that looks whole.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, chownSync, existsSync } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandAs, serverAccount, type Account } from './postgres-account.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { clearFormerPostmaster } from './postmaster.ts';
import { processFacts } from './process-facts.ts';

export interface Cluster {
  readonly folder: string;
  readonly path: string;
  /** The superuser. */
  readonly user: string;
  readonly password: string;
  readonly account: Account | undefined;
  readonly binaries: PostgresBinaries;
}

const USER = 'valora';
/** The initdb of a start that was killed may still be writing: removing is tried until it is done. */
const WHILE_WRITTEN = { recursive: true, force: true, maxRetries: 30, retryDelay: 20 } as const;
const DRAFT = /^cluster\.draft\.([0-9]+)$/;

/** Makes the cluster ready to start: there, with nobody else using it. Without a data folder it is made in the temporary folder, fast and not durable. */
export async function prepareCluster(dataFolder: string | undefined): Promise<Cluster> {
  const binaries = await findPostgresBinaries();
  if (dataFolder !== undefined) {
    await mkdir(dataFolder, { recursive: true });
    return await prepare({ folder: await realpath(dataFolder), binaries, options: [] });
  }
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'valora-postgres-')));
  try {
    return await prepare({ folder, binaries, options: ['--no-sync'] });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function prepare({ folder, binaries, options }: { folder: string; binaries: PostgresBinaries; options: readonly string[] }): Promise<Cluster> {
  const path = join(folder, 'cluster');
  const account = serverAccount(path);
  if (account !== undefined) chmodSync(folder, 0o711); // for the server's user to pass through; the files in it are closed
  const cluster = { folder, path, user: USER, password: await ensurePassword(folder, account), account, binaries };
  if (!existsSync(path)) await initialize(cluster, options);
  await clearFormerPostmaster(path);
  return cluster;
}

/** A random password in a file that initdb reads, so the server's user owns it. Linked into place: complete or absent, and never replaced. */
async function ensurePassword(folder: string, account: Account | undefined): Promise<string> {
  const path = join(folder, 'password');
  if (!existsSync(path)) {
    const draft = `${path}.${randomUUID()}`;
    await writeFile(draft, randomBytes(24).toString('hex'), { mode: 0o600 });
    if (account !== undefined) chownSync(draft, account.uid, account.gid);
    await link(draft, path).catch((error: unknown) => { if (!existsSync(path)) throw error; });
    await rm(draft);
  }
  return (await readFile(path, 'utf8')).trim();
}

async function initialize({ folder, path, account, binaries }: Cluster, options: readonly string[]): Promise<void> {
  await removeAbandonedDrafts(folder);
  const draft = join(folder, `cluster.draft.${process.pid}`);
  await mkdir(draft, { mode: 0o700 });
  if (account !== undefined) chownSync(draft, account.uid, account.gid);
  const args = ['-D', draft, '-U', USER, '-A', 'scram-sha-256', `--pwfile=${join(folder, 'password')}`, '-E', 'UTF8', '--locale=C', ...options];
  const command = commandAs(account, { program: binaries.initdb, args, paths: [binaries.initdb, draft] });
  const { status, stderr, error } = spawnSync(command.program, [...command.args], { ...command.account, cwd: '/', encoding: 'utf8' });
  if (status !== 0) {
    await rm(draft, { recursive: true, force: true });
    throw new Error(`PostgreSQL could not make its files in ${folder}: ${error?.message ?? stderr.trim()}\nMend that, or set DATABASE_URL to a PostgreSQL of your own.`, { cause: error });
  }
  await rename(draft, path).catch(async (renameError: unknown) => {
    if (!existsSync(path)) throw renameError;
    await rm(draft, { recursive: true, force: true }); // another start was faster
  });
}

async function removeAbandonedDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const maker = Number(DRAFT.exec(name)?.[1]);
    if (maker === process.pid || (maker > 0 && (await processFacts(maker)) === undefined)) await rm(join(folder, name), WHILE_WRITTEN);
  }
}
