// VerifyInvoice and ExplainInvoice: what is untouched verifies, what was changed behind the triggers' back is named, and a
// second evaluator recomputes every line from the tree alone.
import { timestampFromInstant } from '@valora/chassis';
import type { PriceSample } from '@valora/cli';
import type { RunExplanation } from '@valora/contracts/valora/invoicing/v1/explanation';
import type { VerifyInvoiceRequest, VerifyInvoiceResponse } from '@valora/contracts/valora/invoicing/v1/invoice';
import { BillingAlignment } from '@valora/contracts/valora/subscription/v1/subscription';
import { parseInstant } from '@valora/rating';
import { startScenario, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultsOf } from './explanation-evaluator.ts';

const fee: PriceSample = { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } };
const requests: PriceSample = {
  code: 'requests', displayName: 'Requests', meter: 'requests',
  model: { $case: 'graduated', value: { tiers: [{ upTo: '100', unitAmount: '0.105', flatAmount: '1' }, { upTo: '', unitAmount: '0.05', flatAmount: '3' }] } },
};
const storage: PriceSample = {
  code: 'storage', displayName: 'Storage', meter: 'storage',
  model: { $case: 'volume', value: { tiers: [{ upTo: '10', unitAmount: '9', flatAmount: '' }, { upTo: '', unitAmount: '1', flatAmount: '' }] } },
};

let valora: TestValora;
let owner: pg.Client;
let book: Scenario;
beforeAll(async () => {
  valora = await startTestValora();
  owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
  book = await startBook();
}, 120_000);
afterAll(async () => {
  await owner.end();
  await valora.stop();
});

/** Run 1 bills; late usage makes run 2 a credit note; run 3, with a price version of its own, uses it up. */
async function startBook(): Promise<Scenario> {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [storage, requests]);
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await scenario.advance('2026-01-10T00:00:00Z');
  await scenario.use(['one', 'storage', 'acme', '2026-01-10T00:00:00Z', '10'], ['two', 'requests', 'acme', '2026-01-10T00:00:00Z', '150.5']);
  await publish(scenario, 'requests', '2026-03-01T00:00:00Z', '0.205');
  await scenario.advance('2026-02-10T00:00:00Z');
  await scenario.use(['late', 'storage', 'acme', '2026-01-10T00:00:00Z', '1']);
  await scenario.advance('2026-03-10T00:00:00Z');
  await scenario.use(['three', 'requests', 'acme', '2026-03-10T00:00:00Z', '1000.1']);
  await scenario.advance('2026-04-02T00:00:00Z');
  return scenario;
}

async function publish({ caller }: Scenario, price: string, from: string, unitAmount: string): Promise<void> {
  await caller.catalog.publishPriceVersion({
    requestId: `${price} ${from}`, price, effectiveFromTime: timestampFromInstant(parseInstant(from)), effectiveToTime: undefined, model: { model: { $case: 'perUnit', value: { unitAmount } } }, allowBackDating: false,
  });
}

async function documents(scenario: Scenario): Promise<readonly VerifyInvoiceRequest[]> {
  return [
    ...(await scenario.invoices()).map(({ invoiceId: value }): VerifyInvoiceRequest => ({ document: { $case: 'invoiceId', value } })),
    ...(await scenario.creditNotes()).map(({ creditNoteId: value }): VerifyInvoiceRequest => ({ document: { $case: 'creditNoteId', value } })),
  ];
}

/** What is found of each document: `match`, the difference as `path: stored ≠ derived`, or the reason why there is no run. */
async function verdicts(scenario: Scenario, names?: readonly VerifyInvoiceRequest[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names ?? (await documents(scenario))) found.push(verdict(await scenario.caller.invoices.verifyInvoice(name)));
  return found;
}

function verdict({ result }: VerifyInvoiceResponse): string {
  switch (result?.$case) {
    case 'match': return 'match';
    case 'firstDifference': return `${result.value.path}: ${result.value.storedValue ?? 'nothing'} ≠ ${result.value.derivedValue ?? 'nothing'}`;
    case 'error': return result.value.reason;
    case undefined: return 'no result';
  }
}

/** Changes rows as a superuser with triggers off, looks, and puts the table back. */
async function tampered<Answer>(table: string, change: string, look: () => Promise<Answer>): Promise<Answer> {
  const { organizationId } = book.organization;
  const quietly = async (...statements: readonly (readonly [string, ...unknown[]])[]): Promise<number[]> => {
    const counts: number[] = [];
    await owner.query('begin');
    await owner.query("set local session_replication_role = 'replica'");
    try {
      for (const [text, ...values] of statements) counts.push((await owner.query(text, values)).rowCount ?? 0);
    } catch (error) {
      await owner.query('rollback');
      throw error;
    }
    await owner.query('commit');
    return counts;
  };
  await owner.query(`create temporary table kept as select * from ${table} where organization_id = '${organizationId}'`);
  try {
    const [count] = await quietly([change, organizationId]);
    if (count === 0) throw new Error(`nothing was tampered with: ${change}`);
    return await look();
  } finally {
    await quietly([`delete from ${table} where organization_id = $1`, organizationId], [`insert into ${table} select * from kept`]);
    await owner.query('drop table kept');
  }
}

