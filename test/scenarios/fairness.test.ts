// Many due cycles of one organization next to few of another, worked on by one scheduler and by several: the few don't wait
// for the many, and nothing is worked on twice.
import { callerOf, createPlan, subscribe, type PriceSample } from '@valora/cli';
import { BillingCycleServiceService } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { formatInstant, instant, parseInstant, type Instant } from '@valora/rating';
import { startTestValora, type TestOrganization, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contextFor, openBackstage, type Backstage } from './backstage.ts';

const fee: PriceSample = { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } };
const CLOCK = parseInstant('2026-01-15T00:00:00Z');
/** Facts recorded at the clock count in a run only when the clock has moved on. */
const DUE = instant(CLOCK + 1_000_000n);
/** 7 years of months each. */
const MANY = { subscriptions: 10, start: '2019-01-01T00:00:00Z' };
const FEW = { subscriptions: 5, start: '2025-12-01T00:00:00Z' };
/** An organization's turn is 10 batches, and a batch takes the next cycle of each subscription. */
const TURN = 10 * MANY.subscriptions;

type Clock = 'a sandbox' | 'the real clock';

let valora: TestValora;
let backstage: Backstage;
let owner: pg.Client;
beforeAll(async () => {
  valora = await startTestValora();
  backstage = openBackstage(valora);
  owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  backstage.close();
  await valora.stop();
});

/** An organization with a plan, ready for subscriptions. */
async function prepared(clock: Clock): Promise<TestOrganization> {
  const organization = await valora.createOrganization(clock === 'a sandbox' ? { sandboxTime: formatInstant(CLOCK) } : {});
  await createPlan(callerOf(organization.connection), { plan: 'team', currencyCode: 'USD', effectiveFrom: '2010-01-01T00:00:00Z', prices: [fee] });
  return organization;
}

/** Back-dated subscriptions, all of whose past cycles are due when this returns. */
async function fallDue({ organizationId, connection }: TestOrganization, { subscriptions, start }: typeof MANY, clock: Clock): Promise<void> {
  for (let number = 1; number <= subscriptions; number += 1) await subscribe(callerOf(connection), { customer: `s${number}`, plan: 'team', startTime: start });
  if (clock === 'a sandbox') await backstage.setClock(organizationId, DUE);
}

async function count(sql: string, ...values: readonly string[]): Promise<number> {
  const { rows } = await owner.query<{ count: string }>(`select count(*) as count from ${sql}`, [...values]);
  return Number(rows[0]?.count);
}

const closedCount = ({ organizationId }: TestOrganization): Promise<number> => count(`subscription.billing_cycle where organization_id = $1 and state = 'CLOSED'`, organizationId);
const dueCount = ({ organizationId }: TestOrganization, now: Instant): Promise<number> =>
  count(`subscription.billing_cycle where organization_id = $1 and state <> 'CLOSED' and cutoff_time <= $2`, organizationId, String(now));
const finalizedCount = ({ organizationId }: TestOrganization): Promise<number> => count('invoicing.invoice_finalization where organization_id = $1', organizationId);
/** Runs of an organization that were stored after a transaction began and before the last run of another: a transaction's number tells when it first wrote. */
const runsBetween = (many: TestOrganization, since: string, few: TestOrganization): Promise<number> => count(
  `invoicing.billing_run where organization_id = $1 and xmin::text::bigint > $2
     and xmin::text::bigint < (select max(xmin::text::bigint) from invoicing.billing_run where organization_id = $3)`, many.organizationId, since, few.organizationId);

async function transactionNumber(): Promise<string> {
  return (await owner.query<{ number: string }>('select txid_current() as number')).rows[0]?.number ?? '';
}

test.each<[Clock, number]>([['a sandbox', 1], ['a sandbox', 3], ['the real clock', 3]])('on %s, by %i schedulers: few cycles that fall due amid many of another organization are closed within two turns of it, each once', async (clock, schedulers) => {
  const [many, few] = [await prepared(clock), await prepared(clock)];
  const replicas = await backstage.startReplicas(schedulers);
  let now: Instant = DUE;
  try {
    await fallDue(many, MANY, clock);
    await expect.poll(() => closedCount(many), { timeout: 60_000, interval: 10 }).toBeGreaterThan(TURN);
    await fallDue(few, FEW, clock);
    if (clock === 'the real clock') now = instant(BigInt(Date.now() + 1) * 1_000n);
    // One scheduler alone would open them with its next tick, when it is through with the many.
    await backstage.peer.stub(BillingCycleServiceService).openDueCycles(contextFor(few.organizationId), { batchSizeMax: 1_000 });
    const since = await transactionNumber();
    for (const { organizationId } of [few, many]) await backstage.workDone(organizationId, now);
    expect(await runsBetween(many, since, few)).toBeLessThanOrEqual(2 * TURN);
    expect(await count('invoicing.billing_run where organization_id = $1 and xmin::text::bigint > $2', many.organizationId, since)).toBeGreaterThan(2 * TURN);
  } finally {
    await replicas.stop();
  }
  expect(await Promise.all([many, few].map((organization) => dueCount(organization, now)))).toEqual([0, 0]);
  const closed = await Promise.all([many, few].map(closedCount));
  expect(await Promise.all([many, few].map(finalizedCount))).toEqual(closed);
  const total = closed.reduce((sum, one) => sum + one, 0);
  expect(total).toBeGreaterThanOrEqual(MANY.subscriptions * 84 + FEW.subscriptions);
  expect(await replicas.total('valora_scheduler_batch_processed_total{job="close_cycles",resource="billing_cycle"}')).toBe(total);
  expect(await replicas.total('valora_scheduler_batch_processed_total{job="issue_invoices",resource="invoice"}')).toBe(total);
  expect(await replicas.total('valora_scheduler_batch_deferred_total{job="close_cycles",reason="TURN_ENDED"}')).toBeGreaterThanOrEqual(5);
}, 120_000);
