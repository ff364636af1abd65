// Customers.
import { listAll } from '@valora/client';
import { Customer } from '@valora/contracts/valora/subscription/v1/customer';
import type { Command } from '../command.ts';
import { customerShape } from '../shapes.ts';
import { answered, requestId, requestIdOption } from './shared-options.ts';

export const customerCommands: readonly Command[] = [
  {
    name: 'customer create',
    summary: 'Creates a customer. Usage may have been recorded for it before.',
    credential: 'an API key',
    positionals: [{ name: 'reference', description: 'Your own reference, unique in the organization.' }],
    options: {
      name: { value: 'text', description: 'A name for people; otherwise the reference.' },
      'time-zone': { value: 'zone', description: "IANA time zone of its new subscriptions; otherwise the organization's." },
      ...requestIdOption,
    },
    async run(context, args) {
      const reference = args.positional('reference');
      const { customer } = await context.client().customers.createCustomer({
        requestId: requestId(args), customer: Customer.fromPartial({ reference, displayName: args.optional('name') ?? reference, timeZone: args.text('time-zone') }),
      });
      await context.output.list([answered(customer, 'customer')], customerShape);
    },
  },
  {
    name: 'customer list',
    summary: 'Lists the customers.',
    credential: 'an API key',
    run: (context) => context.output.list(listAll(context.client().customers.listCustomers, {}), customerShape),
  },
];
