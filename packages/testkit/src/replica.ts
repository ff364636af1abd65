// A Valora as its users run it: a process of its own, with all six services and real sockets, beside others on a test
// file's database. It is there to be killed.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestValora } from './start-test-valora.ts';
import { startStatementProxy } from './statement-proxy.ts';

export interface Replica {
  /** What its database connections are called. */
  readonly name: string;
  readonly address: string;
  readonly pid: number;
  /** Called at every statement it sends to PostgreSQL; null: nobody listens. */
  onStatement(listener: (() => void) | null): void;
  /** SIGKILL; returns when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; returns when it has finished. */
  stop(): Promise<void>;
}

export interface Replicas {
  start(): Promise<Replica>;
  /** Lines of any replica's log that tell of a defect. */
  defects(): readonly string[];
  /** Kills those that still run. */
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url));
/** So many starts must not take the processor from test files that run beside. */
const GIVES_WAY = 10;
const DEFECT = /"message":"(ALERT|defect)/;
const LISTENS = /listens on port (\d+)/;

/** Replicas that share the test's Valora's database and secrets, as those of one installation do. */
export function createReplicas({ database, secrets }: TestValora): Replicas {
  const folder = mkdtempSync(join(tmpdir(), 'valora-replicas-'));
  writeFileSync(join(folder, 'role-secret'), secrets.roleSecret);
  writeFileSync(join(folder, 'service-token-key'), Buffer.from(secrets.serviceTokenKey).toString('hex'));
  writeFileSync(join(folder, 'operator-credential'), secrets.operatorCredential);
  const running = new Set<ChildProcess>();
  const defects: string[] = [];
  let count = 0;

  return {
    async start() {
      count += 1;
      const name = `replica-${count}`;
      const { hostname, port: databasePort } = new URL(database.url);
      const proxy = await startStatementProxy({ host: hostname, port: Number(databasePort) });
      const child = spawn(process.execPath, ['--conditions=development', MAIN, 'up'], { env: environment(name, proxy.port), stdio: ['ignore', 'pipe', 'pipe'] });
      running.add(child);
      if (child.pid !== undefined) setPriority(child.pid, GIVES_WAY);
      const exit = once(child, 'exit').then(() => {
        running.delete(child);
        proxy.close();
      });
      const log = linesOf(child, (line) => { if (DEFECT.test(line)) defects.push(line); });
      const port = await listening(child, log);
      const end = async (signal: NodeJS.Signals): Promise<void> => {
        child.kill(signal);
        await exit;
      };
      return { name, address: `127.0.0.1:${port}`, pid: child.pid ?? 0, onStatement: (listener) => proxy.listen(listener), kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
    },
    defects: () => defects,
    async stop() {
      const exits = [...running].map((child) => once(child, 'exit'));
      for (const child of running) child.kill('SIGKILL');
      await Promise.all(exits);
      rmSync(folder, { recursive: true, force: true });
    },
  };

  function environment(name: string, databasePort: number): NodeJS.ProcessEnv {
    const url = new URL(database.url);
    url.port = String(databasePort);
    const { password } = url;
    // Without the password in the URL, the roles' passwords come from the data folder: those that the test's Valora set.
    url.password = '';
    url.searchParams.set('application_name', name);
    return {
      ...process.env, DATABASE_URL: url.href, PGPASSWORD: password, VALORA_DATA_FOLDER: folder, VALORA_ADDRESS: '127.0.0.1:0', VALORA_REFLECTION: 'off',
      NODE_COMPILE_CACHE: join(folder, 'compiled'), // half of a start is compiling
    };
  }
}

/** Hands over each line of the log as it comes; answers the last few. */
function linesOf(child: ChildProcess, seen: (line: string) => void): () => string {
  const last: string[] = [];
  let rest = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) seen(line);
    last.push(...lines);
    last.splice(0, last.length - 5);
  });
  return () => [...last, rest].join('\n');
}

async function listening(child: ChildProcess, log: () => string): Promise<string> {
  return await new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const port = LISTENS.exec(text)?.[1];
      if (port !== undefined) resolve(port);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`a replica ended with ${code ?? signal} before it listened: ${log()}`)));
  });
}
