/** The catalog's rpcs on a database of their own: other services are small functions, as the composition root gives them. */
import {
  createLog, DomainError, instantFromTimestamp, openDatabase, setSandboxTime, sqlOf, timestampFromInstant,
  type CallContext, type Database, type Handlers, type Timestamp,
} from '@valora/chassis';
import type { CatalogServiceService } from '@valora/contracts/valora/pricing/v1/catalog';
import type { PriceModel, PriceModifiers } from '@valora/contracts/valora/pricing/v1/price_model';
import { formatInstant, parseInstant } from '@valora/rating';
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { catalogHandlers } from '../src/catalog.ts';
import type { Transaction } from '../src/database.ts';
import { PrismaClient } from '../src/generated/prisma/client.ts';

export interface PricingLab {
  readonly testDatabase: TestDatabase;
  readonly database: Database<Transaction>;
  readonly catalog: Handlers<typeof CatalogServiceService>;
  /** Moves a sandbox's clock. */
  setClock(organizationId: string, text: string): Promise<void>;
  close(): Promise<void>;
}

export const CLOCK = '2026-01-15T00:00:00Z';

const CALL_MS_MAX = 30_000;
let requests = 0;

/** Every organization is a sandbox in USD whose clock stands at CLOCK; the meters `tokens` and `calls` exist. */
export async function openPricingLab(): Promise<PricingLab> {
  const testDatabase = await createTestDatabase();
  const database = openDatabase<Transaction>({ config: testDatabase.config('pricing'), log: createLog('pricing'), createClient: (adapter) => new PrismaClient({ adapter }) });
  const catalog = catalogHandlers({
    database,
    findSandboxTime: async () => parseInstant(CLOCK),
    findCurrency: async () => 'USD',
    meterExists: async (_context, code) => code === 'tokens' || code === 'calls',
  });
  return {
    testDatabase, database, catalog,
    async setClock(organizationId, text) {
      await database.transaction(organizationId, (tx) => setSandboxTime(sqlOf(tx), parseInstant(text)));
    },
    async close() {
      await database.close();
      await testDatabase.drop();
    },
  };
}

export function as(organizationId: string): CallContext {
  return {
    organizationId, caller: { kind: 'API_KEY', actor: 'key:test', scopes: ['admin'] }, deadlineMs: Date.now() + CALL_MS_MAX, signal: new AbortController().signal, callDepth: 0,
  };
}

export function newRequestId(): string {
  requests += 1;
  return `request-${requests}`;
}

export function at(text: string): Timestamp {
  return timestampFromInstant(parseInstant(text));
}

export function shown(value: Timestamp | undefined): string {
  return value === undefined ? 'open' : formatInstant(instantFromTimestamp(value));
}

export function perUnit(unitAmount: string): PriceModel {
  return { model: { $case: 'perUnit', value: { unitAmount } } };
}

export function flat(amount: string): PriceModel {
  return { model: { $case: 'flat', value: { amount } } };
}

export function percentage(percent: string, fixedAmount = ''): PriceModel {
  return { model: { $case: 'percentage', value: { percent, fixedAmount } } };
}

export function modifiers(wanted: Partial<PriceModifiers>): PriceModifiers {
  return { includedQuantity: '', minimum: '', maximum: '', ...wanted };
}

export function tier(upTo: string, unitAmount: string, flatAmount = ''): { upTo: string; unitAmount: string; flatAmount: string } {
  return { upTo, unitAmount, flatAmount };
}

/** What an rpc refuses with. */
export async function refusal(call: Promise<unknown>): Promise<DomainError['facts']> {
  const thrown: unknown = await call.then(() => new Error('it was not refused'), (error: unknown) => error);
  if (thrown instanceof DomainError) return thrown.facts;
  throw thrown;
}
