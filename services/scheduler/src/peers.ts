// The services that the scheduler drives, each through its contract.
import type { ServiceGround, Stub } from '@valora/chassis';
import { FenceServiceService as InvoicingFence } from '@valora/contracts/valora/invoicing/v1/fence';
import { DueWorkServiceService as InvoicingDueWork, InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { FenceServiceService as MeteringFence } from '@valora/contracts/valora/metering/v1/fence';
import { FenceServiceService as PricingFence } from '@valora/contracts/valora/pricing/v1/fence';
import { BillingCycleServiceService, DueWorkServiceService as SubscriptionDueWork } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { FenceServiceService as SubscriptionFence } from '@valora/contracts/valora/subscription/v1/fence';
import { FenceServiceService as TenancyFence } from '@valora/contracts/valora/tenancy/v1/fence';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';

export interface Peers {
  readonly organizations: Stub<typeof OrganizationServiceService>;
  readonly billingCycles: Stub<typeof BillingCycleServiceService>;
  readonly invoices: Stub<typeof InvoiceServiceService>;
  readonly subscriptionDueWork: Stub<typeof SubscriptionDueWork>;
  readonly invoicingDueWork: Stub<typeof InvoicingDueWork>;
  readonly tenancyFence: Stub<typeof TenancyFence>;
  /** Every other service that records facts. */
  readonly otherFences: readonly Pick<Stub<typeof TenancyFence>, 'setClock'>[];
}

export function connectPeers(peer: ServiceGround['peer']): Peers {
  return {
    organizations: peer('tenancy').stub(OrganizationServiceService),
    billingCycles: peer('subscription').stub(BillingCycleServiceService),
    invoices: peer('invoicing').stub(InvoiceServiceService),
    subscriptionDueWork: peer('subscription').stub(SubscriptionDueWork),
    invoicingDueWork: peer('invoicing').stub(InvoicingDueWork),
    tenancyFence: peer('tenancy').stub(TenancyFence),
    otherFences: [
      peer('metering').stub(MeteringFence), peer('pricing').stub(PricingFence),
      peer('subscription').stub(SubscriptionFence), peer('invoicing').stub(InvoicingFence),
    ],
  };
}
