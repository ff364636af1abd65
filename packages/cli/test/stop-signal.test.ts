/** What a process of the command line does with signals, which may come twice for one Ctrl-C. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const script = `
  const { onStopSignal } = await import(${JSON.stringify(new URL('../src/stop-signal.ts', import.meta.url).href)});
  const work = setInterval(() => {}, 1_000);
  onStopSignal(() => { console.log('stopping'); setTimeout(() => { console.log('late'); }, 1_200); setTimeout(() => clearInterval(work), 3_000); });
  console.log('ready');`;

/** Sends each signal once the line before it was printed; answers code, signal and everything printed. */
async function told(signals: readonly (readonly [after: string, signal: NodeJS.Signals])[]): Promise<readonly unknown[]> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let printed = '';
  let more = (): void => {};
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    more();
  });
  for (const [after, signal] of signals) {
    while (!printed.includes(after)) await new Promise<void>((resolve) => { more = resolve; });
    child.kill(signal);
  }
  return [...await exit as unknown[], printed.trim().split('\n').join(' ')];
}

test.each<{ title: string; signals: readonly (readonly [string, NodeJS.Signals])[]; ends: readonly unknown[] }>([
  { title: 'a Ctrl-C that npm passes on again lets the work end in order', signals: [['ready', 'SIGINT'], ['stopping', 'SIGINT']], ends: [0, null, 'ready stopping late'] },
  { title: 'a second SIGTERM changes nothing', signals: [['ready', 'SIGTERM'], ['stopping', 'SIGTERM'], ['late', 'SIGTERM']], ends: [0, null, 'ready stopping late'] },
  { title: 'a later Ctrl-C ends it', signals: [['ready', 'SIGINT'], ['late', 'SIGINT']], ends: [130, null, 'ready stopping late'] },
])('$title', async ({ signals, ends }) => {
  expect(await told(signals)).toEqual(ends);
});
