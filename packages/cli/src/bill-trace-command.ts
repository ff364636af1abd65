// `npm run bill-trace -- <folder>`: bills the trace in a sandbox of its own and prints the invoices. What it did is kept, so
// that a run that was killed goes on where it was; a finished one is followed by a new organization.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createClient, timestampFromText } from '@valora/client';
import type { Arguments } from './arguments.ts';
import { billTrace, SANDBOX_TIME, traceFiles, type TraceOptions } from './bill-trace.ts';
import { CommandError } from './command.ts';
import type { CommandContext } from './context.ts';
import { printInvoice } from './print-invoice.ts';
import { loadSecrets } from './secrets.ts';
import { startValora } from './start-valora.ts';

const DATA_FOLDER_DEFAULT = '.valora/bill-trace';
const BATCH_SIZE_MAX = 5_000;
const SEED_MAX = 2 ** 31 - 1;
const CALL_MS = 10 * 60_000;
const OWNER_ONLY = 0o600;

interface Progress {
  readonly organizationId: string;
  readonly apiKey: string;
  readonly finished: boolean;
}

export async function billTraceCommand({ environment, stderr, output }: CommandContext, args: Arguments): Promise<void> {
  const options = optionsOf(args);
  for (const file of traceFiles(options.folder)) {
    if (!existsSync(file)) throw new CommandError(`There is no ${file}. Give the folder that holds the trace.`);
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
    const client = createClient({ address: `127.0.0.1:${valora.port}`, credential: progress.apiKey, deadlineMs: CALL_MS });
    const outcome = await billTrace(client, options, (done) => {
      if (stderr.isTTY === true) stderr.write(`\r${done} events`);
    });
    if (stderr.isTTY === true) stderr.write('\n');
    client.close();
    writeProgress(progressFile, { ...progress, finished: true });
    const rate = Math.trunc(outcome.eventCount / outcome.ingestSeconds);
    output.line(`${outcome.eventCount} events sent in ${outcome.ingestSeconds.toFixed(2)} s (${rate} events/s), ${outcome.duplicateCount} of them known before.`);
    for (const invoice of outcome.invoices) ['', ...printInvoice(invoice)].forEach(output.line);
  } finally {
    await valora.stop();
  }
}

function optionsOf(args: Arguments): TraceOptions {
  return {
    folder: resolve(args.positional('folder')),
    batchSize: args.integer('batch-size', { min: 1, max: BATCH_SIZE_MAX }),
    shuffleSeed: args.optional('shuffle') === null ? null : args.integer('shuffle', { min: 1, max: SEED_MAX }),
    twice: args.flag('twice'),
  };
}

async function newOrganization(address: string, operatorCredential: string): Promise<Progress> {
  const operator = createClient({ address, credential: operatorCredential });
  const { organization, apiKey } = await operator.organizations.createOrganization({
    organizationId: '', displayName: 'LLM trace', currencyCode: 'USD', settings: undefined, sandboxTime: timestampFromText(SANDBOX_TIME),
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
