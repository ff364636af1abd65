// `npm run bill-trace -- <folder>`: bills the trace in a sandbox of its own and prints the invoices. What it did is kept, so
// that a run that was killed goes on where it was; a finished one is followed by a new organization.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import { billTrace, SANDBOX_TIME, traceFiles, type TraceOptions } from './bill-trace.ts';
import { connect } from './connect.ts';
import { printInvoice } from './print-invoice.ts';
import { at } from './sample.ts';
import { loadSecrets } from './secrets.ts';
import { startValora } from './start-valora.ts';

const DATA_FOLDER_DEFAULT = '.valora/bill-trace';
const BATCH_SIZE_DEFAULT = 1_000;
const BATCH_SIZE_MAX = 5_000;
const CALL_MS = 10 * 60_000;
const OWNER_ONLY = 0o600;

interface Progress {
  readonly organizationId: string;
  readonly apiKey: string;
  readonly finished: boolean;
}

export async function billTraceCommand(args: readonly string[], environment: Readonly<Record<string, string | undefined>>, print: (line: string) => void): Promise<void> {
  const options = parseOptions(args);
  for (const file of traceFiles(options.folder)) {
    if (!existsSync(file)) throw new Error(`There is no ${file}. Give the folder that holds the trace.`);
  }
  const dataFolder = environment['VALORA_DATA_FOLDER'] || DATA_FOLDER_DEFAULT;
  const databaseUrl = environment['DATABASE_URL'] || undefined;
  const secrets = loadSecrets(dataFolder, databaseUrl);
  const valora = await startValora({ secrets, dataFolder, address: '127.0.0.1:0', databaseUrl, tickIntervalMs: null, reflection: false });
  try {
    const progressFile = join(dataFolder, 'progress.json');
    const found = readProgress(progressFile);
    const progress = found === null || found.finished ? await newOrganization(`127.0.0.1:${valora.port}`, secrets.operatorCredential) : found;
    writeProgress(progressFile, progress);
    const connection = connect(`127.0.0.1:${valora.port}`, progress.apiKey, CALL_MS);
    const outcome = await billTrace(connection, options, (done, all) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${all} events`);
    });
    if (process.stderr.isTTY) process.stderr.write('\n');
    connection.close();
    writeProgress(progressFile, { ...progress, finished: true });
    const rate = Math.trunc(outcome.eventCount / outcome.ingestSeconds);
    print(`${outcome.eventCount} events sent in ${outcome.ingestSeconds.toFixed(2)} s (${rate} events/s), ${outcome.duplicateCount} of them known before.`);
    for (const invoice of outcome.invoices) ['', ...printInvoice(invoice)].forEach(print);
  } finally {
    await valora.stop();
  }
}

function parseOptions(args: readonly string[]): TraceOptions {
  const { values, positionals } = parseArgs({
    args: [...args], allowPositionals: true,
    options: { 'batch-size': { type: 'string' }, shuffle: { type: 'string' }, twice: { type: 'boolean', default: false } },
  });
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) throw new Error('Give one folder that holds llm-trace-conversation.csv and llm-trace-code.csv: npm run bill-trace -- <folder>');
  return {
    folder: resolve(folder),
    batchSize: wholeNumber('--batch-size', values['batch-size'] ?? String(BATCH_SIZE_DEFAULT), BATCH_SIZE_MAX),
    shuffleSeed: values.shuffle === undefined ? null : wholeNumber('--shuffle', values.shuffle, 2 ** 31 - 1),
    twice: values.twice,
  };
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw new Error(`${option} must be a whole number from 1 to ${max}, not ${text}.`);
  return value;
}

async function newOrganization(address: string, operatorCredential: string): Promise<Progress> {
  const operator = connect(address, operatorCredential);
  const { organization, apiKey } = await operator.stub(OrganizationServiceService).createOrganization({
    requestId: randomUUID(), organizationId: '', displayName: 'LLM trace', currencyCode: 'USD', settings: undefined, sandboxTime: at(SANDBOX_TIME),
  });
  operator.close();
  return { organizationId: organization?.organizationId ?? '', apiKey, finished: false };
}

function readProgress(file: string): Progress | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Progress;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function writeProgress(file: string, progress: Progress): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(progress)}\n`, { mode: OWNER_ONLY });
  renameSync(`${file}.new`, file);
}
