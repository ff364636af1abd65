// The close itself, rpc by rpc as the scheduler calls it: what happens the second time, half-way, at once, and when what is
// stored was tampered with.
import { CallError, timestampFromInstant, type OutgoingContext, type Peer } from '@valora/chassis';
import type { PriceSample } from '@valora/cli';
import { InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { FenceServiceService as MeteringFence } from '@valora/contracts/valora/metering/v1/fence';
import { BillingTiming, VersionResolution } from '@valora/contracts/valora/pricing/v1/catalog';
import { Job, SchedulerServiceService } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { BillingCycleServiceService } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import { parseInstant } from '@valora/rating';
import { startScenario, summary, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contextFor, openBackstage, type Backstage } from './backstage.ts';

const fee: PriceSample = { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } };
const at = (text: string) => timestampFromInstant(parseInstant(text));
const CUTOFF = '2026-02-01T00:00:00Z';
const lease = { seconds: 60n, nanos: 0 };

let valora: TestValora;
let backstage: Backstage;
let peer: Peer;
let owner: pg.Client;
beforeAll(async () => {
  valora = await startTestValora();
  backstage = openBackstage(valora);
  peer = backstage.peer;
  owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  backstage.close();
  await valora.stop();
});

/** An organization with subscriptions `s1` … whose first cycles stand at their cutoff, unworked. */
async function atCutoff(subscriptions: number): Promise<{ readonly scenario: Scenario; readonly context: OutgoingContext }> {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [fee]);
  for (let number = 1; number <= subscriptions; number += 1) await scenario.subscribe(`s${number}`, 'team', '2026-01-01T00:00:00Z');
  const { organizationId } = scenario.organization;
  const context = contextFor(organizationId);
  await backstage.setClock(organizationId, parseInstant(CUTOFF));
  await peer.stub(BillingCycleServiceService).openDueCycles(context, { batchSizeMax: 1_000 });
  return { scenario, context };
}

const cyclesOf = (count: number) => Array.from({ length: count }, (_, position) => ({ subscription: `s${position + 1}`, cycleIndex: 1 }));

test('a run stored twice, also by four workers at once, is one run with one digest', async () => {
  const { scenario, context } = await atCutoff(5);
  const invoices = peer.stub(InvoiceServiceService);
  const run = () => invoices.runBillingCycles(context, { cycles: cyclesOf(5), sealThroughTime: at(CUTOFF) });
  const [first, ...rest] = await Promise.all([run(), run(), run(), run()]);
  expect(first.results.map(({ result }) => result?.$case)).toEqual(Array(5).fill('digest'));
  for (const again of [...rest, await run()]) expect(again).toEqual(first);
  expect(await scenario.invoices()).toHaveLength(5);
});

test('numbers have no gap and no double when many finalize at once in small batches', async () => {
  const { scenario, context } = await atCutoff(40);
  const invoices = peer.stub(InvoiceServiceService);
  await invoices.runBillingCycles(context, { cycles: cyclesOf(40), sealThroughTime: at(CUTOFF) });
  const counts = await Promise.all(Array.from({ length: 12 }, () => invoices.finalizeDueInvoices(context, { batchSizeMax: 7 })));
  expect(counts.reduce((sum, { finalizedCount }) => sum + finalizedCount, 0)).toBe(40);
  expect((await scenario.invoices()).map(({ number }) => Number(number))).toEqual(Array.from({ length: 40 }, (_, position) => position + 1));
});

test('claimed by four at once, every cycle is given out once; a complete one is not given out again', async () => {
  const { context } = await atCutoff(20);
  const cycles = peer.stub(BillingCycleServiceService);
  const claims = await Promise.all(Array.from({ length: 4 }, () => cycles.claimDueCycles(context, { batchSizeMax: 8, leaseDuration: lease, withoutRetryDelay: false })));
  const claimed = claims.flatMap((claim) => claim.cycles.map(({ subscription }) => subscription));
  expect(new Set(claimed).size).toBe(claimed.length);
  const { cycles: rest } = await cycles.claimDueCycles(context, { batchSizeMax: 1_000, leaseDuration: lease, withoutRetryDelay: false });
  expect([...claimed, ...rest.map(({ subscription }) => subscription)].toSorted()).toEqual(cyclesOf(20).map(({ subscription }) => subscription).toSorted());
});

test('a seal before a cutoff, or after the clock, is refused, and nothing is stored', async () => {
  const { scenario, context } = await atCutoff(1);
  const run = (sealThroughTime: string) => peer.stub(InvoiceServiceService).runBillingCycles(context, { cycles: cyclesOf(1), sealThroughTime: at(sealThroughTime) });
  await expect(run('2026-01-31T23:59:59.999999Z')).rejects.toMatchObject({ reason: 'SEAL_TOO_EARLY' });
  await expect(run('2026-02-01T00:00:00.000001Z')).rejects.toMatchObject({ reason: 'SEAL_IN_FUTURE' });
  expect(await scenario.invoices()).toEqual([]);
});

