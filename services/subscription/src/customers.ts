// The rpcs of customers.
import { commonErrors, Fields, mutate, paged, parsePage, type Handlers, type RecordingDependencies } from '@valora/chassis';
import { Customer as CustomerMessage, CustomerServiceService } from '@valora/contracts/valora/subscription/v1/customer';
import { findCustomer, insertCustomer, listCustomersAfter } from './customer-store.ts';
import { customerToProto, parseCustomer } from './customer.ts';
import type { Transaction } from './database.ts';

export function customerHandlers(dependencies: RecordingDependencies<Transaction>): Handlers<typeof CustomerServiceService> {
  const { database } = dependencies;
  return {
    async createCustomer(context, request) {
      const fields = new Fields();
      fields.requestId(request.requestId);
      const draft = parseCustomer(fields, request.customer ?? CustomerMessage.fromPartial({}));
      fields.check();
      return await mutate(dependencies, { context, method: CustomerServiceService.createCustomer, request }, async (tx, recordedTime) => {
        const customer = { ...draft, recordedTime };
        await insertCustomer(tx, context.organizationId, customer);
        return { customer: customerToProto(customer) };
      });
    },
    async getCustomer({ organizationId }, request) {
      const fields = new Fields();
      const reference = fields.reference('reference', request.reference);
      fields.check();
      const customer = await database.transaction(organizationId, (tx) => findCustomer(tx, organizationId, reference));
      if (customer === null) throw commonErrors.NOT_FOUND({ resource: 'customer', name: reference });
      return { customer: customerToProto(customer) };
    },
    async listCustomers({ organizationId }, request) {
      const page = parsePage(request, 1);
      const found = await database.transaction(organizationId, (tx) => listCustomersAfter(tx, organizationId, { after: page.after?.[0] ?? null, limit: page.size + 1 }));
      const { rows, nextPageToken } = paged(found, page, ({ reference }) => [reference]);
      return { customers: rows.map(customerToProto), nextPageToken };
    },
  };
}
