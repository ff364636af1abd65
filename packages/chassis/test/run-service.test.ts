/** The end of a service that runs as a process of its own, whoever says how often that it is to stop. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createTestDatabase } from '@valora/testkit';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const HEX = 'ab'.repeat(32);
const script = `const { runService } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}); await runService('tenancy', ${JSON.stringify(fileURLToPath(new URL('../../../services/tenancy', import.meta.url)))}, () => { throw new Error('never made'); });`;

test('told to stop, a service begins no more work of its own while it still takes calls', async () => {
  const database = await createTestDatabase();
  const service = `{ name: 'tenancy', services: [], registry: { getMetricsAsArray: () => [] }, quiesce: () => console.error('quiesced'), close: async () => console.error('closed') }`;
  const child = spawn(process.execPath, ['--conditions=development', '--input-type=module', '-e', script.replace("{ throw new Error('never made'); }", `(${service})`)], {
    cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DATABASE_URL: database.url, VALORA_SERVICE_TOKEN_KEY: HEX, VALORA_OPERATOR_DIGEST: HEX, VALORA_ADDRESS: '127.0.0.1:0', VALORA_DRAIN_MS: '1000' },
  });
  const exit = once(child, 'exit');
  const seen: { readonly line: string; readonly ms: number }[] = [];
  child.stderr.on('data', (data: Buffer) => {
    for (const line of data.toString().trim().split('\n')) seen.push({ line, ms: performance.now() });
    if (data.toString().includes('The service listens.')) child.kill('SIGTERM');
  });
  try {
    expect(await exit).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
    await database.drop();
  }
  const [quiesced, closed] = ['quiesced', 'closed'].map((text) => seen.find(({ line }) => line === text)?.ms ?? Number.NaN);
  expect((closed ?? 0) - (quiesced ?? 0)).toBeGreaterThan(500); // the drain lies between
});

test('a second SIGTERM does not cut short what the first one began', async () => {
  // A database that never answers: the process is at work, asking it, when it is told to stop.
  const database = createServer(() => {}).listen(0, '127.0.0.1');
  await once(database, 'listening');
  const { port } = database.address() as AddressInfo;
  const child = spawn(process.execPath, ['--conditions=development', '--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DATABASE_URL: `postgresql://valora_tenancy:x@127.0.0.1:${port}/valora`, VALORA_SERVICE_TOKEN_KEY: HEX, VALORA_OPERATOR_DIGEST: HEX },
  });
  const exit = once(child, 'exit');
  try {
    await once(database, 'connection');
    child.kill('SIGTERM');
    for (let log = ''; !log.includes('The service is to stop.');) [log] = (await once(child.stderr, 'data')).map((data) => log + String(data)) as [string];
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
    database.close();
  }
});
