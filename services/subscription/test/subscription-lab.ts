/** The rpcs of this service on a database of their own: other services are small functions, as the composition root gives them. */
import {
  createLog, DomainError, dueWorkHandlers, fenceHandlers, instantFromTimestamp, openDatabase, setDueWorkSandboxTime, sqlOf, timestampFromInstant,
  type CallContext, type Handlers, type Timestamp,
} from '@valora/chassis';
import type { BillingCycle, BillingCycleServiceService, DueWorkServiceService } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import type { CustomerServiceService } from '@valora/contracts/valora/subscription/v1/customer';
import { CancelTiming, type BillingAlignment, type Subscription, type SubscriptionItem, type SubscriptionServiceService } from '@valora/contracts/valora/subscription/v1/subscription';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import { formatInstant, parseInstant, type Instant } from '@valora/rating';
import { createTestDatabase } from '@valora/testkit';
import pg from 'pg';
import { billingCycleHandlers } from '../src/billing-cycles.ts';
import { customerHandlers } from '../src/customers.ts';
import type { Transaction } from '../src/database.ts';
import { dueWorkKinds } from '../src/due-work.ts';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import type { PlanOffer } from '../src/plan-offer.ts';
import { subscriptionHandlers } from '../src/subscriptions.ts';
import type { GraceVersion } from '../src/sources.ts';

export interface SubscriptionLab {
  readonly customers: Handlers<typeof CustomerServiceService>;
  readonly subscriptions: Handlers<typeof SubscriptionServiceService>;
  readonly cycles: Handlers<typeof BillingCycleServiceService>;
  readonly dueWork: Handlers<typeof DueWorkServiceService>;
  /** What tenancy would answer; to be changed by a test. */
  settings: readonly GraceVersion[];
  /** By subscription, when its first late usage was recorded, as metering would answer; to be changed by a test. */
  readonly firstRecorded: Map<string, Instant>;
  /** Through when tenancy was asked to seal, in order. */
  readonly sealed: Instant[];
  setClock(organizationId: string, text: string): Promise<void>;
  /** Runs SQL as the owner of the database, whom row-level security does not hold; answers the rows. */
  asOwner(statement: string): Promise<readonly object[]>;
  close(): Promise<void>;
}

/** Where the clock of every organization stands at first, save `org_real…`, which go by the database's. */
export const CLOCK = '2026-01-15T00:00:00Z';

const CALL_MS_MAX = 60_000;
const plans: Readonly<Record<string, PlanOffer>> = {
  pro: { code: 'pro', version: 3, interval: 'MONTH', intervalCount: 1, prices: [{ code: 'fee', meterCode: null }, { code: 'tokens', meterCode: 'tokens' }, { code: 'seat', meterCode: null }] },
  calls: { code: 'calls', version: 1, interval: 'MONTH', intervalCount: 1, prices: [{ code: 'calls', meterCode: 'calls' }] },
  both: { code: 'both', version: 1, interval: 'MONTH', intervalCount: 1, prices: [{ code: 'calls', meterCode: 'calls' }, { code: 'tokens', meterCode: 'tokens' }] },
  daily: { code: 'daily', version: 1, interval: 'DAY', intervalCount: 1, prices: [{ code: 'calls', meterCode: 'calls' }] },
  fees: { code: 'fees', version: 1, interval: 'MONTH', intervalCount: 1, prices: [{ code: 'fee', meterCode: null }] },
};
let requests = 0;

export function settings(recorded: string, graceMicros = 0n): GraceVersion {
  return { recordedTime: parseInstant(recorded), graceMicros };
}

