// Plans.
import { listAll } from '@valora/client';
import { Plan } from '@valora/contracts/valora/pricing/v1/catalog';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import type { Command } from '../command.ts';
import { enumChoices, enumValue } from '../enum-names.ts';
import { planShape } from '../shapes.ts';
import { answered, requestId, requestIdOption } from './shared-options.ts';

export const planCommands: readonly Command[] = [
  {
    name: 'plan create',
    summary: 'Creates a plan: prices that are billed together.',
    credential: 'an API key',
    positionals: [{ name: 'code', description: 'Its code, unique in the organization.' }],
    options: {
      price: { value: 'code', description: 'A price, in the order of the lines.', repeated: true, required: true },
      name: { value: 'text', description: 'A name for people; otherwise the code.' },
      interval: { value: 'unit', description: 'The unit of its period.', choices: enumChoices(PeriodInterval), default: 'month' },
      'interval-count': { value: 'n', description: 'How many of them make a period, 1 to 120.', default: '1' },
      ...requestIdOption,
    },
    async run(context, args) {
      const code = args.positional('code');
      const { plan } = await context.client().catalog.createPlan({
        requestId: requestId(args),
        plan: Plan.fromPartial({
          code, displayName: args.optional('name') ?? code, prices: args.list('price'), interval: enumValue(PeriodInterval, args.optional('interval')),
          intervalCount: args.integer('interval-count', { min: 1, max: 120 }),
        }),
      });
      await context.output.list([answered(plan, 'plan')], planShape);
    },
  },
  {
    name: 'plan list',
    summary: 'Lists the plans, each as of its latest version.',
    credential: 'an API key',
    run: (context) => context.output.list(listAll(context.client().catalog.listPlans, {}), planShape),
  },
];