test('an untouched book verifies, with a credit note, the credit it gives, and a second price version', async () => {
  expect(await book.creditNotes()).toHaveLength(1);
  expect((await book.invoices()).some(({ credits }) => credits.length > 0)).toBe(true);
  expect(await verdicts(book)).toEqual(['match', 'match', 'match']);
});

// [table, set, where]: one change in a source record each, and what the three documents (runs 1, 3, and the credit note of 2) then say.
const sources: readonly (readonly [table: string, set: string, where: string, found: RegExp])[] = [
  ['tenancy.organization', "currency_code = 'EUR'", 'true', /^CURRENCY_MISMATCH$/],
  ['tenancy.settings_version', "rounding_mode = 'HALF_EVEN'", 'true', /^run_line\[1\]\.trace\.settled\.rounding\.mode: HALF_UP ≠ HALF_EVEN$/],
  ['tenancy.settings_version', 'keep_zero_lines = not keep_zero_lines', 'true', /^(run_line|canonical_invoice\.run\.keep_zero_lines|billing_run)/],
  ['metering.meter', "aggregation = 'COUNT'", "code = 'storage'", /^billing_run\.subtotal: 107\.03 ≠ /],
  ['metering.meter', `filters = '[{"property": "region", "values": ["eu"]}]'`, "code = 'storage'", /^billing_run\.subtotal/],
  ['metering.usage_event', 'value = value + 1', "idempotency_key = 'three'", /^billing_run\.subtotal/],
  ['metering.usage_event', 'event_time = event_time + 30 * 86400000000', "idempotency_key = 'one'", /^billing_run\.subtotal/],
  ['metering.usage_event', 'recorded_time = recorded_time - 30 * 86400000000', "idempotency_key = 'late'", /^billing_run\.subtotal/],
  ['metering.usage_event', "idempotency_key = 'eno'", "idempotency_key = 'one'", /^run_line\[1\]\.trace\.settled\.quantity\.usageSetDigest/],
  ['metering.usage_event', "content_digest = sha256('other')", "idempotency_key = 'one'", /^run_line\[1\]\.trace\.settled\.quantity\.usageSetDigest/],
  ['metering.usage_event', "customer_reference = 'other'", "idempotency_key = 'one'", /^billing_run\.subtotal/],
  ['metering.usage_event', "meter_code = 'requests'", "idempotency_key = 'one'", /^billing_run\.subtotal/],
  ['metering.usage_event', "subscription_reference = 'other'", "idempotency_key = 'one'", /^billing_run\.subtotal/],
  ['pricing.price', "currency_code = 'EUR'", "code = 'requests'", /^CURRENCY_MISMATCH$/],
  ['pricing.price', "display_name = 'Requesus'", "code = 'requests'", /^run_line\[\d\]\.description: Requests ≠ Requesus$/],
  ['pricing.price', "meter_code = 'storage'", "code = 'requests'", /^billing_run\.subtotal/],
  ['pricing.price_version', `model = replace(model::text, '"0.205"', '"0.206"')::jsonb`, "price_code = 'requests' and version = 2", /^billing_run\.subtotal/],
  ['pricing.price_version', 'effective_from_time = effective_from_time + 1', "price_code = 'requests' and version = 2", /^billing_run|PRICE_VERSION_MISSING/],
  ['pricing.price_version', 'recorded_time = recorded_time + 150 * 86400000000', "price_code = 'requests' and version = 2", /price\.knownBefore/],
  ['pricing.price_version_bound', 'effective_to_time = effective_to_time - 1', 'true', /price\.effectiveTo|canonical_invoice/],
  ['subscription.subscription', "customer_reference = 'acmf'", 'true', /^billing_run\.customer_reference: acme ≠ acmf$/],
  ['subscription.subscription', "time_zone = 'Europe/Paris'", 'true', /^canonical_invoice\.subscription\.zone/],
  ['subscription.subscription', 'anchor_time = anchor_time + 1', 'true', /^canonical_invoice\.subscription\.cadence\.anchor/],
  ['subscription.subscription', "interval = 'YEAR'", 'true', /^canonical_invoice\.subscription\.cadence\.interval/],
  ['subscription.subscription', 'interval_count = 2', 'true', /^canonical_invoice\.subscription\.cadence\.count/],
  ['subscription.subscription', 'start_time = start_time + 1', 'true', /^(billing_run\.previous_cutoff_time|canonical_invoice)/],
  ['subscription.subscription_fact', `payload = replace(payload::text, 'storage', 'requests')::jsonb`, 'true', /./],
  ['subscription.subscription_fact', 'effective_time = effective_time + 60 * 86400000000', 'true', /^billing_run\.subtotal/],
  ['subscription.subscription_fact', 'recorded_time = recorded_time + 60 * 86400000000', 'true', /^billing_run\.subtotal/],
  ['subscription.billing_cycle', 'start_time = start_time + 1', 'cycle_index = 1', /^billing_run\.start_time/],
  ['subscription.billing_cycle', 'end_time = end_time - 1', 'cycle_index = 1', /^billing_run\.end_time/],
  ['subscription.billing_cycle', 'cutoff_time = cutoff_time + 1', 'cycle_index = 3', /^CUTOFF_MOVED$/],
  ['subscription.billing_cycle', 'cutoff_time = cutoff_time + 1', 'cycle_index = 2', /^billing_run\.previous_cutoff_time/],
  ['subscription.billing_cycle', "tzdata_version = '1999a'", 'cycle_index = 1', /^canonical_invoice\.cycles\[0\]\.tzdata_version/],
];

