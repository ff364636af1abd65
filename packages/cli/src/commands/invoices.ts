// Invoices: what is billed, how each amount came about, and whether it still follows from the source records.
import { listAll, type ValoraClient } from '@valora/client';
import { RunExplanation } from '@valora/contracts/valora/invoicing/v1/explanation';
import { VerifyInvoiceResponse, type Invoice } from '@valora/contracts/valora/invoicing/v1/invoice';
import { CommandError, EXIT, UsageError, type Command, type ExitCode, type PositionalDeclaration } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { printInvoice } from '../print-invoice.ts';
import { protoJson } from '../proto-json.ts';
import { invoiceShape } from '../shapes.ts';
import { answered } from './shared-options.ts';

const explanationJson = protoJson('valora.invoicing.v1.RunExplanation', RunExplanation);
const verificationJson = protoJson('valora.invoicing.v1.VerifyInvoiceResponse', VerifyInvoiceResponse);
const VERIFY_MS = 10 * 60_000;
const invoicePositional: PositionalDeclaration = { name: 'invoice', description: 'Its id (inv_…) or its number.' };

/** By id; by number the list is searched. */
async function findInvoice(client: ValoraClient, named: string): Promise<Invoice> {
  if (!/^\d+$/.test(named)) return answered((await client.invoices.getInvoice({ invoiceId: named })).invoice, 'invoice');
  for await (const invoice of listAll(client.invoices.listInvoices, { subscription: '' })) {
    if (invoice.number === BigInt(named)) return invoice;
  }
  throw new CommandError(`There is no invoice with the number ${named}. See \`valora invoices list\`.`);
}

/** What verifying found, in words; null for a match. */
function mismatch({ result }: VerifyInvoiceResponse): string | null {
  switch (result?.$case) {
    case 'match':
      return null;
    case 'firstDifference': {
      const { path, storedValue, derivedValue } = result.value;
      return `differs at ${path}: stored ${storedValue ?? 'nothing'}, derived ${derivedValue ?? 'nothing'}`;
    }
    case 'error':
      return `can't be derived: ${result.value.reason} ${result.value.message}`;
    case undefined:
      throw new Error('the answer says nothing');
  }
}

async function verify({ output, json }: CommandContext, client: ValoraClient, invoices: AsyncIterable<Invoice> | Iterable<Invoice>): Promise<ExitCode> {
  let differing = 0, matching = 0;
  for await (const invoice of invoices) {
    const response = await client.invoices.verifyInvoice({ document: { $case: 'invoiceId', value: invoice.invoiceId } }, { deadlineMs: VERIFY_MS });
    const found = mismatch(response);
    if (found === null) matching += 1;
    else differing += 1;
    const name = `${invoice.number === 0n ? 'draft' : invoice.number} ${invoice.invoiceId}`;
    await output.record(() => ({ invoiceId: invoice.invoiceId, ...Object(verificationJson.toJson(response)) as object }), () => `${name}: ${found ?? `matches its source records, digest ${invoice.digest}`}`);
  }
  if (!json) output.line(`${matching} match, ${differing} differ`);
  return differing === 0 ? EXIT.OK : EXIT.FAILED;
}

export const invoiceCommands: readonly Command[] = [
  {
    name: 'invoices list',
    summary: 'Lists the invoices by issue time.',
    credential: 'an API key',
    options: { subscription: { value: 'reference', description: "Only this subscription's." } },
    run: (context, args) => context.output.list(listAll(context.client().invoices.listInvoices, { subscription: args.text('subscription') }), invoiceShape),
  },
  {
    name: 'invoices show',
    summary: 'Shows an invoice with its lines.',
    credential: 'an API key',
    positionals: [invoicePositional],
    async run(context, args) {
      const invoice = await findInvoice(context.client(), args.positional('invoice'));
      context.output.value(() => invoiceShape.json(invoice), () => printInvoice(invoice, { derivation: false }));
    },
  },
  {
    name: 'invoices explain',
    summary: 'Shows how every line came about, so that it can be checked with a pencil.',
    details: 'Text shows the derivation that is stored with the invoice. JSON is the tree of ExplainInvoice, derived anew. `invoices verify` says whether the two agree.',
    credential: 'an API key',
    positionals: [invoicePositional],
    async run(context, args) {
      const client = context.client();
      const invoice = await findInvoice(client, args.positional('invoice'));
      if (!context.json) return context.output.value(() => null, () => printInvoice(invoice));
      const { explanation } = await client.invoices.explainInvoice({ document: { $case: 'invoiceId', value: invoice.invoiceId } });
      context.output.value(() => explanationJson.toJson(answered(explanation, 'explanation')), () => []);
    },
  },
  {
    name: 'invoices verify',
    summary: 'Derives invoices again from the source records and compares everything that is stored; ends with 1 at a difference.',
    details: 'With --json an answer a line.',
    credential: 'an API key',
    positionals: [{ ...invoicePositional, optional: true, repeated: true }],
    options: { all: { value: null, description: 'Every invoice of the organization.' } },
    async run(context, args) {
      const client = context.client();
      const named = args.positionals('invoice');
      if (args.flag('all') === named.length > 0) throw new UsageError('Name the invoices to verify, or give --all.');
      if (args.flag('all')) return await verify(context, client, listAll(client.invoices.listInvoices, { subscription: '' }));
      return await verify(context, client, await Promise.all(named.map((each) => findInvoice(client, each))));
    },
  },
];
