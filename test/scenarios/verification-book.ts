// A book to tamper with: three documents of one subscription, and ways to change rows behind the triggers' back and to ask
// what verification then says.
import { timestampFromInstant } from '@valora/chassis';
import type { PriceSample } from '@valora/cli';
import type { VerifyInvoiceRequest, VerifyInvoiceResponse } from '@valora/contracts/valora/invoicing/v1/invoice';
import { parseInstant } from '@valora/rating';
import { startScenario, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';

export const fee: PriceSample = { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } };
export const requests: PriceSample = {
  code: 'requests', displayName: 'Requests', meter: 'requests',
  model: { $case: 'graduated', value: { tiers: [{ upTo: '100', unitAmount: '0.105', flatAmount: '1' }, { upTo: '', unitAmount: '0.05', flatAmount: '3' }] } },
};
export const storage: PriceSample = {
  code: 'storage', displayName: 'Storage', meter: 'storage',
  model: { $case: 'volume', value: { tiers: [{ upTo: '10', unitAmount: '9', flatAmount: '' }, { upTo: '', unitAmount: '1', flatAmount: '' }] } },
};

/** Used in cycle 3 alone, within which a later version takes over and, by the version at the start, rates nothing yet. */
export const backup: PriceSample = {
  code: 'backup', displayName: 'Backup', meter: 'backup', model: { $case: 'package', value: { packageSize: '10', packageAmount: '5' } }, modifiers: { includedQuantity: '5' },
};

export interface Book {
  readonly valora: TestValora;
  /** A superuser. */
  readonly owner: pg.Client;
  readonly scenario: Scenario;
  stop(): Promise<void>;
}

export async function startBook(): Promise<Book> {
  const valora = await startTestValora();
  const owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
  return {
    valora, owner, scenario: await bill(valora),
    async stop() {
      await owner.end();
      await valora.stop();
    },
  };
}

/** Run 1 bills, without an event that was voided in time; late usage makes run 2 a credit note; run 3, with a price version of its own, uses it up. */
async function bill(valora: TestValora): Promise<Scenario> {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [storage, requests, backup]);
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await scenario.advance('2026-01-10T00:00:00Z');
  await scenario.use(['one', 'storage', 'acme', '2026-01-10T00:00:00Z', '10'], ['two', 'requests', 'acme', '2026-01-10T00:00:00Z', '150.5']);
  await scenario.use(['wrong', 'storage', 'acme', '2026-01-10T00:00:00Z', '1000']);
  await scenario.caller.usage.voidUsage({ requestId: 'wrong', idempotencyKeys: ['wrong'], reason: 'sent by a test' });
  await scenario.caller.usage.releaseUsage({ requestId: 'one', idempotencyKeys: ['one'], reason: 'looked at' });
  await publish(scenario, 'requests', '2026-03-01T00:00:00Z', '0.205');
  await scenario.advance('2026-02-10T00:00:00Z');
  await scenario.use(['late', 'storage', 'acme', '2026-01-10T00:00:00Z', '1']);
  await scenario.advance('2026-03-10T00:00:00Z');
  await publish(scenario, 'backup', '2026-03-20T00:00:00Z', '1');
  await scenario.use(['three', 'requests', 'acme', '2026-03-10T00:00:00Z', '1000.1'], ['four', 'backup', 'acme', '2026-03-10T00:00:00Z', '25.5']);
  await scenario.advance('2026-03-25T00:00:00Z');
  await scenario.use(['five', 'backup', 'acme', '2026-03-25T00:00:00Z', '7']);
  await scenario.advance('2026-04-02T00:00:00Z');
  return scenario;
}

export async function publish({ caller }: Scenario, price: string, from: string, unitAmount: string): Promise<void> {
  await caller.catalog.publishPriceVersion({
    requestId: `${price} ${from}`, price, effectiveFromTime: timestampFromInstant(parseInstant(from)), effectiveToTime: undefined, model: { model: { $case: 'perUnit', value: { unitAmount } } }, allowBackDating: false,
  });
}

export async function documents(scenario: Scenario): Promise<readonly VerifyInvoiceRequest[]> {
  return [
    ...(await scenario.invoices()).map(({ invoiceId: value }): VerifyInvoiceRequest => ({ document: { $case: 'invoiceId', value } })),
    ...(await scenario.creditNotes()).map(({ creditNoteId: value }): VerifyInvoiceRequest => ({ document: { $case: 'creditNoteId', value } })),
  ];
}

/** What is found of each document: `match`, the difference as `path: stored ≠ derived`, or the reason why there is no run. */
export async function verdicts(scenario: Scenario, names?: readonly VerifyInvoiceRequest[]): Promise<string[]> {
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

/** Does something as a superuser with triggers and foreign keys off. */
export async function quietly<Answer>(owner: pg.Client, work: () => Promise<Answer>): Promise<Answer> {
  await owner.query('begin');
  try {
    await owner.query("set local session_replication_role = 'replica'");
    const answer = await work();
    await owner.query('commit');
    return answer;
  } catch (error) {
    await owner.query('rollback');
    throw error;
  }
}

/** Changes rows of the book's organization, which `$1` stands for, looks, and puts the table back. */
export async function tampered<Answer>({ owner, scenario }: Book, table: string, change: string, look: () => Promise<Answer>): Promise<Answer> {
  const { organizationId } = scenario.organization;
  await owner.query(`create temporary table kept as select * from ${table} where organization_id = '${organizationId}'`);
  try {
    const { rowCount } = await quietly(owner, () => owner.query(change, [organizationId]));
    if (rowCount === 0) throw new Error(`nothing was tampered with: ${change}`);
    return await look();
  } finally {
    await quietly(owner, async () => {
      await owner.query(`delete from ${table} where organization_id = $1`, [organizationId]);
      await owner.query(`insert into ${table} select * from kept`);
    });
    await owner.query('drop table kept');
  }
}

/** The columns of a table but the organization, in their order. */
export async function columnsOf({ owner }: Book, table: string): Promise<readonly { readonly name: string; readonly type: string }[]> {
  const [schema, name] = table.split('.');
  const { rows } = await owner.query<{ name: string; type: string }>(
    `select column_name as name, data_type as type from information_schema.columns where table_schema = $1 and table_name = $2 and column_name <> 'organization_id' order by ordinal_position`, [schema, name]);
  return rows;
}
