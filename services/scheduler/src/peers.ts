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
  /**
   * The fences of all services that record facts, in the order in which a sandbox's clock moves: first those that a run
   * seals, last the ones that say what is due. So whoever finds work due can seal everything it needs.
   */
  readonly fences: readonly Pick<Stub<typeof TenancyFence>, 'setClock'>[];
}

export function connectPeers(peer: ServiceGround['peer']): Peers {
  return {
    organizations: peer('tenancy').stub(OrganizationServiceService),
    billingCycles: peer('subscription').stub(BillingCycleServiceService),
    invoices: peer('invoicing').stub(InvoiceServiceService),
    subscriptionDueWork: peer('subscription').stub(SubscriptionDueWork),
    invoicingDueWork: peer('invoicing').stub(InvoicingDueWork),
    fences: [
      peer('metering').stub(MeteringFence), peer('pricing').stub(PricingFence), peer('tenancy').stub(TenancyFence),
      peer('invoicing').stub(InvoicingFence), peer('subscription').stub(SubscriptionFence),
    ],
  };
}
