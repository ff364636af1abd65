// A draft is verified by its content, too: when it is to be finalized, and that nobody set it aside.
import { credentials } from '@grpc/grpc-js';
import { createPeer, createServiceTokenIssuer, timestampFromInstant, type OutgoingContext, type Peer } from '@valora/chassis';
import { FenceServiceService as InvoicingFence } from '@valora/contracts/valora/invoicing/v1/fence';
import { InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { FenceServiceService as MeteringFence } from '@valora/contracts/valora/metering/v1/fence';
import { FenceServiceService as PricingFence } from '@valora/contracts/valora/pricing/v1/fence';
import { BillingCycleServiceService } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { FenceServiceService as SubscriptionFence } from '@valora/contracts/valora/subscription/v1/fence';
import { FenceServiceService as TenancyFence } from '@valora/contracts/valora/tenancy/v1/fence';
import { parseInstant } from '@valora/rating';
import { startScenario, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fee, quietly, verdicts } from './verification-book.ts';

const CUTOFF = timestampFromInstant(parseInstant('2026-02-01T00:00:00Z'));

let valora: TestValora;
let peer: Peer;
let owner: pg.Client;
beforeAll(async () => {
  valora = await startTestValora();
  peer = createPeer({ address: () => valora.address, channelCredentials: credentials.createInsecure(), service: 'test', tokens: createServiceTokenIssuer(valora.secrets.serviceTokenKey) });
  owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  peer.close();
  await valora.stop();
});

let scenario: Scenario;
let context: OutgoingContext;
let issue: string;
beforeEach(async () => {
  scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [fee]);
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  context = { organizationId: scenario.organization.organizationId, caller: { actor: 'test' }, deadlineMs: Date.now() + 60_000, callDepth: 0 };
  for (const fence of [MeteringFence, PricingFence, SubscriptionFence, InvoicingFence, TenancyFence]) await (peer.stub(fence) as { setClock: (context: OutgoingContext, request: object) => Promise<unknown> }).setClock(context, { currentTime: CUTOFF });
  await peer.stub(BillingCycleServiceService).openDueCycles(context, { batchSizeMax: 10 });
  await peer.stub(InvoiceServiceService).runBillingCycles(context, { cycles: [{ subscription: 'acme', cycleIndex: 1 }], sealThroughTime: CUTOFF });
  issue = String(parseInstant('2026-02-01T00:00:00Z'));
});

async function tamper(statement: string): Promise<void> {
  const { rowCount } = await quietly(owner, () => owner.query(statement, [scenario.organization.organizationId]));
  expect(rowCount).toBe(1);
}

test('a draft verifies, before its cycle is complete, and so does the invoice it becomes', async () => {
  expect(await verdicts(scenario)).toEqual(['match']);
  expect((await scenario.invoices()).map(({ number, numberDigest }) => [number, numberDigest])).toEqual([[0n, '']]);
  await peer.stub(InvoiceServiceService).finalizeDueInvoices(context, { batchSizeMax: 10 });
  expect(await verdicts(scenario)).toEqual(['match']);
});

test.each([
  ['finalize_time = finalize_time + 1', () => `invoice_draft.finalize_time: ${BigInt(issue) + 1n} ≠ ${issue}`],
  ['issue_time = issue_time - 1', () => `invoice_draft.issue_time: ${BigInt(issue) - 1n} ≠ ${issue}`],
  ['refused = true', () => 'invoice_draft.refused: true ≠ false'],
])('a draft with %s is found', async (set, expected) => {
  await tamper(`update invoicing.invoice_draft set ${set} where organization_id = $1`);
  expect(await verdicts(scenario)).toEqual([expected()]);
});

test('a draft that nobody will finalize is found', async () => {
  const [invoice] = await scenario.invoices();
  await tamper('delete from invoicing.invoice_draft where organization_id = $1');
  expect(await verdicts(scenario)).toEqual([`invoice_finalization.invoice_id: nothing ≠ ${invoice?.invoiceId}`]);
});

test('an invoice that is numbered and among the drafts again is found', async () => {
  const [invoice] = await scenario.invoices();
  await peer.stub(InvoiceServiceService).finalizeDueInvoices(context, { batchSizeMax: 10 });
  await tamper(`insert into invoicing.invoice_draft select organization_id, issue_time, issue_time, invoice_id from invoicing.invoice where organization_id = $1`);
  expect(await verdicts(scenario)).toEqual([`invoice_draft.invoice_id: ${invoice?.invoiceId} ≠ nothing`]);
});
