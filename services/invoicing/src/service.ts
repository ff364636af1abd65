// The invoicing service, put together: its database, the services it reads from, and its rpcs.
import {
  auditHandlers, createFindSandboxTime, createPeerAuthenticate, createServiceGround, dueWorkHandlers, fenceHandlers, setDueWorkSandboxTime, sqlOf, unaryService, type Platform, type RunningService,
} from '@valora/chassis';
import { CreditNoteServiceService } from '@valora/contracts/valora/invoicing/v1/credit_note';
import { AuditServiceService } from '@valora/contracts/valora/invoicing/v1/audit';
import { FenceServiceService } from '@valora/contracts/valora/invoicing/v1/fence';
import { DueWorkServiceService, InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { FenceServiceService as MeteringFence } from '@valora/contracts/valora/metering/v1/fence';
import { MeterServiceService } from '@valora/contracts/valora/metering/v1/meter';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { CatalogServiceService } from '@valora/contracts/valora/pricing/v1/catalog';
import { FenceServiceService as PricingFence } from '@valora/contracts/valora/pricing/v1/fence';
import { BillingCycleServiceService } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { FenceServiceService as SubscriptionFence } from '@valora/contracts/valora/subscription/v1/fence';
import { FenceServiceService as TenancyFence } from '@valora/contracts/valora/tenancy/v1/fence';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import { openInvoicingDatabase } from './database.ts';
import { dueWorkKinds } from './due-work.ts';
import { finalizeDueInvoices } from './finalize-due-invoices.ts';
import type { Sources } from './load-run-facts.ts';
import { createBillingMetrics } from './metrics.ts';
import { creditNoteReads, invoiceReads } from './read-documents.ts';
import { runBillingCycles } from './run-billing-cycles.ts';
import { explainInvoice, verifyInvoice } from './verify-invoice.ts';

export async function createInvoicingService(platform: Platform): Promise<RunningService> {
  const { log, admission, metrics, peer, closePeers } = createServiceGround(platform, 'invoicing');
  const database = openInvoicingDatabase(platform, { log, metrics });
  const authenticate = createPeerAuthenticate(platform, peer('tenancy'));
  const recording = { database, findSandboxTime: createFindSandboxTime(peer('tenancy')) };
  const billing = createBillingMetrics(metrics.registry);
  const wrapping = { authenticate, admission, log, metrics };
  const sources: Sources = {
    organizations: peer('tenancy').stub(OrganizationServiceService),
    catalog: peer('pricing').stub(CatalogServiceService),
    billingCycles: peer('subscription').stub(BillingCycleServiceService),
    meters: peer('metering').stub(MeterServiceService),
    usage: peer('metering').stub(UsageServiceService),
    fences: {
      tenancy: peer('tenancy').stub(TenancyFence),
      metering: peer('metering').stub(MeteringFence),
      pricing: peer('pricing').stub(PricingFence),
      subscription: peer('subscription').stub(SubscriptionFence),
    },
  };
  return {
    name: 'invoicing',
    registry: metrics.registry,
    services: [
      unaryService(InvoiceServiceService, {
        ...invoiceReads(database),
        verifyInvoice: (context, request) => verifyInvoice({ database, sources }, context, request),
        explainInvoice: (context, request) => explainInvoice({ database, sources }, context, request),
        runBillingCycles: (context, request) => runBillingCycles({ ...recording, sources, log, metrics: billing }, context, request),
        finalizeDueInvoices: (context, request) => finalizeDueInvoices({ ...recording, log, metrics: billing }, context, request),
      }, wrapping),
      unaryService(CreditNoteServiceService, creditNoteReads(database), wrapping),
      unaryService(DueWorkServiceService, dueWorkHandlers(database, dueWorkKinds, metrics.dueWork), wrapping),
      unaryService(AuditServiceService, auditHandlers(database, metrics.audit), wrapping),
      unaryService(FenceServiceService, fenceHandlers(recording, (tx, now) => setDueWorkSandboxTime(sqlOf(tx), now)), wrapping),
    ],
    async close() {
      closePeers();
      await database.close();
    },
  };
}