export async function openSubscriptionLab(): Promise<SubscriptionLab> {
  const testDatabase = await createTestDatabase();
  const database = openDatabase<Transaction>({ config: testDatabase.config('subscription'), log: createLog('subscription'), createClient: (adapter) => new PrismaClient({ adapter }) });
  const recording = { database, findSandboxTime: async ({ organizationId }: CallContext) => (organizationId.startsWith('org_real') ? null : parseInstant(CLOCK)) };
  const fence = fenceHandlers(recording, (tx, now) => setDueWorkSandboxTime(sqlOf(tx), now));
  const lab: SubscriptionLab = {
    customers: customerHandlers(recording),
    subscriptions: subscriptionHandlers({ ...recording, sources: { findPlan: async (_context, code) => plans[code] ?? null, findTimeZone: async () => 'Europe/Berlin' } }),
    cycles: billingCycleHandlers({
      ...recording,
      tzdataVersion: '2026a',
      sources: {
        async sealedSettings(_context, throughTime) {
          lab.sealed.push(throughTime);
          return lab.settings;
        },
        findFirstRecorded: async (_context, looks) => new Map(looks.flatMap(({ reference, last }) => {
          const recorded = lab.firstRecorded.get(reference);
          return recorded === undefined || recorded < last.cutoff ? [] : [[reference, recorded]];
        })),
      },
    }),
    dueWork: dueWorkHandlers(database, dueWorkKinds, { observe: () => {} }),
    firstRecorded: new Map(),
    settings: [settings('2020-01-01T00:00:00Z')],
    sealed: [],
    async setClock(organizationId, text) {
      await fence.setClock(as(organizationId), { currentTime: at(text) });
    },
    async asOwner(statement) {
      const owner = new pg.Client({ connectionString: testDatabase.url });
      await owner.connect();
      try {
        return (await owner.query<object>(statement)).rows;
      } finally {
        await owner.end();
      }
    },
    async close() {
      await database.close();
      await testDatabase.drop();
    },
  };
  return lab;
}

export function as(organizationId: string): CallContext {
  return {
    organizationId, caller: { kind: 'SERVICE', actor: 'service:test', scopes: ['internal'] }, deadlineMs: Date.now() + CALL_MS_MAX, signal: new AbortController().signal, callDepth: 0,
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
  return value === undefined ? 'none' : formatInstant(instantFromTimestamp(value));
}

export async function createCustomer(lab: SubscriptionLab, organizationId: string, reference: string, timeZone = ''): Promise<void> {
  await lab.customers.createCustomer(as(organizationId), { requestId: newRequestId(), customer: { reference, displayName: '', timeZone } });
}

/** What a caller says; the rest is for the service to say. */
export function wanted(
  { start, items = [], alignment = 0, ...named }: { reference: string; customer: string; plan: string; start?: string; items?: readonly SubscriptionItem[]; alignment?: BillingAlignment },
): Subscription {
  return {
    ...named, items, planVersion: 0, timeZone: '', interval: PeriodInterval.UNSPECIFIED, intervalCount: 0, state: 0, alignment, ...(start === undefined ? {} : { startTime: at(start) }),
  };
}

export async function subscribe(lab: SubscriptionLab, organizationId: string, subscription: Parameters<typeof wanted>[0]): Promise<Subscription | undefined> {
  return (await lab.subscriptions.createSubscription(as(organizationId), { requestId: newRequestId(), subscription: wanted(subscription) })).subscription;
}

/** Cancels at a time, or now. */
export async function cancel(lab: SubscriptionLab, organizationId: string, reference: string, time?: string): Promise<Subscription | undefined> {
  const timing = time === undefined ? CancelTiming.NOW : CancelTiming.AT_TIME;
  return (await lab.subscriptions.cancelSubscription(as(organizationId), { requestId: newRequestId(), reference, timing, reason: '', ...(time === undefined ? {} : { cancelTime: at(time) }) })).subscription;
}

/** A cycle in one line. */
export function line({ subscription, cycleIndex, period, cutoffTime }: BillingCycle): string {
  return `${subscription} ${cycleIndex}: [${shown(period?.startTime)}, ${shown(period?.endTime)}) cutoff ${shown(cutoffTime)}`.replaceAll('T00:00:00Z', '');
}

/** What an rpc refuses with. */
export async function refusal(call: Promise<unknown>): Promise<DomainError['facts']> {
  const thrown: unknown = await call.then(() => new Error('it was not refused'), (error: unknown) => error);
  if (thrown instanceof DomainError) return thrown.facts;
  throw thrown;
}
