// A superuser changes what invoicing stored, triggers off: every column of every table is found.
import type { VerifyInvoiceRequest } from '@valora/contracts/valora/invoicing/v1/invoice';
import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { columnsOf, documents, quietly, startBook, tampered, verdicts, type Book } from './verification-book.ts';

let book: Book;
beforeAll(async () => { book = await startBook(); }, 120_000);
afterAll(() => book.stop());

const storedTables = ['billing_run', 'run_line', 'invoice', 'credit_note', 'credit_application', 'invoice_finalization', 'invoice_number'];

/** What no document shows: drafts have a test file of their own, the rest is a work list, or of every service. */
const notCompared = ['invoice_draft', 'due_work', 'audit_record', 'audit_head', 'fence', 'request', '_prisma_migrations'];

test('every table of invoicing is compared, or named here', async () => {
  const { rows } = await book.owner.query<{ name: string }>("select table_name as name from information_schema.tables where table_schema = 'invoicing'");
  expect(rows.map(({ name }) => name).filter((name) => !notCompared.includes(name)).toSorted()).toEqual(storedTables.toSorted());
});

test.each(storedTables)('every column of invoicing.%s that was changed is found, but the time of recording', async (table) => {
  const columns = (await columnsOf(book, `invoicing.${table}`)).filter(({ name }) => name !== 'recorded_time');
  expect(columns).not.toEqual([]);
  for (const { name, type } of columns) {
    const names = await documents(book.scenario);
    const found = await firstAllowed(changesOf(name, type).map((changed) => () => tampered(
      book, `invoicing.${table}`,
      `update invoicing.${table} set ${name} = ${changed} where organization_id = $1 and ctid = (select ctid from invoicing.${table} where organization_id = $1 order by ctid desc limit 1)`,
      async () => {
        const answers: string[] = [];
        for (const one of names) answers.push(...(await verdicts(book.scenario, [one]).catch(() => verdicts(book.scenario, [renamed(one)]))));
        return answers;
      })));
    expect(found.filter((one) => one !== 'match'), `${table}.${name}: ${found.join(' | ')}`).not.toEqual([]);
  }
  expect(await verdicts(book.scenario)).toEqual(['match', 'match', 'match']);
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

test.each([
  ['9000000000000000000', /^billing_run\.cutoff_time: 9000000000000000000 ≠ \d+$/],
  ['-9000000000000000000', /^CUTOFF_MOVED$/],
])('a stored cutoff of %s, which is no instant, is an answer and not an error', async (cutoff, expected) => {
  const names = await documents(book.scenario);
  const change = `update invoicing.billing_run set cutoff_time = ${cutoff}, previous_cutoff_time = least(previous_cutoff_time, ${cutoff}) where organization_id = $1 and run_index = 1`;
  expect(await tampered(book, 'invoicing.billing_run', change, () => verdicts(book.scenario, names))).toEqual([expect.stringMatching(expected), 'match', 'match']);
});

test('of two differences the first is named, also where only the stored side has a value', async () => {
  const names = await documents(book.scenario);
  const found = await tampered(book, 'invoicing.run_line', `update invoicing.run_line set unit_amount = 5, trace = '{}' where organization_id = $1 and run_index = 1 and unit_amount is null`, () => verdicts(book.scenario, names));
  expect(found).toEqual([expect.stringMatching(/^run_line\[\d\]\.unit_amount: 5 ≠ nothing$/), 'match', 'match']);
});

test('two numbers that changed places are found, though none is missing', async () => {
  const names = await documents(book.scenario);
  const found = await tampered(book, 'invoicing.invoice_finalization', 'update invoicing.invoice_finalization set number = 3 - number + 100 where organization_id = $1', async () => {
    await quietly(book.owner, () => book.owner.query('update invoicing.invoice_finalization set number = number - 100 where organization_id = $1', [book.scenario.organization.organizationId]));
    return await verdicts(book.scenario, names);
  });
  expect(found).toEqual([expect.stringMatching(/^invoice_finalization\.digest: /), expect.stringMatching(/^invoice_finalization\.digest: /), 'match']);
});

test("an invoice shows its number's digest, which anybody can compute", async () => {
  for (const { number, digest, numberDigest } of await book.scenario.invoices()) {
    expect(numberDigest).toBe(createHash('sha256').update(`{"canonical_invoice":"${digest}","number":"${number}"}`).digest('hex'));
  }
});

test('a credit that was changed in an earlier run is not believed: what is applied derives from the usage', async () => {
  const names = await documents(book.scenario);
  const found = await tampered(book, 'invoicing.credit_note', 'update invoicing.credit_note set amount = amount + 1 where organization_id = $1', () => verdicts(book.scenario, names));
  expect(found).toEqual(['match', 'match', 'credit_note.amount: 79.00 ≠ 78.00']);
});

