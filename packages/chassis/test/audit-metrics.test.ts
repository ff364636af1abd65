/** How far a reader of the audit trail is behind: counted in what it was not sent, as of its last look. And that only what commits is counted as recorded. */
import { instant } from '@valora/rating';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendAuditRecords, type AuditedCall } from '../src/audit.ts';
import { auditHandlers } from '../src/audit-service.ts';
import type { CallContext } from '../src/context.ts';
import { openDatabase, sqlOf, type Database } from '../src/database.ts';
import { createLog } from '../src/log.ts';
import { createServiceMetrics, type ServiceMetrics } from '../src/metrics.ts';
import { PrismaClient } from './lab/generated/prisma/client.ts';
import { openLab, type Lab, type LabTransaction } from './lab/lab.ts';

let lab: Lab;
let metrics: ServiceMetrics;
let database: Database<LabTransaction>;
beforeAll(async () => {
  lab = await openLab();
  metrics = createServiceMetrics('lab');
  database = openDatabase({ config: lab.testDatabase.config('lab'), log: createLog('lab', () => {}), metrics: metrics.database, createClient: (adapter) => new PrismaClient({ adapter }) });
});
afterAll(async () => {
  await database.close();
  await lab.close();
});

const call: AuditedCall = { context: { caller: { kind: 'OPERATOR', actor: 'operator', scopes: [] } }, action: 'test', recordedTime: instant(0n) };
const record = (organizationId: string, count: number): Promise<void> => database.transaction(organizationId, (tx) =>
  appendAuditRecords(sqlOf(tx), call, Array.from({ length: count }, (_, number) => ({ subject: `subject ${number}`, change: {} }))));

async function sample(name: string): Promise<number> {
  const line = (await metrics.registry.getSingleMetricAsString(name)).split('\n').find((text) => text.startsWith(`${name}{`));
  return Number(line?.split(' ').at(-1));
}

test('a reader that stops reading at its first record is behind by all that are stored, and by none once it has read on', async () => {
  await record('slow', 1_201);
  const abort = new AbortController();
  const context: CallContext = { organizationId: 'slow', caller: call.context.caller, deadlineMs: 0, callDepth: 0, signal: abort.signal };
  const { promise: reading, resolve: readOn } = Promise.withResolvers<void>();
  const sent: bigint[] = [];
  const tailing = auditHandlers(database, metrics.audit).tailAuditLog(context, { afterSequence: 0n }, async ({ record: { sequence } }) => {
    sent.push(sequence);
    await reading;
  });
  await expect.poll(() => sent.length).toBe(1);
  expect([await sample('valora_audit_tails'), await sample('valora_audit_tail_lag_records')]).toEqual([1, 1_201]);
  readOn();
  await expect.poll(() => sample('valora_audit_tail_lag_records')).toBe(0);
  expect(sent).toHaveLength(1_201);
  abort.abort();
  await tailing;
  expect([await sample('valora_audit_tails'), await sample('valora_audit_tail_lag_records')]).toEqual([0, 0]);
});

test('records of a transaction that is rolled back are not counted', async () => {
  const before = await sample('valora_audit_records_total');
  await record('counted', 3);
  await expect(database.transaction('counted', async (tx) => {
    await appendAuditRecords(sqlOf(tx), call, [{ subject: 'never', change: {} }]);
    throw new Error('It broke.');
  })).rejects.toThrow('It broke.');
  expect(await sample('valora_audit_records_total')).toBe(before + 3);
});

test('bulk SQL is observed too: its COMMIT is timed', async () => {
  const count = async (): Promise<number> => Number(/_count\{[^}]*\} (\d+)/.exec(await metrics.registry.getSingleMetricAsString('valora_database_commit_duration_seconds'))?.[1] ?? 0);
  const before = await count();
  await database.bulk('counted', async (sql) => { await appendAuditRecords(sql, call, [{ subject: 'bulk', change: {} }]); });
  expect(await count()).toBe(before + 1);
});
