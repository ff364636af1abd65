// `npm run demo`: a throw-away Valora, a small catalog, a month of usage, and the invoice with its derivation. Everything
// goes through the same rpcs a caller would use; time is moved with the sandbox's clock.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, ingestAll, listAll, timestampFromText } from '@valora/client';
import { applyCatalog } from './catalog/apply-catalog.ts';
import { catalogFromJson } from './catalog/catalog-file.ts';
import { advanceClock } from './commands/close.ts';
import { printInvoice } from './print-invoice.ts';
import { subscribe } from './sample.ts';
import { loadSecrets } from './secrets.ts';
import { startValora } from './start-valora.ts';

const PLAN = 'team';
const CUSTOMER = 'acme';
const CATALOG = {
  meters: [{ code: 'requests', aggregation: 'SUM' }],
  prices: [
    { code: 'seat', displayName: 'Team plan', versions: [{ effectiveFromTime: '2026-01-01T00:00:00Z', model: { flat: { amount: '20' } } }] },
    {
      code: 'requests', displayName: 'API requests', meter: 'requests',
      versions: [{ effectiveFromTime: '2026-01-01T00:00:00Z', model: { graduated: { tiers: [{ upTo: '100', unitAmount: '0.10' }, { unitAmount: '0.05' }] } } }],
    },
  ],
  plans: [{ code: PLAN, prices: ['seat', 'requests'] }],
};

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
  const operator = createClient({ address, credential: operatorCredential });
  const { apiKey } = await operator.organizations.createOrganization({
    requestId: 'demo', organizationId: 'org_demo', displayName: 'Demo', currencyCode: 'USD', settings: undefined, sandboxTime: timestampFromText('2026-01-15T09:30:00Z'),
  });
  operator.close();
  const client = createClient({ address, credential: apiKey });
  await applyCatalog(client, catalogFromJson(CATALOG), { currencyCode: 'USD', allowBackDating: true, dryRun: false });
  await subscribe(client, { customer: CUSTOMER, plan: PLAN, startTime: '2026-01-15T09:30:00Z' });
  await advanceClock(client, timestampFromText('2026-02-14T00:00:00Z'));
  const events = ['2026-01-16T08:00:00Z', '2026-01-20T12:34:56.789012Z', '2026-02-13T23:59:59.999999Z'].map((time, position) => ({
    idempotencyKey: `demo-${position}`, meter: 'requests', customer: CUSTOMER, subscription: '', eventTime: timestampFromText(time), value: '50', properties: new Map(),
  }));
  const { recorded } = await ingestAll(client.usage, events);
  print(`${recorded} usage events recorded; the clock goes on to the end of the period.`);
  const { finalizedInvoiceCount } = await advanceClock(client, timestampFromText('2026-02-15T09:30:00Z'));
  print(`${finalizedInvoiceCount} invoice finalized:\n`);
  for await (const invoice of listAll(client.invoices.listInvoices, { subscription: CUSTOMER })) printInvoice(invoice).forEach(print);
  print('');
  client.close();
}
