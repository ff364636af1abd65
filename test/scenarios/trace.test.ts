// The main job on a small trace: whatever the order, the batches, the repetitions and the crashes, the same bytes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { billTrace, SANDBOX_TIME, type TraceOptions } from '@valora/cli';
import { InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { sha256Hex } from '@valora/rating';
import { summary } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROWS = 1_500;
const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
/** Milliseconds after the start at which a run is killed: while it starts, migrates, ingests or closes, as it falls. */
const KILLS_MS = [1_200, 1_900, 2_400, 2_900, 3_400];

let folder: string;
let valora: TestValora;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'valora-trace-'));
  for (const [position, customer] of ['conversation', 'code'].entries()) {
    const rows = Array.from({ length: ROWS }, (_, row) => {
      const second = row + position;
      const time = `2023-11-16 18:${String(Math.trunc(second / 60) % 60).padStart(2, '0')}:${String(second % 60).padStart(2, '0')}.${String((row * 7_919) % 10_000_000).padStart(7, '0')}`;
      return `${time},${(row * 104_729) % 30_000},${(row * 1_299_709) % 1_000}`;
    });
    writeFileSync(join(folder, `llm-trace-${customer}.csv`), `TIMESTAMP,ContextTokens,GeneratedTokens\r\n${rows.join('\r\n')}\r\n`);
  }
  valora = await startTestValora();
});
afterAll(async () => {
  await valora.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function billed(options: Partial<TraceOptions>): Promise<{ readonly summaries: readonly string[]; readonly canonical: readonly string[]; readonly duplicateCount: number }> {
  const { connection } = await valora.createOrganization({ sandboxTime: SANDBOX_TIME });
  const { invoices, duplicateCount } = await billTrace(connection, { folder, batchSize: 1_000, shuffleSeed: null, twice: false, ...options }, () => {});
  const canonical = await Promise.all(invoices.map(async ({ invoiceId }) => Buffer.from((await connection.stub(InvoiceServiceService).getCanonicalInvoice({ invoiceId })).canonicalInvoice).toString()));
  return { summaries: invoices.map(summary), canonical, duplicateCount };
}

test('order, batch size and repetition change no byte', async () => {
  const plain = await billed({});
  // Pencil: Σ (row × 104729 mod 30000) = 22508250 context tokens: 25 + 12508250 × 0.00000125 = 40.6353125;
  // Σ (row × 1299709 mod 1000) = 749250 generated tokens × 0.00001 = 7.4925. Both files have the same values.
  expect(plain.summaries).toEqual([
    'conversation 1: platform_fee 20.00, context_tokens 40.64, generated_tokens 7.49 = 68.13',
    'code 1: platform_fee 20.00, context_tokens 40.64, generated_tokens 7.49 = 68.13',
  ]);
  expect(plain.duplicateCount).toBe(0);
  for (const options of [{ batchSize: 7 }, { batchSize: 5_000, shuffleSeed: 1 }, { twice: true, shuffleSeed: 2, batchSize: 333 }]) {
    const again = await billed(options);
    expect(again.canonical).toEqual(plain.canonical);
    expect(again.duplicateCount).toBe('twice' in options ? 4 * ROWS : 0);
  }
}, 120_000);

test('killed at any moment and started again, the real process ends with the same digests', async () => {
  const { canonical } = await billed({});
  const dataFolder = mkdtempSync(join(tmpdir(), 'valora-killed-'));
  try {
    for (const killMs of KILLS_MS) {
      expect(await run(dataFolder, ['--batch-size', '20']).exited(killMs)).not.toBe(1);
    }
    const { output, exited } = run(dataFolder, []);
    expect(await exited(null)).toBe(0);
    const digests = output().filter((line) => line.startsWith('Digest')).map((line) => line.split(/\s+/)[1]);
    expect(digests).toEqual(canonical.map((text) => sha256Hex(text)));
  } finally {
    rmSync(dataFolder, { recursive: true, force: true });
  }
}, 120_000);

/** Runs bill-trace as a process; `exited(ms)` kills it after so long, if it still runs, and answers its exit code. */
function run(dataFolder: string, more: readonly string[]) {
  const child = spawn(process.execPath, ['--conditions=development', MAIN, 'bill-trace', folder, ...more], { env: { ...process.env, VALORA_DATA_FOLDER: dataFolder }, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => { text += chunk.toString(); });
  const exit = once(child, 'exit');
  return {
    output: () => text.split('\n'),
    async exited(killMs: number | null): Promise<number | null> {
      if (killMs !== null) {
        await Promise.race([exit, delay(killMs)]);
        child.kill('SIGKILL');
      }
      const [code] = await exit as [number | null];
      return code;
    },
  };
}