test('after the seal no event is recorded before the cutoff, however late the clock says it is', async () => {
  const { scenario, context } = await atCutoff(1);
  await peer.stub(MeteringFence).sealThrough(context, { throughTime: at(CUTOFF) });
  await scenario.caller.meters.createMeter({ requestId: 'm', meter: { code: 'requests', displayName: '', aggregation: 1, filters: [], uniqueProperty: '', takesNegativeValues: false } });
  await scenario.use(['late', 'requests', 's1', '2026-01-10T00:00:00Z', '1']);
  const { event } = await scenario.caller.usage.getUsageEvent({ idempotencyKey: 'late' });
  expect(event?.recordedTime).toEqual(at(CUTOFF));
});

test('a stored run that no longer matches its facts is an alert, and is not repaired', async () => {
  const { scenario, context } = await atCutoff(2);
  const invoices = peer.stub(InvoiceServiceService);
  const run = () => invoices.runBillingCycles(context, { cycles: cyclesOf(2), sealThroughTime: at(CUTOFF) });
  await run();
  await tamper(`update pricing.price_version set model = replace(model::text, '"20"', '"21"')::jsonb where organization_id = $1`, scenario);
  const { results } = await run();
  expect(results.map(({ result }) => (result?.$case === 'error' ? result.value.reason : 'digest'))).toEqual(['RUN_DIGEST_MISMATCH', 'RUN_DIGEST_MISMATCH']);
  expect((await scenario.invoices()).map(summary)).toEqual(expect.arrayContaining(['s1 1: fee 20.00 = 20.00', 's2 1: fee 20.00 = 20.00']));
});

test.each([
  ['a line that was changed', `update invoicing.run_line set amount = amount + 0.01 where organization_id = $1 and subscription_reference = 's1'`],
  ['a total that was changed', `update invoicing.invoice set total = total + 0.01 where organization_id = $1 and subscription_reference = 's1'`],
  ['a subtotal that was changed', `update invoicing.billing_run set subtotal = subtotal + 0.01 where organization_id = $1 and subscription_reference = 's1'`],
  ['a line outside its cycle', `update invoicing.run_line set end_time = end_time + 1 where organization_id = $1 and subscription_reference = 's1'`],
])('finalizing sets %s aside, without a number, and goes on with the others', async (_name, sql) => {
  const { scenario, context } = await atCutoff(2);
  const invoices = peer.stub(InvoiceServiceService);
  await invoices.runBillingCycles(context, { cycles: cyclesOf(2), sealThroughTime: at(CUTOFF) });
  await tamper(sql, scenario);
  const finalized = await invoices.finalizeDueInvoices(context, { batchSizeMax: 10 });
  expect([finalized.finalizedCount, finalized.refusedInvoiceIds.length]).toEqual([1, 1]);
  expect(await invoices.finalizeDueInvoices(context, { batchSizeMax: 10 })).toEqual({ finalizedCount: 0, refusedInvoiceIds: [] });
  expect((await scenario.invoices()).map(({ subscription, number }) => `${subscription} ${number}`).toSorted()).toEqual(['s1 0', 's2 1']);
});

/** Changes rows as a superuser who switches the triggers off. */
async function tamper(sql: string, { organization }: Scenario): Promise<void> {
  await owner.query('begin');
  await owner.query("set local session_replication_role = 'replica'");
  const { rowCount } = await owner.query(sql, [organization.organizationId]);
  await owner.query('commit');
  if (rowCount === 0) throw new Error('nothing was tampered with');
}

test('two callers that move the same clock at once both end where they wanted, and every cycle is billed once', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [fee]);
  for (const customer of ['a', 'b', 'c']) await scenario.subscribe(customer, 'team', '2026-01-01T00:00:00Z');
  await Promise.all([scenario.advance('2026-04-15T00:00:00Z'), scenario.advance('2026-03-15T00:00:00Z'), scenario.advance('2026-04-15T00:00:00Z')]);
  expect((await scenario.invoices()).map(summary).toSorted()).toEqual(['a', 'b', 'c'].flatMap((customer) => [1, 2, 3].map((run) => `${customer} ${run}: fee 20.00 = 20.00`)));
  await expect(scenario.advance('2025-01-01T00:00:00Z')).resolves.toBeUndefined();
});

test('a sandbox whose run keeps failing costs the next job nothing', async () => {
  const { scenario } = await atCutoff(1);
  await scenario.plan('later', [{ ...fee, code: 'later' }], '2026-06-01T00:00:00Z');
  await scenario.subscribe('broken', 'later', '2026-01-01T00:00:00Z');
  await expect(scenario.advance('2026-02-02T00:00:00Z')).rejects.toMatchObject({ reason: 'BILLING_RUN_FAILED' });
  const scheduler = valora.operator.stub(SchedulerServiceService);
  const claims = async (): Promise<string | undefined> =>
    (await owner.query<{ last_claimed_time: string }>(`select last_claimed_time from subscription.due_work where organization_id = $1 and kind = 'CLOSE_CYCLES'`, [scenario.organization.organizationId])).rows[0]?.last_claimed_time;
  // AdvanceClock lets others try again after half a second; the job's own try fails and waits for 30.
  await expect.poll(async () => {
    await scheduler.runJob({ job: Job.CLOSE_CYCLES });
    return await claims();
  }, { timeout: 10_000 }).not.toBe(null);
  const claimedBefore = await claims();
  await scheduler.runJob({ job: Job.CLOSE_CYCLES });
  expect(await claims()).toBe(claimedBefore);
});

