// Billing a real trace: each request of an LLM service becomes two usage events, one a meter, and each file a customer. The
// events' keys derive from file, row and meter, so the files may be sent twice, in any order and batches, by a process that
// was killed and started again: the invoices are the same to the byte.
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { timestampFromInstant } from '@valora/chassis';
import type { Invoice } from '@valora/contracts/valora/invoicing/v1/invoice';
import { UsageOutcome, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { parseDecimal, parseInstant, sha256Hex } from '@valora/rating';
import { callerOf, type Caller } from './caller.ts';
import type { Connection } from './connect.ts';
import { at, createPlan, subscribe } from './sample.ts';

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
const REQUESTS_AT_ONCE = 4;
const meters = [{ code: 'context_tokens', column: 1 }, { code: 'generated_tokens', column: 2 }] as const;
const ROW = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}\.\d+),(\d+),(\d+)$/;

/** The files that are read. */
export function traceFiles(folder: string): string[] {
  return customers.map((customer) => join(folder, fileOf(customer)));
}

function fileOf(customer: string): string {
  return `llm-trace-${customer}.csv`;
}

/** Sets the catalog up, records the trace's usage, moves the sandbox past the cutoff and answers the invoices. Safe to repeat. */
export async function billTrace(connection: Connection, options: TraceOptions, progress: (done: number, all: number) => void): Promise<TraceOutcome> {
  const caller = callerOf(connection);
  await createPlan(caller, {
    plan: PLAN, currencyCode: 'USD', effectiveFrom: START_TIME,
    prices: [
      { code: 'platform_fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20.00' } } },
      {
        code: 'context_tokens', displayName: 'Context tokens', meter: 'context_tokens',
        model: { $case: 'graduated', value: { tiers: [{ upTo: '10000000', unitAmount: '0.0000025', flatAmount: '' }, { upTo: '', unitAmount: '0.00000125', flatAmount: '' }] } },
      },
      {
        code: 'generated_tokens', displayName: 'Generated tokens', meter: 'generated_tokens',
        model: { $case: 'volume', value: { tiers: [{ upTo: '1000000', unitAmount: '0.00001', flatAmount: '' }, { upTo: '', unitAmount: '0.000008', flatAmount: '' }] } },
      },
    ],
  });
  for (const customer of customers) await subscribe(caller, { customer, plan: PLAN, startTime: START_TIME });

  const read = (await Promise.all(customers.map((customer) => readEvents(options.folder, customer)))).flat();
  const events = options.shuffleSeed === null ? read : shuffled(read, options.shuffleSeed);
  const rounds = options.twice ? [...events, ...events] : events;
  const started = performance.now();
  const duplicateCount = await record(caller, rounds, options.batchSize, (done) => progress(done, rounds.length));
  const ingestSeconds = (performance.now() - started) / 1000;

  await caller.scheduler.advanceClock({ targetTime: at(TARGET_TIME) });
  const listed = await Promise.all(customers.map((customer) => caller.invoices.listInvoices({ pageSize: 0, pageToken: '', subscription: customer })));
  return { eventCount: rounds.length, duplicateCount, ingestSeconds, invoices: listed.flatMap(({ invoices }) => invoices) };
}

async function readEvents(folder: string, customer: string): Promise<UsageEvent[]> {
  const file = fileOf(customer);
  const events: UsageEvent[] = [];
  let row = -1;
  for await (const line of createInterface({ input: createReadStream(join(folder, file)), crlfDelay: Number.POSITIVE_INFINITY })) {
    row += 1;
    if (row === 0 || line === '') continue;
    const columns = ROW.exec(line)?.slice(1);
    if (columns === undefined) throw new Error(`${file}, row ${row}: expected TIMESTAMP,ContextTokens,GeneratedTokens, found ${line.slice(0, 100)}`);
    const eventTime = timestampFromInstant(parseInstant(`${columns[0]}T${columns[1]}Z`));
    for (const { code, column } of meters) {
      events.push({
        idempotencyKey: sha256Hex(`${file}\n${row}\n${code}`), meter: code, customer, subscription: '', eventTime, value: parseDecimal(columns[column + 1] ?? ''), properties: new Map(),
      });
    }
  }
  return events;
}

/** Sends the events in batches, a few at once; answers how many were known before. Throws at the first refusal. */
async function record({ usage }: Caller, events: readonly UsageEvent[], batchSize: number, progress: (done: number) => void): Promise<number> {
  let next = 0, done = 0, duplicates = 0;
  const sender = async (): Promise<void> => {
    while (next < events.length) {
      const batch = events.slice(next, next + batchSize);
      next += batchSize;
      const { outcomes } = await usage.recordUsage({ events: batch });
      const refused = outcomes.find(({ outcome }) => outcome === UsageOutcome.REFUSED);
      if (refused !== undefined) throw new Error(`event ${refused.idempotencyKey} was refused: ${refused.reason} ${refused.field} ${refused.message}`);
      duplicates += outcomes.filter(({ outcome }) => outcome === UsageOutcome.DUPLICATE).length;
      done += batch.length;
      progress(done);
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, sender));
  return duplicates;
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
