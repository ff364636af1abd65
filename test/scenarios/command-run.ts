// The command line as a process of its own, in a folder of its own, against a Valora.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandLine {
  readonly folder: string;
  /** Puts a file into the folder; answers its name. */
  file(name: string, content: string | Buffer): string;
  start(words: readonly string[]): ChildProcessWithoutNullStreams;
  run(words: readonly string[], input?: string | Buffer): Promise<Ended>;
  /** Runs with --json; the command must end with `code`. Answers what it printed, as text. */
  json(words: readonly string[], code?: number, input?: string | Buffer): Promise<string>;
  remove(): void;
}

export function createCommandLine(environment: Readonly<Record<string, string>>): CommandLine {
  const folder = mkdtempSync(join(tmpdir(), 'valora-cli-'));
  const start = (words: readonly string[]): ChildProcessWithoutNullStreams =>
    spawn(process.execPath, ['--conditions=development', MAIN, ...words], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], VALORA_DATA_FOLDER: folder, ...environment } });
  async function run(words: readonly string[], input: string | Buffer = ''): Promise<Ended> {
    const child = start(words);
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {}); // It may have ended without reading.
    child.stdin.end(input);
    const [code] = await once(child, 'close') as [number | null];
    return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  }
  return {
    folder,
    file(name, content) {
      writeFileSync(join(folder, name), content);
      return name;
    },
    start,
    run,
    async json(words, code = 0, input = '') {
      const ended = await run([...words, '--json'], input);
      expect([ended.code, ended.code === code ? '' : ended.stderr], words.join(' ')).toEqual([code, '']);
      return ended.stdout;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
