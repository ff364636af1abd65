// What is measured: every metric is documented and every documented metric is there; what the work of a month leaves in them; and that no label
// could ever grow with the number of tenants.
import { readFileSync } from 'node:fs';
import { createProcessRegistry, timestampFromInstant } from '@valora/chassis';
import { callerOf, connect, createPlan, subscribe, type PriceSample } from '@valora/cli';
import { AuditServiceService as InvoicingAudit } from '@valora/contracts/valora/invoicing/v1/audit';
import { MeterServiceService } from '@valora/contracts/valora/metering/v1/meter';
import { Job, SchedulerServiceService } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { parseInstant } from '@valora/rating';
import { startScenario, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { metricsOf, seriesNames } from './metric-catalog.ts';

const prices: readonly PriceSample[] = [
  { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } },
  { code: 'requests', displayName: 'Requests', meter: 'requests', model: { $case: 'perUnit', value: { unitAmount: '0.10' } } },
];
const ROW = /^\| `([a-z_]+)` \| (counter|gauge|histogram) \| ([^|]+) \| [^|]{10,} \|$/gm;
const SAMPLE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/;

let valora: TestValora;
let scenario: Scenario;
beforeAll(async () => {
  valora = await startTestValora();
  scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', prices);
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await scenario.use(['one', 'requests', 'acme', '2026-01-01T00:00:00Z', '5'], ['two', 'requests', 'acme', '2026-01-01T00:30:00Z', '7']);
  await scenario.caller.usage.recordUsage({
    events: ['one', 'strange'].map((idempotencyKey) => ({
      idempotencyKey, meter: idempotencyKey === 'one' ? 'requests' : 'unknown', customer: 'acme', subscription: '', eventTime: timestampFromInstant(parseInstant('2026-01-01T00:00:00Z')), value: '5', properties: new Map(),
    })),
  });
  await scenario.advance('2026-02-02T00:00:00Z');
});
afterAll(async () => { await valora.stop(); });

/** The value of a sample whose labels include these. */
async function valueOf(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const values = (await valora.metrics()).split('\n').flatMap((line) => {
    const [, found, text = '', value] = SAMPLE.exec(line) ?? [];
    return found === name && Object.entries(labels).every(([label, wanted]) => text.includes(`${label}="${wanted}"`)) ? [Number(value)] : [];
  });
  return values.reduce((sum, value) => sum + value, 0);
}

test('docs/reference/metrics.md names exactly the metrics that there are, with type and labels', () => {
  const rows = [...readFileSync(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8').matchAll(ROW)].map(([, name = '', type = '', labels = '']) =>
    ({ name, type, labels: [...labels.matchAll(/`([a-z_]+)`/g)].map(([, label = '']) => label) }));
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.toSorted((one, other) => (one.name < other.name ? -1 : 1))).toEqual(metricsOf(valora.registries));
});

test('the process is measured beside them, under names of its own', () => {
  const process = metricsOf([createProcessRegistry()]).map(({ name }) => name);
  expect(process).toEqual(expect.arrayContaining(['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds']));
  expect(process.filter((name) => !/^(process|nodejs)_/.test(name))).toEqual([]);
});

test('what a month of one subscription leaves: calls, ingest, a run, its lines, its invoice', async () => {
  const server = (method: string, code: string) => valueOf('rpc_server_call_duration_seconds_count', { rpc_method: method, rpc_status_code: code });
  expect(await server('valora.metering.v1.UsageService/RecordUsage', 'OK')).toBe(2);
  expect(await server('valora.scheduler.v1.SchedulerService/AdvanceClock', 'OK')).toBe(1);
  expect(await valueOf('rpc_client_call_duration_seconds_count', { valora_service: 'scheduler', rpc_method: 'valora.invoicing.v1.InvoiceService/RunBillingCycles', rpc_status_code: 'OK' })).toBe(1);
  const outcomes = await Promise.all(['RECORDED', 'DUPLICATE', 'REFUSED'].map((outcome) => valueOf('valora_ingest_events_total', { outcome })));
  expect(outcomes).toEqual([2, 1, 1]);
  expect([await valueOf('valora_ingest_transaction_events_sum'), await valueOf('valora_ingest_request_events_sum')]).toEqual([3, 4]); // what is refused at once takes no transaction
  expect(await valueOf('valora_database_commit_duration_seconds_count', { valora_service: 'metering' })).toBeGreaterThanOrEqual(2);
  expect(await Promise.all(['valora_billing_runs_stored_total', 'valora_billing_lines_stored_total', 'valora_invoices_finalized_total', 'valora_billing_alerts_total'].map((name) => valueOf(name)))).toEqual([1, 2, 1, 0]);
  for (const step of ['SEAL', 'LOAD', 'COMPOSE', 'STORE']) expect([step, await valueOf('valora_billing_step_duration_seconds_count', { step })]).toEqual([step, 1]);
  expect(await valueOf('valora_fence_wait_seconds_count', { valora_service: 'metering', mode: 'EXCLUSIVE' })).toBeGreaterThanOrEqual(1);
  expect(await valueOf('valora_fence_wait_seconds_count', { valora_service: 'metering', mode: 'SHARED' })).toBeGreaterThanOrEqual(2);
});