describe('a change in a source record is named', () => {
  test.each(sources)('%s: %s where %s', async (table, set, where, expected) => {
    const names = await documents(book);
    const found = await tampered(table, `update ${table} set ${set} where organization_id = $1 and ${where}`, () => verdicts(book, names));
    expect(found.filter((one) => expected.test(one)), found.join(' | ')).not.toEqual([]);
    expect(await verdicts(book, names)).toEqual(['match', 'match', 'match']);
  });
});

// What is not part of any run, and why. Changing it must not look like a changed invoice either.
const besideThePoint: readonly (readonly [table: string, set: string, why: string])[] = [
  ['tenancy.organization', "display_name = 'Other'", 'a name for people that no document carries'],
  ['tenancy.settings_version', 'grace_micros = grace_micros + 1', 'grace became part of the cutoffs when the cycles were opened, and those are compared'],
  ['tenancy.settings_version', "time_zone = 'Europe/Paris'", 'a subscription pins its zone when it is created'],
  ['metering.usage_key', 'event_time = event_time + 1', 'it keeps keys unique; the event itself is what is counted'],
  ['metering.meter', "display_name = 'Other'", 'a name for people that no document carries'],
  ['pricing.plan_version', 'interval_count = 2', 'a subscription copies interval and items when it is created'],
  ['subscription.customer', "display_name = 'Other'", 'a name for people that no document carries'],
  ['subscription.subscription_item', 'quantity = quantity + 1', 'it keeps items of a customer from overlapping; runs read the facts'],
  ['subscription.subscription_schedule', 'next_open_time = next_open_time + 1', 'a work list'],
];

test.each(besideThePoint)('%s: %s changes no run: %s', async (table, set) => {
  const names = await documents(book);
  expect(await tampered(table, `update ${table} set ${set} where organization_id = $1`, () => verdicts(book, names))).toEqual(['match', 'match', 'match']);
});

const storedTables = ['billing_run', 'run_line', 'invoice', 'credit_note', 'credit_application', 'invoice_finalization', 'invoice_number'];

test.each(storedTables)('every column of invoicing.%s that was changed is found, but the time of recording', async (table) => {
  const { rows } = await owner.query<{ name: string; type: string }>(
    `select column_name as name, data_type as type from information_schema.columns where table_schema = 'invoicing' and table_name = $1 and column_name not in ('organization_id', 'recorded_time')`, [table]);
  expect(rows).not.toEqual([]);
  for (const { name, type } of rows) {
    const names = await documents(book);
    const found = await firstAllowed(changesOf(name, type).map((changed) => () => tampered(
      `invoicing.${table}`,
      `update invoicing.${table} set ${name} = ${changed} where organization_id = $1 and ctid = (select ctid from invoicing.${table} where organization_id = $1 order by ctid desc limit 1)`,
      async () => {
        const answers: string[] = [];
        for (const one of names) answers.push(...(await verdicts(book, [one]).catch(() => verdicts(book, [renamed(one)]))));
        return answers;
      })));
    expect(found.filter((one) => one !== 'match'), `${table}.${name}: ${found.join(' | ')}`).not.toEqual([]);
  }
  expect(await verdicts(book)).toEqual(['match', 'match', 'match']);
}, 120_000);

function changesOf(column: string, type: string): readonly string[] {
  if (type === 'boolean') return [`not ${column}`];
  return type === 'text' ? [`coalesce(${column}, '') || 'x'`, `case ${column} when 'FEE' then 'USAGE' else 'FEE' end`] : [`coalesce(${column}, 0) + 100`, `${column} - 1`];
}

