// The database connection breaks before and after every statement and every COMMIT of ingest, close and finalize, each once.
// Whoever repeats the call ends where an undisturbed one does: every event known once, every run once, numbers without gap or
// double, the same canonical bytes.
import { CallError, timestampFromInstant } from '@valora/chassis';
import type { PriceSample } from '@valora/cli';
import { hookFaults, type FaultHook, type FaultMoment, type FaultPoint } from '@valora/testkit/fault';
import { startScenario, summary, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { parseInstant } from '@valora/rating';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

const prices: readonly PriceSample[] = [
  { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } },
  { code: 'requests', displayName: 'Requests', meter: 'requests', model: { $case: 'perUnit', value: { unitAmount: '0.5' } } },
];
const ATTEMPTS_MAX = 5;

let valora: TestValora;
let owner: pg.Client;
let faults: FaultHook;
beforeAll(async () => {
  valora = await startTestValora();
  owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
  faults = hookFaults();
});
afterAll(async () => {
  faults.remove();
  await owner.end();
  await valora.stop();
});

/** Two subscriptions with usage, their first cycle running. */
async function furnished(): Promise<Scenario> {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', prices);
  for (const customer of ['a', 'b']) await scenario.subscribe(customer, 'team', '2026-01-01T00:00:00Z');
  await scenario.use(['warm', 'requests', 'a', '2026-01-01T00:00:00Z', '3'], ['up', 'requests', 'b', '2026-01-01T00:00:00Z', '4']);
  return scenario;
}

const events = ['x', 'y', 'z'].map((idempotencyKey) => ({
  idempotencyKey, meter: 'requests', customer: 'a', subscription: '', eventTime: timestampFromInstant(parseInstant('2026-01-01T00:00:00Z')), value: '1', properties: new Map<string, string>(),
}));

const ingest = async ({ caller }: Scenario): Promise<void> => void await caller.usage.recordUsage({ events });
const close = (scenario: Scenario): Promise<void> => scenario.advance('2026-02-01T00:00:00Z');

/** Repeats a call as its caller would, until it succeeds. Claims of what broke off are ended, as if their leases had run out. */
async function repeated(scenario: Scenario, work: (scenario: Scenario) => Promise<void>): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await work(scenario);
    } catch (error) {
      if (!(error instanceof CallError) || attempts === ATTEMPTS_MAX) throw error;
      await owner.query(`update subscription.billing_cycle set lease_end_time = 0 where organization_id = $1 and state = 'CLOSING'`, [scenario.organization.organizationId]);
    }
  }
}

async function outcome(scenario: Scenario): Promise<object> {
  const { rows } = await owner.query<{ events: string; keys: string; runs: string }>(
    `select (select count(*) from metering.usage_event where organization_id = $1) as events, (select count(*) from metering.usage_key where organization_id = $1) as keys,
       (select count(*) from invoicing.billing_run where organization_id = $1) as runs`, [scenario.organization.organizationId]);
  const invoices = await scenario.invoices();
  // A number that moved without its invoice shows only here, or with the next one that is given.
  const verified = await Promise.all(invoices.map(async ({ invoiceId: value }) => (await scenario.caller.invoices.verifyInvoice({ document: { $case: 'invoiceId', value } })).result?.$case));
  return { rows, verified, numbers: invoices.map(({ number }) => Number(number)).toSorted((one, other) => one - other), summaries: invoices.map(summary), canonical: await scenario.canonical() };
}

interface Fault {
  readonly point: FaultPoint;
  readonly moment: FaultMoment;
}

/**
 * Where an undisturbed operation can break. A break after a statement leaves what a break before the next one leaves, its
 * transaction rolled back, save after a COMMIT: that is done, and nobody knows. With VALORA_FAULTS=all each point is tried
 * on both sides all the same.
 */
async function faultsOf({ prepare, work }: Operation): Promise<readonly Fault[]> {
  const scenario = await furnished();
  await prepare(scenario);
  faults.taken();
  await work(scenario);
  return faults.taken().flatMap((point) => {
    const both = process.env['VALORA_FAULTS'] === 'all' || /^commit$/i.test(point.statement);
    return [{ point, moment: 'BEFORE' } as const, ...(both ? [{ point, moment: 'AFTER' } as const] : [])];
  });
}

interface Operation {
  /** What comes before, undisturbed. */
  readonly prepare: (scenario: Scenario) => Promise<void>;
  readonly work: (scenario: Scenario) => Promise<void>;
}

const operations: Readonly<Record<string, Operation>> = {
  ingest: { prepare: async () => {}, work: ingest },
  'close and finalize': { prepare: ingest, work: close },
};

async function survivor({ point, moment }: Fault, { prepare, work }: Operation): Promise<object | null> {
  const scenario = await furnished();
  await prepare(scenario);
  faults.arm(point, moment);
  await repeated(scenario, work);
  if (!faults.happened()) return null;
  await repeated(scenario, close);
  return await outcome(scenario);
}

test.each(Object.entries(operations))('%s survives a fault at every statement', async (_name, operation) => {
  const undisturbed = await furnished();
  await ingest(undisturbed);
  await close(undisturbed);
  const expected = await outcome(undisturbed);
  const found = await faultsOf(operation);
  expect(found.length).toBeGreaterThan(4);
  for (const fault of found) {
    // A connection that broke in the round before may fail a statement before its fault can: then once more.
    let survived: object | null = null;
    for (let attempts = 0; attempts < ATTEMPTS_MAX && survived === null; attempts += 1) survived = await survivor(fault, operation);
    expect({ fault, survived }).toEqual({ fault, survived: expected });
  }
}, 900_000);
