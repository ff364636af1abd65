// Billing a real trace: each request of an LLM service becomes two usage events, one a meter, and each file a customer. The
// events' keys derive from file, row and meter, so the files may be sent twice, in any order and batches, by a process that
// was killed and started again: the invoices are the same to the byte. It goes the ways of `catalog apply` and `ingest`.
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { ingest, listAll, timestampFromText, type ValoraClient } from '@valora/client';
import type { Invoice } from '@valora/contracts/valora/invoicing/v1/invoice';
import { UsageOutcome, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { applyCatalog } from './catalog/apply-catalog.ts';
import { catalogFromJson } from './catalog/catalog-file.ts';
import { advanceClock } from './commands/close.ts';
import { readCsv } from './ingest/csv-rows.ts';
import { fileBytes } from './ingest/file-bytes.ts';
import { rowEvents } from './ingest/ingest-rows.ts';
import { createMapping } from './ingest/mapping.ts';
import { subscribe } from './sample.ts';

export interface TraceOptions {
  /** Holds `llm-trace-<customer>.csv` files with the columns TIMESTAMP, ContextTokens, GeneratedTokens. */
  readonly folder: string;
  readonly batchSize: number;
  /** Null keeps the files' order. */
  readonly shuffleSeed: number | null;
  /** Sends everything a second time. */
  readonly twice: boolean;
}

export interface TraceOutcome {
  readonly eventCount: number;
  readonly duplicateCount: number;
  readonly ingestSeconds: number;
  readonly invoices: readonly Invoice[];
}

const customers = ['conversation', 'code'] as const;
export const SANDBOX_TIME = '2023-11-17T00:00:00Z';
const START_TIME = '2023-11-01T00:00:00Z';
const TARGET_TIME = '2023-12-02T00:00:00Z';
const PLAN = 'llm';
const from = { effectiveFromTime: START_TIME };

const CATALOG = {
  meters: [{ code: 'context_tokens', aggregation: 'SUM' }, { code: 'generated_tokens', aggregation: 'SUM' }],
  prices: [
    { code: 'platform_fee', displayName: 'Platform fee', versions: [{ ...from, model: { flat: { amount: '20.00' } } }] },
    {
      code: 'context_tokens', displayName: 'Context tokens', meter: 'context_tokens',
      versions: [{ ...from, model: { graduated: { tiers: [{ upTo: '10000000', unitAmount: '0.0000025' }, { unitAmount: '0.00000125' }] } } }],
    },
    {
      code: 'generated_tokens', displayName: 'Generated tokens', meter: 'generated_tokens',
      versions: [{ ...from, model: { volume: { tiers: [{ upTo: '1000000', unitAmount: '0.00001' }, { unitAmount: '0.000008' }] } } }],
    },
  ],
  plans: [{ code: PLAN, prices: ['platform_fee', 'context_tokens', 'generated_tokens'] }],
};

/** The files that are read. */
export function traceFiles(folder: string): string[] {
  return customers.map((customer) => join(folder, fileOf(customer)));
}

function fileOf(customer: string): string {
  return `llm-trace-${customer}.csv`;
}

/** Sets the catalog up, records the trace's usage, moves the sandbox past the cutoff and answers the invoices. Safe to repeat. */
export async function billTrace(client: ValoraClient, options: TraceOptions, progress: (done: number) => void): Promise<TraceOutcome> {
  await applyCatalog(client, catalogFromJson(CATALOG), { currencyCode: 'USD', allowBackDating: true, dryRun: false });
  for (const customer of customers) await subscribe(client, { customer, plan: PLAN, startTime: START_TIME });

  const started = performance.now();
  const counts = await record(client, options, progress);
  const ingestSeconds = (performance.now() - started) / 1000;

  await advanceClock(client, timestampFromText(TARGET_TIME));
  const invoices: Invoice[] = [];
  for (const customer of customers) for await (const invoice of listAll(client.invoices.listInvoices, { subscription: customer })) invoices.push(invoice);
  return { ...counts, ingestSeconds, invoices };
}

async function* readEvents(folder: string): AsyncGenerator<UsageEvent, void, undefined> {
  for (const customer of customers) {
    const source = fileOf(customer);
    const mapping = createMapping({
      columns: new Map([['time', 'TIMESTAMP']]), constants: new Map([['customer', customer]]),
      meterColumns: new Map([['context_tokens', 'ContextTokens'], ['generated_tokens', 'GeneratedTokens']]), timeFormat: 'sql', keyFromRow: true, source,
    });
    const reader = readCsv(fileBytes(createReadStream(join(folder, source))), ',');
    mapping.check(await reader.columns() ?? []);
    yield* rowEvents({ rows: reader.rows(), mapping, skip: 0, onRefused: async ({ number }, { message }) => { throw new Error(`${source}, row ${number}: ${message}`); } });
  }
}

async function* inOrder({ folder, shuffleSeed, twice }: TraceOptions): AsyncGenerator<UsageEvent, void, undefined> {
  if (shuffleSeed !== null) {
    const events: UsageEvent[] = [];
    for await (const event of readEvents(folder)) events.push(event);
    const order = shuffled(events, shuffleSeed);
    yield* twice ? [...order, ...order] : order;
    return;
  }
  for (let round = 0; round < (twice ? 2 : 1); round += 1) yield* readEvents(folder);
}

/** Sends the events in batches, a few at once; counts those that were known before. Throws at the first refusal. */
async function record({ usage }: ValoraClient, options: TraceOptions, progress: (done: number) => void): Promise<{ eventCount: number; duplicateCount: number }> {
  let eventCount = 0, duplicateCount = 0;
  for await (const acknowledged of ingest(usage, inOrder(options), { batchSize: options.batchSize })) {
    for (const { outcome: { idempotencyKey, outcome, reason, field, message } } of acknowledged) {
      if (outcome === UsageOutcome.REFUSED) throw new Error(`event ${idempotencyKey} was refused: ${reason} ${field} ${message}`);
      if (outcome === UsageOutcome.DUPLICATE) duplicateCount += 1;
    }
    eventCount += acknowledged.length;
    progress(eventCount);
  }
  return { eventCount, duplicateCount };
}

/** Fisher and Yates with a 32-bit generator (xorshift, Marsaglia 2003): the same order for the same seed. */
function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  let state = seed | 1;
  const below = (bound: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = below(last + 1);
    const [one, two] = [order[last], order[other]];
    if (one !== undefined && two !== undefined) [order[last], order[other]] = [two, one];
  }
  return order;
}
