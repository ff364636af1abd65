/**
 * The server process of a data folder, and what is left of an earlier one. A server belongs to the node process that started it and stops with it, even after a
 * SIGKILL: a small shell process beside it waits for node's end of a pipe to close. Should that fail too, the next start finds the orphan through postmaster.pid.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from './postgres-account.ts';
import { processFacts } from './process-facts.ts';

const POLL_MS = 20;
const START_TIMEOUT_MS = 180_000; // recovery after a crash takes its time
const FAST_SHUTDOWN_MS = 30_000;
const QUICK_SHUTDOWN_MS = 10_000;
const PID_FILE_STATE_LINE = 7;

/** Written into the server's command line, where a later start reads it. */
export const ownerSetting = { 'valora.owner': String(process.pid) };

/**
 * A line on the pipe disarms the watch; its end without one means that node is gone: fast shutdown. The server takes the shell's place and so its process id ($$). The
 * watch is forked twice, so that it isn't the server's child: PostgreSQL takes the death of an unknown child for a crash.
 */
const WATCHED = 'exec 3<&0; ( { read -r line <&3 || kill -INT $$; } 2>/dev/null & ); exec "$@" 3<&- </dev/null';

export interface Postmaster {
  stop(): Promise<void>;
}

/** The command that runs `program` under the watch. */
export function watched(program: string, args: readonly string[]): { program: string; args: readonly string[] } {
  return { program: '/bin/sh', args: ['-c', WATCHED, 'valora-postgres', program, ...args] };
}

/** Starts the server and waits until it takes connections. Throws with the end of its log when it doesn't. */
export async function startPostmaster({ cluster, command, logFile }: { cluster: string; command: Command; logFile: string }): Promise<Postmaster> {
  const log = openSync(logFile, 'w', 0o600);
  // Detached: Ctrl-C is for node, which stops the server after the last call has been answered.
  const child = spawn(command.program, [...command.args], { detached: true, cwd: '/', stdio: ['pipe', log, log], ...command.account });
  closeSync(log);
  child.stdin?.on('error', () => undefined);
  const failed = new Promise<never>((_resolve, reject) => child.once('error', reject));
  failed.catch(() => undefined);

  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await isReady(cluster, child))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
      await stop(child);
      const said = (await readFile(logFile, 'utf8')).trim().split('\n').slice(-8).join('\n');
      throw new Error(`PostgreSQL did not start on ${cluster}:\n${said}`);
    }
    await Promise.race([delay(POLL_MS), failed]);
  }
  return { stop: () => stop(child) };
}

/**
 * Makes way for a new start: stops a server whose owner is gone, and removes a lock file whose process id now belongs to something else. Throws where the owner
 * lives: two owners would stop the server under each other.
 */
export async function clearFormerPostmaster(cluster: string): Promise<void> {
  const pid = Number((await readPidFile(cluster))[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0) return;
  const facts = await processFacts(pid);
  if (facts?.commandLine.includes(`-D ${cluster} `) === true) {
    const owner = /valora\.owner=([0-9]+)/.exec(facts.commandLine)?.[1]; // absent: started by hand
    if (owner === undefined || facts.parent === Number(owner)) {
      throw new Error(`${cluster} is in use by process ${owner ?? pid} (its PostgreSQL is process ${pid}). Stop that process, or use another data folder.`);
    }
    await end(pid);
  }
  // PostgreSQL would do this itself, but takes any process of that id for a server: another program, or a dead process nobody has waited for.
  await rm(join(cluster, 'postmaster.pid'), { force: true });
}

async function end(pid: number): Promise<void> {
  const ways = [{ signal: 'SIGINT', timeoutMs: FAST_SHUTDOWN_MS }, { signal: 'SIGQUIT', timeoutMs: QUICK_SHUTDOWN_MS }] as const;
  for (const { signal, timeoutMs } of ways) {
    try {
      process.kill(pid, signal);
    } catch {
      // gone meanwhile, which isGone sees; or not ours to end, and the error below says so
    }
    if (await isGone(pid, timeoutMs)) return;
  }
  throw new Error(`PostgreSQL process ${pid} is left from an earlier run and does not stop. End it, then start again.`);
}

async function isGone(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (await processFacts(pid) === undefined) return true;
    await delay(POLL_MS);
  }
  return false;
}

async function isReady(cluster: string, child: ChildProcess): Promise<boolean> {
  const lines = await readPidFile(cluster);
  return Number(lines[0]) === child.pid && lines[PID_FILE_STATE_LINE]?.trim() === 'ready';
}

async function readPidFile(cluster: string): Promise<string[]> {
  return (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.stdin?.write('stopping\n'); // disarms the watch
  child.kill('SIGINT'); // fast shutdown: open transactions are rolled back
  const quick = setTimeout(() => child.kill('SIGQUIT'), FAST_SHUTDOWN_MS);
  await exit;
  clearTimeout(quick);
}
