// A service as the real process it is in production, on a test's database and free ports.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { LISTENING, type ServiceName } from '@valora/chassis';

export interface ServiceProcess {
  readonly pid: number;
  /** What it has logged, a JSON object a line. */
  log(): string;
  /** Ends it by a signal and answers its exit code; null where the signal was its end. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

/** Starts the service's main program and waits until it listens. */
export async function startServiceProcess(service: ServiceName, env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const main = fileURLToPath(import.meta.resolve(`@valora/${service}/main`));
  const { DATABASE_URL: _owner, ...inherited } = process.env;
  const child = spawn(process.execPath, ['--conditions=development', main], { env: { ...inherited, ...env }, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => { text += chunk.toString(); });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const listening = new Promise<'listening'>((resolve) => child.on('message', (message) => { if (message === LISTENING) resolve('listening'); }));
  if ((await Promise.race([listening, ended])) !== 'listening') throw new Error(`${service} ended before it listened:\n${text}`);
  return {
    pid: child.pid ?? 0,
    log: () => text,
    async end(signal) {
      child.kill(signal);
      const [code] = await ended;
      return code;
    },
  };
}

/** Ports of 127.0.0.1 that nobody listens on now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
