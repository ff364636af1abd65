// The demo prints what the README shows of it, to the digest: whoever tries Valora compares the two.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const CUT = '…';

test('npm run demo prints the invoice of the README', async () => {
  const readme = readFileSync(`${root}/README.md`, 'utf8');
  const [, shown = ''] = /## A session\n[^]*?```\n([^]*?)```/.exec(readme) ?? [];
  const [, timeZoneData] = /time zone data \((\w+) here\)/.exec(readme) ?? [];
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=development', 'packages/cli/src/main.ts', 'demo'], { cwd: root });
  const printed = stdout.split('\n');
  let next = 0;
  for (const line of shown.split('\n')) {
    if (line.trim() === CUT) continue;
    if (line.startsWith('Digest') && process.versions['tz'] !== timeZoneData) continue; // the form names the data, so the digest is another one
    const found = printed.findIndex((one, index) => index >= next && (line.endsWith(CUT) ? one.startsWith(line.slice(0, -CUT.length)) : one === line));
    expect([line, found >= next]).toEqual([line, true]);
    next = found + 1;
  }
  expect(next).toBeGreaterThan(15);
}, 60_000);
