// `npm run demo`: a throw-away Valora, a small catalog, a month of usage, and the invoice with its derivation. Everything
// goes through the same rpcs a caller would use; time is moved with the sandbox's clock.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import { UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import { callerOf } from './caller.ts';
import { connect } from './connect.ts';
import { printInvoice } from './print-invoice.ts';
import { at, createPlan, subscribe } from './sample.ts';
import { loadSecrets } from './secrets.ts';
import { startValora } from './start-valora.ts';

const PLAN = 'team';
const CUSTOMER = 'acme';

export async function demo(print: (line: string) => void): Promise<void> {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'valora-demo-'));
  try {
    const secrets = loadSecrets(folder);
    const valora = await startValora({ secrets, dataFolder: folder, address: '127.0.0.1:0', tickIntervalMs: null, reflection: false });
    try {
      print(`Six services on port ${valora.port}, PostgreSQL beside them.`);
      await billSample(`127.0.0.1:${valora.port}`, secrets.operatorCredential, print);
    } finally {
      await valora.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  print(`${((performance.now() - started) / 1000).toFixed(1)} s from nothing to the invoice.`);
}

async function billSample(address: string, operatorCredential: string, print: (line: string) => void): Promise<void> {
  const operator = connect(address, operatorCredential);
  const { apiKey } = await operator.stub(OrganizationServiceService).createOrganization({
    requestId: 'demo', organizationId: 'org_demo', displayName: 'Demo', currencyCode: 'USD', settings: undefined, sandboxTime: at('2026-01-15T09:30:00Z'),
  });
  operator.close();
  const connection = connect(address, apiKey);
  const caller = callerOf(connection);
  await createPlan(caller, {
    plan: PLAN, currencyCode: 'USD', effectiveFrom: '2026-01-01T00:00:00Z',
    prices: [
      { code: 'seat', displayName: 'Team plan', meter: null, model: { $case: 'flat', value: { amount: '20' } } },
      {
        code: 'requests', displayName: 'API requests', meter: 'requests',
        model: { $case: 'graduated', value: { tiers: [{ upTo: '100', unitAmount: '0.10', flatAmount: '' }, { upTo: '', unitAmount: '0.05', flatAmount: '' }] } },
      },
    ],
  });
  await subscribe(caller, { customer: CUSTOMER, plan: PLAN, startTime: '2026-01-15T09:30:00Z' });
  await caller.scheduler.advanceClock({ targetTime: at('2026-02-14T00:00:00Z') });
  const events = ['2026-01-16T08:00:00Z', '2026-01-20T12:34:56.789012Z', '2026-02-13T23:59:59.999999Z'].map((time, position) => ({
    idempotencyKey: `demo-${position}`, meter: 'requests', customer: CUSTOMER, subscription: '', eventTime: at(time), value: '50', properties: new Map(),
  }));
  const { outcomes } = await caller.usage.recordUsage({ events });
  print(`${outcomes.filter(({ outcome }) => outcome === UsageOutcome.RECORDED).length} usage events recorded; the clock goes on to the end of the period.`);
  const { finalizedInvoiceCount } = await caller.scheduler.advanceClock({ targetTime: at('2026-02-15T09:30:00Z') });
  print(`${finalizedInvoiceCount} invoice finalized:\n`);
  const { invoices } = await caller.invoices.listInvoices({ pageSize: 0, pageToken: '', subscription: CUSTOMER });
  for (const invoice of invoices) printInvoice(invoice).forEach(print);
  print('');
  connection.close();
}
