/** What Node would print in its own words comes as lines of the log, and a defect still ends the process. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const source = (name: string): string => JSON.stringify(new URL(`../src/${name}`, import.meta.url).href);

function run(script: string): { readonly code: number | null; readonly lines: readonly Record<string, unknown>[] } {
  const whole = `const { createLog } = await import(${source('log.ts')}); const { logProcess } = await import(${source('process-log.ts')}); logProcess(createLog('lab')); ${script}`;
  const { status, stderr } = spawnSync(process.execPath, ['--conditions=development', '--input-type=module', '-e', whole], { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8' });
  return { code: status, lines: stderr.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test.each([
  ['a warning', "process.emitWarning('Old.', 'DeprecationWarning')", 0, 'warn', 'Node warns.'],
  ['an error that nobody catches', "setImmediate(() => { throw new Error('Old.'); })", 1, 'error', 'A defect ends the process.'],
  ['a rejection that nobody catches', "void Promise.reject(new Error('Old.'))", 1, 'error', 'A defect ends the process.'],
])('%s is a line of the log', (_what, script, code, level, message) => {
  const { code: ended, lines } = run(script);
  expect([ended, lines]).toEqual([code, [expect.objectContaining({ level, service: 'lab', message, error: expect.stringContaining('Old.') })]]);
});
