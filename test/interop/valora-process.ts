// A real Valora in a process of its own, as `npm start` runs it: throw-away data, its own PostgreSQL, a free port.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './paths.ts';

export interface ValoraProcess {
  readonly address: string;
  readonly operatorCredential: string;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';

export async function startValoraProcess(): Promise<ValoraProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'valora-interop-'));
  const child = spawn(process.execPath, ['--conditions=development', 'packages/cli/src/main.ts', 'up'], {
    cwd: root,
    env: { ...process.env, VALORA_DATA_FOLDER: folder, VALORA_ADDRESS: `${HOST}:0`, DATABASE_URL: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop().finally(() => process.exit(1)));
  // Its output ends when it exits: then there was no port.
  for await (const line of createInterface({ input: child.stdout })) {
    const port = / listens on port ([0-9]+)/.exec(line)?.[1];
    if (port === undefined) continue;
    child.stdout.resume();
    return { address: `${HOST}:${port}`, operatorCredential: readFileSync(join(folder, 'operator-credential'), 'utf8').trim(), stop };
  }
  await stop();
  throw new Error('Valora did not start; what it said stands above.');
}
