// The rpcs that the commands use, by noun.
import { InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { MeterServiceService } from '@valora/contracts/valora/metering/v1/meter';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { CatalogServiceService } from '@valora/contracts/valora/pricing/v1/catalog';
import { SchedulerServiceService } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { CustomerServiceService } from '@valora/contracts/valora/subscription/v1/customer';
import { SubscriptionServiceService } from '@valora/contracts/valora/subscription/v1/subscription';
import type { Connection } from './connect.ts';

export function callerOf(connection: Connection) {
  return {
    meters: connection.stub(MeterServiceService),
    usage: connection.stub(UsageServiceService),
    catalog: connection.stub(CatalogServiceService),
    customers: connection.stub(CustomerServiceService),
    subscriptions: connection.stub(SubscriptionServiceService),
    invoices: connection.stub(InvoiceServiceService),
    scheduler: connection.stub(SchedulerServiceService),
  };
}

export type Caller = ReturnType<typeof callerOf>;