test('a close that breaks off between claim and run gives its cycles back at once', async () => {
  const { scenario, context } = await atCutoff(3);
  // Pricing's clock stands before the cutoff for the seal: its fence is moved back by force.
  await tamper(`update pricing.fence set sandbox_time = sandbox_time - 1, sealed_through = 0 where organization_id = $1`, scenario);
  const scheduler = valora.operator.stub(SchedulerServiceService);
  const { jobRun } = await scheduler.runJob({ job: Job.CLOSE_CYCLES });
  expect(jobRun?.failedCount).toBeGreaterThan(0n);
  const { rows } = await owner.query<{ state: string; held: boolean }>(
    `select state, lease_end_time > (extract(epoch from clock_timestamp()) * 1000000)::bigint + 40000000 as held from subscription.billing_cycle where organization_id = $1 and cycle_index = 1`, [context.organizationId]);
  expect(rows).toEqual(Array.from({ length: 3 }, () => ({ state: 'CLOSING', held: false })));
  await tamper(`update pricing.fence set sandbox_time = sandbox_time + 1 where organization_id = $1`, scenario);
  await scenario.advance(CUTOFF);
  expect(await scenario.invoices()).toHaveLength(3);
}, 60_000);

test('a cycle that breaks off every call it is in fails alone, and its neighbours close', async () => {
  const { scenario, context } = await atCutoff(4);
  await tamper(`update subscription.subscription_fact set payload = '{"items": 7}' where organization_id = $1 and subscription_reference = 's3'`, scenario);
  await valora.operator.stub(SchedulerServiceService).runJob({ job: Job.CLOSE_CYCLES });
  const { rows } = await owner.query<{ cycle: string }>(
    `select concat_ws(' ', subscription_reference, state, failure_count, failure_reason) as cycle from subscription.billing_cycle where organization_id = $1 and cycle_index = 1 order by 1`, [context.organizationId]);
  expect(rows.map(({ cycle }) => cycle)).toEqual(['s1 CLOSED 0', 's2 CLOSED 0', 's3 CLOSING 1 INTERNAL', 's4 CLOSED 0']);
});

test('once the cause is mended the clock moves on at once, however long the retry delay still is', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  const { catalog, scheduler } = scenario.caller;
  await catalog.createPrice({ requestId: 'price', price: { code: 'later', displayName: 'Later', meter: '', currencyCode: 'USD', billingTiming: BillingTiming.IN_ARREARS, versions: [], bounds: [], versionResolution: VersionResolution.PERIOD_START } });
  await catalog.createPlan({ requestId: 'plan', plan: { code: 'team', displayName: 'Team', version: 0, interval: PeriodInterval.MONTH, intervalCount: 1, prices: ['later'] } });
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await expect(scenario.advance('2026-02-02T00:00:00Z')).rejects.toMatchObject({ reason: 'BILLING_RUN_FAILED', metadata: { subscription: 'acme', cycle_index: '1', reason: 'PRICE_VERSION_MISSING' } });
  const delayed = await owner.query(`update subscription.billing_cycle set lease_end_time = 4102444800000000 where organization_id = $1 and given_back`, [scenario.organization.organizationId]);
  expect(delayed.rowCount).toBe(1);
  await catalog.publishPriceVersion({ requestId: 'version', price: 'later', effectiveFromTime: at('2026-01-01T00:00:00Z'), allowBackDating: true, model: { model: fee.model } });
  expect(await scheduler.advanceClock({ targetTime: at('2026-02-02T00:00:00Z') })).toMatchObject({ closedCycleCount: 1, finalizedInvoiceCount: 1 });
  expect((await scenario.invoices()).map(summary)).toEqual(['acme 1: later 20.00 = 20.00']);
});

test('two runs of one subscription are refused in one call: what the first owes is known only when it is stored', async () => {
  const { scenario, context } = await atCutoff(2);
  const cycles = [...cyclesOf(2), { subscription: 's1', cycleIndex: 2 }];
  const call = peer.stub(InvoiceServiceService).runBillingCycles(context, { cycles, sealThroughTime: at(CUTOFF) });
  await expect(call).rejects.toMatchObject({ reason: 'FIELD_INVALID', metadata: { field: 'cycles[2].subscription' } });
  expect(await scenario.invoices()).toEqual([]);
});

test('a call for an unknown cycle is NOT_FOUND', async () => {
  const { context } = await atCutoff(1);
  const call = peer.stub(InvoiceServiceService).runBillingCycles(context, { cycles: [{ subscription: 's1', cycleIndex: 9 }], sealThroughTime: at(CUTOFF) });
  await expect(call).rejects.toBeInstanceOf(CallError);
  await expect(call).rejects.toMatchObject({ reason: 'NOT_FOUND' });
});
