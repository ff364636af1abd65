// The book that is worked through while processes die: three subscriptions, three cycles each, sixty events of which some are
// late. Its steps are what a client does, each safe to repeat; what it comes to must not depend on how often.
import { timestampFromInstant } from '@valora/chassis';
import type { Caller, PriceSample } from '@valora/cli';
import { UsageOutcome, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { parseInstant } from '@valora/rating';
import { startScenario, summary, type Scenario } from '@valora/testkit/scenario';
import type { TestValora } from '@valora/testkit/valora';
import type pg from 'pg';

export type StepKind = 'INGEST' | 'CLOSE';

export interface Step {
  readonly kind: StepKind;
  /** Does what is not acknowledged yet; rejects when it broke off. `acknowledged` is called at each acknowledgement, in the moment it comes. */
  work(caller: Caller, acknowledged: () => void): Promise<void>;
}

const prices: readonly PriceSample[] = [
  { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } },
  {
    code: 'requests', displayName: 'Requests', meter: 'requests',
    model: { $case: 'graduated', value: { tiers: [{ upTo: '50', unitAmount: '0.105', flatAmount: '1' }, { upTo: '', unitAmount: '0.05', flatAmount: '3' }] } },
  },
];
// Two cycles that close together and one alone.
const startTimes = { a: '2026-01-01T00:00:00Z', b: '2026-01-01T00:00:00Z', c: '2026-01-05T00:00:00Z' } as const;
const customers = ['a', 'b', 'c'] as const;
const MONTHS = 3;
const BATCHES_PER_MONTH = 10;
const BATCH_SIZE = 2;
const SENDERS = 4;

export async function openBook(valora: TestValora): Promise<Scenario> {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', prices);
  for (const customer of customers) await scenario.subscribe(customer, 'team', startTimes[customer]);
  return scenario;
}

/**
 * Each month: its first days pass, which closes the month before; then its usage is sent, a few batches at once. `storedUnheard` is called for a batch that was stored
 * by a replica that died before it said so.
 */
export function bookSteps(storedUnheard: () => void): readonly Step[] {
  const months = Array.from({ length: MONTHS }, (_, index) => index + 1);
  return [...months.flatMap((month) => [close(month), ingest(month, storedUnheard)]), close(MONTHS + 1)];
}

export const bookKeys: readonly string[] = Array.from({ length: MONTHS }, (_, index) => eventsOf(index + 1).map(({ idempotencyKey }) => idempotencyKey)).flat().toSorted();

function close(month: number): Step {
  return { kind: 'CLOSE', work: async ({ scheduler }) => void await scheduler.advanceClock({ targetTime: dayOf(month, 12) }) };
}

function ingest(month: number, storedUnheard: () => void): Step {
  const events = eventsOf(month);
  const unacknowledged = new Set(Array.from({ length: BATCHES_PER_MONTH }, (_, batch) => events.slice(batch * BATCH_SIZE, (batch + 1) * BATCH_SIZE)));
  return {
    kind: 'INGEST',
    async work({ usage }, acknowledged) {
      const waiting = [...unacknowledged];
      const send = async (): Promise<void> => {
        for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
          const { outcomes } = await usage.recordUsage({ events: batch });
          const refused = outcomes.find(({ outcome }) => outcome !== UsageOutcome.RECORDED && outcome !== UsageOutcome.DUPLICATE);
          if (refused !== undefined) throw new Error(`event ${refused.idempotencyKey} was refused: ${refused.reason} ${refused.message}`);
          if (outcomes.some(({ outcome }) => outcome === UsageOutcome.DUPLICATE)) storedUnheard();
          unacknowledged.delete(batch); // from now on losing it is Valora's fault: nobody sends it again
          acknowledged();
        }
      };
      const failed = (await Promise.allSettled(Array.from({ length: SENDERS }, send))).find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  };
}

/** The month's events; every fifth belongs to the month before and is late. */
function eventsOf(month: number): UsageEvent[] {
  return Array.from({ length: BATCHES_PER_MONTH * BATCH_SIZE }, (_, position) => ({
    idempotencyKey: `${month}-${position}`, meter: 'requests', customer: customers[position % customers.length] ?? 'a', subscription: '',
    eventTime: position % 5 === 4 && month > 1 ? dayOf(month - 1, 20) : dayOf(month, 6 + (position % 6)), value: `${position * 7 - 11}.${month}`, properties: new Map<string, string>(),
  }));
}

function dayOf(month: number, day: number) {
  return timestampFromInstant(parseInstant(`2026-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}T00:00:00Z`));
}

/** What a book came to, in words that are the same for every undisturbed one. */
export async function bookOutcome(owner: pg.Client, scenario: Scenario): Promise<object> {
  const of = async (sql: string): Promise<readonly string[]> =>
    (await owner.query<{ found: string }>(sql, [scenario.organization.organizationId])).rows.map(({ found }) => found);
  const invoices = await scenario.invoices();
  const documents = [
    ...invoices.map(({ invoiceId: value }) => ({ $case: 'invoiceId', value }) as const),
    ...(await scenario.creditNotes()).map(({ creditNoteId: value }) => ({ $case: 'creditNoteId', value }) as const),
  ];
  const verified = await Promise.all(documents.map(async (document) => (await scenario.caller.invoices.verifyInvoice({ document })).result));
  const services = ['tenancy', 'metering', 'pricing', 'subscription', 'invoicing'];
  return {
    keys: (await of('select idempotency_key as found from metering.usage_key where organization_id = $1')).toSorted(),
    events: (await of('select idempotency_key as found from metering.usage_event where organization_id = $1')).toSorted(),
    runs: (await of(`select subscription_reference || '/' || run_index as found from invoicing.billing_run where organization_id = $1`)).toSorted(),
    openCycles: (await of(`select subscription_reference || '/' || cycle_index as found from subscription.billing_cycle where organization_id = $1 and state <> 'CLOSED'`)).toSorted(),
    summaries: invoices.map(summary).toSorted(),
    numbers: invoices.map(({ number }) => Number(number)).toSorted((one, other) => one - other),
    canonical: await scenario.canonical(),
    unverified: verified.filter((result) => result?.$case !== 'match'),
    // A gap, or a record too many, would make these differ.
    auditGaps: await of(services.map((service) =>
      `select '${service}' as found from ${service}.audit_record where organization_id = $1 having count(*) <> max(sequence) or max(sequence) <> (select last_sequence from ${service}.audit_head where organization_id = $1)`).join(' union all ')),
    // A clock is set anew by every repetition; all else happens once.
    audited: (await of(services.map((service) => `select action || ' ' || regexp_replace(subject, '_.*', '') as found from ${service}.audit_record where organization_id = $1 and action not like '%/SetClock'`).join(' union all '))).toSorted(),
  };
}