test('as many audit records are counted as the trail holds', async () => {
  const other = await startScenario(valora, '2026-01-01T00:00:00Z');
  const before = await valueOf('valora_audit_records_total', { valora_service: 'invoicing' });
  await other.plan('team', prices);
  await other.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await other.advance('2026-03-02T00:00:00Z');
  const { records } = await other.organization.connection.stub(InvoicingAudit).listAuditRecords({ afterSequence: 0n, pageSize: 200 });
  expect(await valueOf('valora_audit_records_total', { valora_service: 'invoicing' }) - before).toBe(records.length);
});

test('a refused call is counted under its code, and a job under its name', async () => {
  const stranger = connect(valora.address, 'nobody');
  const before = await valueOf('rpc_server_call_duration_seconds_count', { rpc_method: 'valora.metering.v1.MeterService/ListMeters', rpc_status_code: 'UNAUTHENTICATED' });
  await expect(stranger.stub(MeterServiceService).listMeters({ pageSize: 0, pageToken: '' })).rejects.toThrow('UNAUTHENTICATED');
  stranger.close();
  expect(await valueOf('rpc_server_call_duration_seconds_count', { rpc_method: 'valora.metering.v1.MeterService/ListMeters', rpc_status_code: 'UNAUTHENTICATED' })).toBe(before + 1);
  await valora.operator.stub(SchedulerServiceService).runJob({ job: Job.CLOSE_CYCLES });
  expect(await valueOf('valora_scheduler_job_runs_total', { job: 'close_cycles' })).toBe(1);
});

test('connections are those of the pool, and due work waits for nobody in sandboxes', async () => {
  expect(await valueOf('db_client_connection_max', { db_client_connection_pool_name: 'metering' })).toBe(16);
  const counted = await Promise.all(['used', 'idle'].map((state) => valueOf('db_client_connection_count', { db_client_connection_pool_name: 'metering', db_client_connection_state: state })));
  expect(counted[0]).toBe(0);
  expect(counted[1]).toBeGreaterThan(0);
  const text = await valora.metrics();
  expect(text.split('\n').filter((line) => line.startsWith('valora_due_work_lag_seconds')).toSorted()).toEqual([
    'valora_due_work_lag_seconds{valora_service="invoicing",kind="ISSUE_INVOICES"} 0',
    'valora_due_work_lag_seconds{valora_service="subscription",kind="CLOSE_CYCLES"} 0',
    'valora_due_work_lag_seconds{valora_service="subscription",kind="OPEN_CYCLES"} 0',
  ]);
});

test('due work that nobody claims is late by as long as it waits', async () => {
  const { connection } = await valora.createOrganization();
  const caller = callerOf(connection);
  const startTime = '2026-01-01T00:00:00Z';
  await createPlan(caller, { plan: 'team', currencyCode: 'USD', effectiveFrom: startTime, prices });
  await subscribe(caller, { customer: 'acme', plan: 'team', startTime });
  const lag = (): Promise<number> => valueOf('valora_due_work_lag_seconds', { kind: 'OPEN_CYCLES' });
  const first = await lag();
  expect(first).toBeGreaterThan(0);
  expect(await lag()).toBeGreaterThan(first);
  await valora.operator.stub(SchedulerServiceService).runJob({ job: Job.OPEN_CYCLES });
  expect(await lag()).toBe(0);
});

test('every sample stands under a heading, and no label holds what one tenant made up', async () => {
  const text = await valora.metrics();
  const known = new Set(metricsOf(valora.registries).flatMap(seriesNames));
  expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !known.has(SAMPLE.exec(line)?.[1] ?? ''))).toEqual([]);
  for (const made of [scenario.organization.organizationId, 'acme', 'team', 'org_', 'inv_']) expect([made, text.includes(made)]).toEqual([made, false]);
});
