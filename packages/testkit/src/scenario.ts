// The language of scenarios: a sandbox organization, and short words for what happens to it on which day.
import { timestampFromInstant } from '@valora/chassis';
import { callerOf, createPlan, subscribe, type Caller, type PriceSample } from '@valora/cli';
import type { Invoice } from '@valora/contracts/valora/invoicing/v1/invoice';
import { CreditNoteServiceService, type CreditNote } from '@valora/contracts/valora/invoicing/v1/credit_note';
import { UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import { CancelTiming, type BillingAlignment } from '@valora/contracts/valora/subscription/v1/subscription';
import { parseInstant } from '@valora/rating';
import type { OrganizationOptions, TestOrganization, TestValora } from './start-test-valora.ts';

export interface Scenario {
  readonly organization: TestOrganization;
  readonly caller: Caller;
  /** Creates meters, prices with a version from the sandbox's first instant on, and a plan of them all. */
  plan(code: string, prices: readonly PriceSample[], effectiveFrom?: string): Promise<void>;
  /** A customer with a subscription of the same reference. */
  subscribe(customer: string, plan: string, startTime: string, alignment?: BillingAlignment): Promise<void>;
  /** Ends a subscription at a time, or `now`, or at the `period end`. */
  cancel(subscription: string, end: string): Promise<void>;
  uncancel(subscription: string): Promise<void>;
  /** Records events `[key, meter, customer, time, value]`; every one must be stored. */
  use(...events: readonly (readonly [key: string, meter: string, customer: string, time: string, value: string])[]): Promise<void>;
  /** Moves the sandbox's clock. */
  advance(time: string): Promise<void>;
  invoices(): Promise<readonly Invoice[]>;
  creditNotes(): Promise<readonly CreditNote[]>;
  /** The canonical bytes of every invoice, by subscription and run. */
  canonical(): Promise<readonly string[]>;
}

export async function startScenario(valora: Pick<TestValora, 'createOrganization'>, sandboxTime: string, options: OrganizationOptions = {}): Promise<Scenario> {
  const organization = await valora.createOrganization({ ...options, sandboxTime });
  const caller = callerOf(organization.connection);
  const allInvoices = async (): Promise<readonly Invoice[]> => (await caller.invoices.listInvoices({ pageSize: 200, pageToken: '', subscription: '' })).invoices;
  let requests = 0;
  const nextRequestId = (): string => `scenario ${(requests += 1)}`;
  return {
    organization,
    caller,
    plan: (plan, prices, effectiveFrom = sandboxTime) => createPlan(caller, { plan, currencyCode: options.currencyCode ?? 'USD', effectiveFrom, prices }),
    subscribe: (customer, plan, startTime, alignment) => subscribe(caller, { customer, plan, startTime, alignment }),
    async cancel(reference, end) {
      const timing = new Map([['now', CancelTiming.NOW], ['period end', CancelTiming.PERIOD_END]]).get(end) ?? CancelTiming.AT_TIME;
      const cancelTime = timing === CancelTiming.AT_TIME ? timestampFromInstant(parseInstant(end)) : undefined;
      await caller.subscriptions.cancelSubscription({ requestId: nextRequestId(), reference, timing, cancelTime, reason: '' });
    },
    async uncancel(reference) {
      await caller.subscriptions.uncancelSubscription({ requestId: nextRequestId(), reference });
    },
    async use(...events) {
      const { outcomes } = await caller.usage.recordUsage({
        events: events.map(([idempotencyKey, meter, customer, time, value]) =>
          ({ idempotencyKey, meter, customer, subscription: '', eventTime: timestampFromInstant(parseInstant(time)), value, properties: new Map() })),
      });
      const unstored = outcomes.find(({ outcome }) => outcome !== UsageOutcome.RECORDED);
      if (unstored !== undefined) throw new Error(`event ${unstored.idempotencyKey} was not stored: ${unstored.reason} ${unstored.message}`);
    },
    async advance(time) {
      await caller.scheduler.advanceClock({ targetTime: timestampFromInstant(parseInstant(time)) });
    },
    invoices: allInvoices,
    creditNotes: async () => (await organization.connection.stub(CreditNoteServiceService).listCreditNotes({ pageSize: 200, pageToken: '' })).creditNotes,
    async canonical() {
      const invoices = (await allInvoices()).toSorted((one, other) => (one.subscription === other.subscription ? one.runIndex - other.runIndex : one.subscription < other.subscription ? -1 : 1));
      return await Promise.all(invoices.map(async ({ invoiceId }) => Buffer.from((await caller.invoices.getCanonicalInvoice({ invoiceId })).canonicalInvoice).toString()));
    },
  };
}

/** An invoice as one line a reader can check: `acme 2: fee 20.00, requests 12.50 = 32.50`. */
export function summary({ subscription, runIndex, lines, credits, total }: Invoice): string {
  const parts = lines.map((line) => `${line.price}${line.adjustment ? ` (cycle ${line.cycleIndex})` : ''} ${line.amount?.amount}`);
  const used = credits.map(({ amount }) => `credit -${amount?.amount}`);
  return `${subscription} ${runIndex}: ${[...parts, ...used].join(', ')} = ${total?.amount}`;
}
