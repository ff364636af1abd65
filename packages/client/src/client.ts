// A caller's connection to Valora: a typed function for each rpc, by service.
import { Metadata } from '@grpc/grpc-js';
import { AuditServiceService as InvoicingAudit } from '@valora/contracts/valora/invoicing/v1/audit';
import { CreditNoteServiceService } from '@valora/contracts/valora/invoicing/v1/credit_note';
import { InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { AuditServiceService as MeteringAudit } from '@valora/contracts/valora/metering/v1/audit';
import { MeterServiceService } from '@valora/contracts/valora/metering/v1/meter';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { AuditServiceService as PricingAudit } from '@valora/contracts/valora/pricing/v1/audit';
import { CatalogServiceService } from '@valora/contracts/valora/pricing/v1/catalog';
import { SchedulerServiceService } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { AuditServiceService as SubscriptionAudit } from '@valora/contracts/valora/subscription/v1/audit';
import { BillingCycleServiceService } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { CustomerServiceService } from '@valora/contracts/valora/subscription/v1/customer';
import { SubscriptionServiceService } from '@valora/contracts/valora/subscription/v1/subscription';
import { ApiKeyServiceService } from '@valora/contracts/valora/tenancy/v1/api_key';
import { AuditServiceService as TenancyAudit } from '@valora/contracts/valora/tenancy/v1/audit';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import { openChannel, RETRIES_MAX, type TlsOptions } from './channel.ts';
import { createStub, type Stub } from './stub.ts';

export interface ClientOptions {
  /** `host:port`. */
  readonly address: string;
  /** An API key, or the operator credential; null for none. */
  readonly credential: string | null;
  /** Absent: no TLS. */
  readonly tls?: TlsOptions | undefined;
  /** How long a call may take, retries included, unless the call says otherwise. Default 30 s. */
  readonly deadlineMs?: number;
  /** How often a call is made again where that may help, 0 to 4. Default 4. */
  readonly retries?: number;
}

const DEADLINE_MS_DEFAULT = 30_000;

export type ValoraClient = ReturnType<typeof createClient>;

/** Connects at the first call. */
export function createClient({ address, credential, tls, deadlineMs = DEADLINE_MS_DEFAULT, retries = RETRIES_MAX }: ClientOptions) {
  const channel = openChannel({ address, tls, retries });
  const metadata = new Metadata();
  if (credential !== null) metadata.set('authorization', `Bearer ${credential}`);
  const stub = <Definition extends object>(definition: Definition): Stub<Definition> => createStub(definition, { channel, metadata, deadlineMs, retries });
  return {
    organizations: stub(OrganizationServiceService),
    apiKeys: stub(ApiKeyServiceService),
    meters: stub(MeterServiceService),
    usage: stub(UsageServiceService),
    catalog: stub(CatalogServiceService),
    customers: stub(CustomerServiceService),
    subscriptions: stub(SubscriptionServiceService),
    billingCycles: stub(BillingCycleServiceService),
    invoices: stub(InvoiceServiceService),
    creditNotes: stub(CreditNoteServiceService),
    scheduler: stub(SchedulerServiceService),
    audit: {
      tenancy: stub(TenancyAudit), metering: stub(MeteringAudit), pricing: stub(PricingAudit), subscription: stub(SubscriptionAudit), invoicing: stub(InvoicingAudit),
    },
    /** Any other service of the contracts, by its generated definition. */
    stub,
    close: () => channel.close(),
  };
}