/** A table's own checks refuse some changes, also to a superuser: then the next one is tried. */
async function firstAllowed<Answer>(attempts: readonly (() => Promise<Answer>)[]): Promise<Answer> {
  for (const attempt of attempts) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && error.code === '23514')) throw error;
    }
  }
  throw new Error('every change was refused');
}

/** The document under the id that the change made of its own. */
function renamed({ document }: VerifyInvoiceRequest): VerifyInvoiceRequest {
  if (document === undefined) throw new Error('no document');
  return { document: { ...document, value: `${document.value}x` } };
}

test('a credit that was changed in an earlier run is not believed: what is applied derives from the usage', async () => {
  const names = await documents(book);
  const found = await tampered('invoicing.credit_note', 'update invoicing.credit_note set amount = amount + 1 where organization_id = $1', () => verdicts(book, names));
  expect(found).toEqual(['match', 'match', 'credit_note.amount: 79.00 ≠ 78.00']);
});

test('a prorated first period verifies, and its explanation recomputes', async () => {
  const scenario = await startScenario(valora, '2026-02-10T10:00:00Z');
  await scenario.plan('team', [{ code: 'fee', displayName: 'Fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } }]);
  await scenario.subscribe('acme', 'team', '2026-02-10T10:00:00Z', BillingAlignment.CALENDAR);
  await scenario.advance('2026-03-01T00:00:00Z');
  expect(await verdicts(scenario)).toEqual(['match']);
  const trees = await explained(scenario);
  expect(trees.flatMap(faultsOf)).toEqual([]);
  const step = trees[0]?.lines[0]?.settled?.steps.at(-1)?.step;
  expect(step).toMatchObject({ $case: 'proration', value: { activeDays: 19, periodDays: 28, fees: { numerator: '20', denominator: '1' }, prorated: { numerator: '95', denominator: '7' } } });
});

async function explained(scenario: Scenario): Promise<readonly RunExplanation[]> {
  const trees: RunExplanation[] = [];
  for (const name of await documents(scenario)) {
    const { explanation } = await scenario.caller.invoices.explainInvoice(name);
    if (explanation === undefined) throw new Error('no explanation');
    trees.push(explanation);
  }
  return trees;
}

async function expectSound(scenario: Scenario): Promise<void> {
  const trees = await explained(scenario);
  expect(trees.flatMap(faultsOf)).toEqual([]);
  const stored = [...(await scenario.invoices()), ...(await scenario.creditNotes())];
  expect(trees.map((tree) => tree.lines.map(({ lineKey, amount }) => [lineKey, amount]))).toEqual(stored.map(({ lines }) => lines.map(({ lineKey, amount }) => [lineKey, amount])));
  expect(trees.map(({ digest }) => digest)).toEqual(stored.map(({ digest }) => digest));
}

test('a second evaluator recomputes every line, subtotal and total from the tree alone', () => expectSound(book));

test('an explanation comes from the facts, not from what is stored', async () => {
  const before = await explained(book);
  expect(await tampered('invoicing.run_line', `update invoicing.run_line set amount = 1, trace = '{}' where organization_id = $1`, () => explained(book))).toEqual(before);
});

test.each([1, 2])('a random book with late usage, credits and price versions verifies and recomputes (seed %i)', async (seed) => {
  const random = numbers(seed);
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [fee, requests, storage]);
  const customers = ['a', 'b', 'c'];
  for (const customer of customers) await scenario.subscribe(customer, 'team', `2026-01-0${1 + random(1)}T0${random(9)}:00:00Z`);
  for (let month = 1; month <= 5; month += 1) {
    await scenario.advance(`2026-0${month}-15T00:00:00Z`);
    if (random(2) > 0) await publish(scenario, random(1) === 0 ? 'requests' : 'storage', `2026-0${month + 1}-0${1 + random(8)}T00:00:00Z`, `0.${1 + random(8)}${1 + random(8)}5`);
    for (let event = 0; event < 12; event += 1) {
      const day = `2026-0${1 + random(month - 1)}-1${random(4)}T00:00:00Z`;
      await scenario.use([`${month}/${event}`, random(1) === 0 ? 'requests' : 'storage', customers[random(2)] ?? 'a', day, `${random(3) === 0 ? '-' : ''}${random(80)}.${1 + random(8)}`]);
    }
  }
  await scenario.advance('2026-06-15T00:00:00Z');
  const found = await verdicts(scenario);
  expect(found.length).toBeGreaterThan(9);
  expect(new Set(found)).toEqual(new Set(['match']));
  await expectSound(scenario);
}, 120_000);

/** Whole numbers 0 to max, the same for the same seed. */
function numbers(seed: number): (max: number) => number {
  let state = BigInt(seed);
  return (max) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n;
    return Number((state >> 33n) % BigInt(max + 1));
  };
}
