/** Metering's use cases on a database of their own, for an organization whose clock the test sets. */
import { openDatabase, createLog, setSandboxTime, sqlOf, type CallContext, type Database } from '@valora/chassis';
import { Aggregation, type Meter as MeterMessage } from '@valora/contracts/valora/metering/v1/meter';
import { UsageOutcome, type UsageEvent as UsageEventMessage } from '@valora/contracts/valora/metering/v1/usage';
import { instant, parseInstant } from '@valora/rating';
import { createTestDatabase } from '@valora/testkit';
import pg from 'pg';
import { Registry } from 'prom-client';
import { createMeter } from '../src/create-meter.ts';
import type { Transaction } from '../src/dependencies.ts';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import { createIngestQueue, type IngestLimits } from '../src/ingest-queue.ts';
import { createMeterCache } from '../src/meter-store.ts';
import { createIngestMetrics } from '../src/metrics.ts';
import { createBatchWriter, recordUsage, type RecordUsageDependencies } from '../src/record-usage.ts';

export const NOON = parseInstant('2026-03-01T12:00:00Z');
export const HOUR = 3_600_000_000n;
const SECOND = 1_000_000n;

export interface Metering {
  /** As the owner, past row-level security. */
  readonly url: string;
  readonly dependencies: RecordUsageDependencies;
  /** A connection as the owner in metering's schema, closed by `stop`. */
  connectOwner(): Promise<pg.Client>;
  /** Another process on the same database: its own pool, queue and meters in memory. */
  replica(limits?: IngestLimits): RecordUsageDependencies;
  /** Creates an organization's meters: `calls` counts, `tokens` adds up, `eu-calls` and `eu-tokens` the same for region eu. */
  createMeters(context: CallContext): Promise<void>;
  stop(): Promise<void>;
}

export async function startMetering(): Promise<Metering> {
  const testDatabase = await createTestDatabase();
  const databases: Database<Transaction>[] = [];
  const owners: pg.Client[] = [];
  let requests = 0;

  function replica(limits?: IngestLimits): RecordUsageDependencies {
    const database = openDatabase<Transaction>({
      config: testDatabase.config('metering'), log: createLog('metering', () => {}), createClient: (adapter) => new PrismaClient({ adapter }),
    });
    databases.push(database);
    const queue = createIngestQueue(createBatchWriter({ database }), limits);
    return { database, findSandboxTime: async () => NOON, meters: createMeterCache({ database }), queue, metrics: createIngestMetrics(new Registry()) };
  }

  const dependencies = replica();
  return {
    url: testDatabase.url, dependencies, replica,
    async connectOwner() {
      const owner = new pg.Client({ connectionString: testDatabase.url, options: '-c search_path=metering' });
      owners.push(owner);
      await owner.connect();
      return owner;
    },
    async createMeters(context) {
      const filters = [{ property: 'region', values: ['eu', 'eu-west'] }];
      const meters: Partial<MeterMessage>[] = [
        { code: 'calls', aggregation: Aggregation.COUNT },
        { code: 'tokens', aggregation: Aggregation.SUM },
        { code: 'eu-calls', aggregation: Aggregation.COUNT, filters },
        { code: 'eu-tokens', aggregation: Aggregation.SUM, filters: [...filters, { property: 'tier', values: ['paid'] }] },
      ];
      for (const meter of meters) {
        requests += 1;
        await createMeter(dependencies, context, { requestId: `meter-${requests}`, meter: { code: '', displayName: '', aggregation: 0, filters: [], uniqueProperty: '', takesNegativeValues: true, ...meter } });
      }
    },
    async stop() {
      await Promise.all([...databases.map((database) => database.close()), ...owners.map((owner) => owner.end())]);
      await testDatabase.drop();
    },
  };
}

let organizations = 0;

/** A context of a new organization. */
export function newOrganization(): CallContext {
  organizations += 1;
  return {
    organizationId: `org_${organizations}`, caller: { kind: 'API_KEY', actor: 'test', scopes: ['admin'] }, deadlineMs: Date.now() + 60_000,
    signal: new AbortController().signal, callDepth: 0,
  };
}

export async function setClock({ database }: RecordUsageDependencies, { organizationId }: CallContext, time: bigint): Promise<void> {
  await database.transaction(organizationId, (tx) => setSandboxTime(sqlOf(tx), instant(time)));
}

export function timestamp(micros: bigint): { seconds: bigint; nanos: number } {
  const ofSecond = ((micros % SECOND) + SECOND) % SECOND;
  return { seconds: (micros - ofSecond) / SECOND, nanos: Number(ofSecond) * 1000 };
}

export function micros(time: { readonly seconds: bigint; readonly nanos: number } | undefined): bigint {
  return (time?.seconds ?? 0n) * SECOND + BigInt((time?.nanos ?? 0) / 1000);
}

export function period(start: bigint, end: bigint): { startTime: ReturnType<typeof timestamp>; endTime: ReturnType<typeof timestamp> } {
  return { startTime: timestamp(start), endTime: timestamp(end) };
}

/** An event of meter `tokens` at noon, unless told otherwise. */
export function usageEvent(idempotencyKey: string, changes: Partial<UsageEventMessage> & { readonly time?: bigint } = {}): UsageEventMessage {
  const { time = NOON, ...rest } = changes;
  return { idempotencyKey, meter: 'tokens', customer: 'acme', subscription: '', eventTime: timestamp(time), value: '1', properties: new Map(), ...rest };
}

/** The outcomes of a request in short: `RECORDED`, `DUPLICATE`, or the reason of a refusal. */
export async function outcomes(dependencies: RecordUsageDependencies, context: CallContext, events: readonly UsageEventMessage[]): Promise<string[]> {
  const response = await recordUsage(dependencies, context, { events });
  return response.outcomes.map(({ outcome, reason }) => {
    if (outcome === UsageOutcome.RECORDED) return 'RECORDED';
    return outcome === UsageOutcome.DUPLICATE ? 'DUPLICATE' : reason;
  });
}

/** A repeatable source of numbers for tests: the next one in 0 … below − 1 at each call. */
export function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
