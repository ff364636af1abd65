/** The embedded PostgreSQL over its life: kept data, thrown-away data, and every way its owner can die. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../src/embedded-postgres.ts';
import { processFacts } from '../src/process-facts.ts';

let dataFolder: string;
let owners: ChildProcess[];
beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'valora-data-'));
  owners = [];
});
afterEach(async () => {
  for (const owner of owners) owner.kill('SIGKILL');
  await expect.poll(async () => await serverProcess() === undefined || await processFacts(await serverProcess() ?? 0) === undefined, { timeout: 10_000 }).toBe(true);
  await rm(dataFolder, { recursive: true, force: true, maxRetries: 5 });
});

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

const readPidFile = async (): Promise<string> => await readFile(join(dataFolder, 'cluster', 'postmaster.pid'), 'utf8').catch(() => '');

async function serverProcess(): Promise<number | undefined> {
  const [pid = ''] = (await readPidFile()).split('\n');
  return pid === '' ? undefined : Number(pid);
}

/** Starts PostgreSQL under a process that can be killed. */
async function startOwner(): Promise<{ owner: ChildProcess; url: string; server: number }> {
  const owner = spawn(process.execPath, ['--conditions=development', fileURLToPath(new URL('start-postgres.ts', import.meta.url)), dataFolder], { stdio: ['ignore', 'pipe', 'inherit'] });
  owners.push(owner);
  const [said] = (await once(owner.stdout, 'data')) as [Buffer];
  return { owner, url: said.toString().trim(), server: (await serverProcess()) ?? 0 };
}

async function kill(process: ChildProcess): Promise<void> {
  const exit = once(process, 'exit');
  process.kill('SIGKILL');
  await exit;
}

const gone = async (pid: number): Promise<void> => { await expect.poll(() => processFacts(pid), { timeout: 10_000 }).toBe(undefined); };

test('keeps data, password and settings from one run to the next', async () => {
  const first = await startEmbeddedPostgres({ dataFolder });
  await query(first.url('postgres'), 'create table kept (x bigint); insert into kept values (7)');
  await first.stop();
  expect(await readPidFile()).toBe('');

  const second = await startEmbeddedPostgres({ dataFolder });
  expect(second.password).toBe(first.password);
  expect(await query(second.url('postgres'), 'select x from kept')).toEqual([{ x: '7' }]);
  const settings = ['fsync', 'max_connections', 'TimeZone', 'server_encoding', 'listen_addresses', 'unix_socket_directories'];
  expect(await query(second.url('postgres'), `select ${settings.map((name) => `current_setting('${name}') as "${name}"`).join(', ')}, datcollate from pg_database where datname = 'postgres'`))
    .toEqual([{ fsync: 'on', max_connections: '200', TimeZone: 'UTC', server_encoding: 'UTF8', listen_addresses: '127.0.0.1', unix_socket_directories: '', datcollate: 'C' }]);
  await second.stop();
});

test('asks for its password, which only its own user can read', async () => {
  const server = await startEmbeddedPostgres({ dataFolder });
  await expect(query(server.url('postgres').replace(server.password, 'guess'), 'select 1')).rejects.toThrow('password authentication failed');
  expect((await stat(join(dataFolder, 'password'))).mode & 0o777).toBe(0o600);
  await server.stop();
});

test('a throw-away server leaves nothing', async () => {
  const server = await startEmbeddedPostgres();
  const [{ folder } = { folder: '' }] = (await query(server.url('postgres'), `select current_setting('data_directory') as folder`)) as { folder: string }[];
  expect(existsSync(folder)).toBe(true);
  await server.stop();
  expect(existsSync(folder)).toBe(false);
});

test('a port that is taken is named', async () => {
  const server = await startEmbeddedPostgres({ dataFolder });
  await expect(startEmbeddedPostgres({ port: server.port })).rejects.toThrow('Address already in use');
  await server.stop();
});

describe('when the owner is killed', () => {
  test('the server stops with it, and the next start has the data', async () => {
    const { owner, url, server } = await startOwner();
    await query(url, 'create table kept (x bigint)');
    await kill(owner);
    await gone(server);
    const next = await startEmbeddedPostgres({ dataFolder });
    expect(await query(next.url('postgres'), 'select * from kept')).toEqual([]);
    await next.stop();
  });

  test('together with the watch, the orphan is stopped by the next start', async () => {
    const { owner, server } = await startOwner();
    await killWatch(server);
    await kill(owner);
    expect(await processFacts(server)).toBeDefined();
    const next = await startEmbeddedPostgres({ dataFolder });
    expect(await processFacts(server)).toBe(undefined);
    await next.stop();
  });

  test('together with the server, the next start recovers what was committed', async () => {
    const { owner, url, server } = await startOwner();
    await query(url, 'create table kept (x bigint); insert into kept select generate_series(1, 1000)');
    process.kill(server, 'SIGKILL');
    await kill(owner);
    const next = await startEmbeddedPostgres({ dataFolder });
    expect(await query(next.url('postgres'), 'select count(*) from kept')).toEqual([{ count: '1000' }]);
    await next.stop();
  });
});

test('a folder whose owner lives is refused, and the owner is left in peace', async () => {
  const { owner, url, server } = await startOwner();
  await expect(startEmbeddedPostgres({ dataFolder })).rejects.toThrow(`is in use by process ${owner.pid} (its PostgreSQL is process ${server})`);
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a lock file whose process id belongs to something else does not hinder', async () => {
  await (await startEmbeddedPostgres({ dataFolder })).stop();
  await writeFile(join(dataFolder, 'cluster', 'postmaster.pid'), `${process.pid}\n`);
  const server = await startEmbeddedPostgres({ dataFolder });
  await server.stop();
});

test('a start that was killed while it made the files does not hinder', async () => {
  const dead = spawn('true');
  await once(dead, 'exit');
  await writeFile(join(dataFolder, `cluster.draft.${dead.pid}`), 'half');
  const server = await startEmbeddedPostgres({ dataFolder });
  expect(existsSync(join(dataFolder, `cluster.draft.${dead.pid}`))).toBe(false);
  await server.stop();
});

/** Kills the shell process that would stop the server. */
async function killWatch(server: number): Promise<void> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== server);
  const facts = await Promise.all(pids.map(async (pid) => ({ pid, facts: await processFacts(pid) })));
  const watches = facts.filter((found) => found.facts?.commandLine.startsWith('/bin/sh') === true && found.facts.commandLine.includes(`${dataFolder}/cluster`));
  expect(watches).toHaveLength(1);
  for (const { pid } of watches) process.kill(pid, 'SIGKILL');
}
