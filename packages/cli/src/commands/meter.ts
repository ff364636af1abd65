// Meters.
import { listAll } from '@valora/client';
import { Aggregation, Meter, type PropertyFilter } from '@valora/contracts/valora/metering/v1/meter';
import { parsePair } from '../arguments.ts';
import type { Command } from '../command.ts';
import { enumChoices, enumValue } from '../enum-names.ts';
import { meterShape } from '../shapes.ts';
import { answered, requestId, requestIdOption } from './shared-options.ts';

export const meterCommands: readonly Command[] = [
  {
    name: 'meter create',
    summary: 'Creates a meter. A meter never changes.',
    credential: 'an API key',
    positionals: [{ name: 'code', description: 'Its code, unique in the organization.' }],
    options: {
      aggregation: { value: 'how', description: 'How events become a quantity.', choices: enumChoices(Aggregation), required: true },
      name: { value: 'text', description: 'A name for people; otherwise the code.' },
      filter: { value: 'property=value|value', description: 'Counts only events whose property has one of these values.', repeated: true },
      'unique-property': { value: 'property', description: 'For unique-count: the property whose different values are counted.' },
      'negative-values': { value: null, description: 'Takes events with values below zero, as corrections of a sum or falls of a weighted-sum have; otherwise they are refused.' },
      ...requestIdOption,
    },
    async run(context, args) {
      const filters: readonly PropertyFilter[] = args.list('filter').map((text) => parsePair('--filter', text)).map(([property, values]) => ({ property, values: values.split('|') }));
      const code = args.positional('code');
      const { meter } = await context.client().meters.createMeter({
        requestId: requestId(args),
        meter: Meter.fromPartial({
          code, displayName: args.optional('name') ?? code, aggregation: enumValue(Aggregation, args.optional('aggregation')), filters, uniqueProperty: args.text('unique-property'), takesNegativeValues: args.flag('negative-values'),
        }),
      });
      await context.output.list([answered(meter, 'meter')], meterShape);
    },
  },
  {
    name: 'meter list',
    summary: 'Lists the meters.',
    credential: 'an API key',
    run: (context) => context.output.list(listAll(context.client().meters.listMeters, {}), meterShape),
  },
];
