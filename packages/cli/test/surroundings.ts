// A command's surroundings without a process: what it writes is kept.
import { Readable } from 'node:stream';
import type { Surroundings } from '../src/context.ts';

export interface TestSurroundings extends Surroundings {
  out(): string;
  err(): string;
}

export function testSurroundings(environment: Readonly<Record<string, string>> = {}, input = ''): TestSurroundings {
  let [out, err] = ['', ''];
  return {
    environment,
    stdin: Readable.from([Buffer.from(input)]),
    stdout: { write: (text) => { out += text; return true; }, once: () => {} },
    stderr: { write: (text) => { err += text; return true; } },
    stopSignal: () => new AbortController().signal,
    out: () => out,
    err: () => err,
  };
}
