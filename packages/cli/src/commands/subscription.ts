// Subscriptions, and the cycles in which they are billed.
import { listAll } from '@valora/client';
import { BillingAlignment, CancelTiming, Subscription, SubscriptionState, type SubscriptionItem } from '@valora/contracts/valora/subscription/v1/subscription';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import { parsePair, parseTime } from '../arguments.ts';
import type { Command, PositionalDeclaration } from '../command.ts';
import { enumChoices, enumName, enumValue } from '../enum-names.ts';
import { tableLines } from '../output.ts';
import { protoJson } from '../proto-json.ts';
import { cycleShape, subscriptionShape, time } from '../shapes.ts';
import { answered, requestId, requestIdOption } from './shared-options.ts';

const subscriptionJson = protoJson('valora.subscription.v1.Subscription', Subscription);
const reference: PositionalDeclaration = { name: 'reference', description: 'Your own reference of the subscription.' };

export const subscriptionCommands: readonly Command[] = [
  {
    name: 'subscription create',
    summary: 'Starts a subscription of a customer to a plan, now, in the future or in the past.',
    credential: 'an API key',
    positionals: [reference],
    options: {
      customer: { value: 'reference', description: 'The customer.', required: true },
      plan: { value: 'code', description: 'The plan.', required: true },
      start: { value: 'time', description: 'When it starts (RFC 3339); otherwise now.' },
      alignment: { value: 'how', description: 'Where its periods begin.', choices: enumChoices(BillingAlignment), default: 'anniversary' },
      quantity: { value: 'price=n', description: 'How many of a fee, where it isn\'t 1.', repeated: true },
      ...requestIdOption,
    },
    async run(context, args) {
      const items: readonly Pick<SubscriptionItem, 'item' | 'price' | 'quantity'>[] = args.list('quantity').map((text) => parsePair('--quantity', text)).map(([price, quantity]) => ({ item: price, price, quantity }));
      const { subscription } = await context.client().subscriptions.createSubscription({
        requestId: requestId(args),
        subscription: Subscription.fromPartial({
          reference: args.positional('reference'), customer: args.text('customer'), plan: args.text('plan'), startTime: args.time('start'), items,
          alignment: enumValue(BillingAlignment, args.optional('alignment')),
        }),
      });
      await context.output.list([answered(subscription, 'subscription')], subscriptionShape);
    },
  },
  {
    name: 'subscription list',
    summary: 'Lists the subscriptions.',
    credential: 'an API key',
    options: { customer: { value: 'reference', description: "Only this customer's." } },
    run: (context, args) => context.output.list(listAll(context.client().subscriptions.listSubscriptions, { customer: args.text('customer') }), subscriptionShape),
  },
  {
    name: 'subscription show',
    summary: 'Shows a subscription with its items.',
    credential: 'an API key',
    positionals: [reference],
    async run(context, args) {
      const subscription = answered((await context.client().subscriptions.getSubscription({ reference: args.positional('reference') })).subscription, 'subscription');
      context.output.value(() => subscriptionJson.toJson(subscription), () => tableLines([
        ['subscription', subscription.reference], ['customer', subscription.customer], ['plan', `${subscription.plan} version ${subscription.planVersion}`],
        ['state', enumName(SubscriptionState, subscription.state)], ['start', time(subscription.startTime)], ['canceled from', time(subscription.cancelTime)],
        ['anchor', time(subscription.anchorTime)], ['period', `${subscription.intervalCount} ${enumName(PeriodInterval, subscription.interval)}, ${enumName(BillingAlignment, subscription.alignment)}`],
        ['time zone', subscription.timeZone],
        ...subscription.items.map(({ item, price, quantity, meter }) => [`item ${item}`, `price ${price}, ${meter === '' ? `quantity ${quantity}` : `usage of ${meter}`}`]),
      ]));
    },
  },
  {
    name: 'subscription cancel',
    summary: 'Ends a subscription: now, when its period ends, or at a time.',
    credential: 'an API key',
    positionals: [reference],
    options: {
      at: { value: 'now|period-end|time', description: 'When it ends; a time is RFC 3339.', required: true },
      reason: { value: 'text', description: 'Why; kept with the fact.' },
      ...requestIdOption,
    },
    async run(context, args) {
      const at = args.text('at');
      const timing = new Map<string, CancelTiming>([['now', CancelTiming.NOW], ['period-end', CancelTiming.PERIOD_END]]).get(at) ?? CancelTiming.AT_TIME;
      const { subscription } = await context.client().subscriptions.cancelSubscription({
        requestId: requestId(args), reference: args.positional('reference'), timing, reason: args.text('reason'), cancelTime: timing === CancelTiming.AT_TIME ? parseTime('--at', at) : undefined,
      });
      await context.output.list([answered(subscription, 'subscription')], subscriptionShape);
    },
  },
  {
    name: 'subscription uncancel',
    summary: 'Takes back a cancel that is not in effect yet.',
    credential: 'an API key',
    positionals: [reference],
    options: requestIdOption,
    async run(context, args) {
      const { subscription } = await context.client().subscriptions.uncancelSubscription({ requestId: requestId(args), reference: args.positional('reference') });
      await context.output.list([answered(subscription, 'subscription')], subscriptionShape);
    },
  },
  {
    name: 'subscription cycles',
    summary: 'Lists the billing cycles of a subscription: periods, cutoffs, where each stands.',
    credential: 'an API key',
    positionals: [reference],
    run: (context, args) => context.output.list(listAll(context.client().billingCycles.listBillingCycles, { subscription: args.positional('reference') }), cycleShape),
  },
];
