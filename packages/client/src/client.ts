// A caller's connection to Valora: a typed function for each rpc, by service.
import { Metadata, type Client } from '@grpc/grpc-js';
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
  /**
   * `host:port` of everything; or, by service (`tenancy`, `metering`, …), where each listens that is called, if they listen apart.
   * Any gRPC target will do, such as `dns:///host:port`.
   */
  readonly address: string | Readonly<Record<string, string>>;
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
  const metadata = new Metadata();
  if (credential !== null) metadata.set('authorization', `Bearer ${credential}`);
  const channels = new Map<string, Client>();
  const channelTo = (target: string): Client => {
    const channel = channels.get(target) ?? openChannel({ address: target, tls, retries });
    channels.set(target, channel);
    return channel;
  };
  const stub = <Definition extends object>(definition: Definition): Stub<Definition> =>
    createStub(definition, { channel: (path) => channelTo(addressOf(address, path)), metadata, deadlineMs, retries });
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
    close: () => channels.forEach((channel) => channel.close()),
  };
}

/** Of the service that an rpc's path `/valora.<service>.v1.…` names. */
function addressOf(address: ClientOptions['address'], path: string): string {
  if (typeof address === 'string') return address;
  const service = /^\/valora\.([a-z]+)\./.exec(path)?.[1] ?? '';
  const found = address[service];
  if (found === undefined) throw new Error(`The client was given no address for ${service}, which ${path} needs.`);
  return found;
}
