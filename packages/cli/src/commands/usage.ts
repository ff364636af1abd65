// Recorded usage: single events, all of them, and quantities by window.
import { listAll } from '@valora/client';
import { QueryUsageResponse, UsageWindow } from '@valora/contracts/valora/metering/v1/query_usage';
import type { Period } from '@valora/contracts/valora/type/v1/period';
import type { Arguments } from '../arguments.ts';
import { UsageError, type Command, type OptionDeclaration } from '../command.ts';
import { enumChoices, enumValue } from '../enum-names.ts';
import { tableLines } from '../output.ts';
import { protoJson } from '../proto-json.ts';
import { time } from '../shapes.ts';
import { usageEventLines, usageEventShape, windowRows } from '../usage-shapes.ts';
import { answered } from './shared-options.ts';
import { usageCorrectionCommands } from './usage-correction.ts';

const queried = protoJson('valora.metering.v1.QueryUsageResponse', QueryUsageResponse);
const PAGE_SIZE = 1_000;

const periodOptions: Readonly<Record<string, OptionDeclaration>> = {
  from: { value: 'time', description: 'The start of a part of time, by when usage happened (RFC 3339); needs --meter and --customer.' },
  to: { value: 'time', description: 'Its end, which is no longer in it.' },
};

function periodOf(args: Arguments): Period | undefined {
  const [startTime, endTime] = [args.time('from'), args.time('to')];
  if ((startTime === undefined) !== (endTime === undefined)) throw new UsageError('Give --from and --to together.');
  return startTime === undefined ? undefined : { startTime, endTime };
}

export const usageCommands: readonly Command[] = [
  {
    name: 'usage get',
    summary: 'Shows one usage event, with its void and its release.',
    credential: 'an API key',
    positionals: [{ name: 'key', description: 'Its key.' }],
    async run(context, args) {
      const event = answered((await context.client().usage.getUsageEvent({ idempotencyKey: args.positional('key') })).event, 'event');
      context.output.value(() => usageEventShape.json(event), () => tableLines(usageEventLines(event)));
    },
  },
  {
    name: 'usage list',
    summary: 'Lists the usage events by meter, customer, time and key: all, those of a meter, or those of a meter and customer.',
    details: 'With --json an event a line, which `valora ingest` takes again: into this organization it records nothing twice, into another one it copies them. Voids and releases are shown with their event; ingest passes over them.',
    credential: 'an API key',
    options: { meter: { value: 'code', description: "Only this meter's." }, customer: { value: 'reference', description: "Only this customer's; needs --meter." }, ...periodOptions },
    async run(context, args) {
      const [meter, customer, period] = [args.text('meter'), args.text('customer'), periodOf(args)];
      if (meter === '' && customer !== '') throw new UsageError('--customer needs --meter.');
      if (period !== undefined && customer === '') throw new UsageError('--from and --to need --meter and --customer.');
      const events = listAll(context.client().usage.listUsageEvents, { meter, customer, period, pageSize: PAGE_SIZE });
      if (!context.json) return await context.output.list(events, usageEventShape);
      for await (const event of events) await context.output.record(() => usageEventShape.json(event), () => '');
    },
  },
  {
    name: 'usage query',
    summary: "Shows one customer's usage of a meter by windows of time, and by group, for charts and alerts.",
    details: 'The answer says whether it is an estimate, which it is as long as more usage may become known. Late usage counts where it happened. A quantity without a finite decimal form is a fraction.',
    credential: 'an API key',
    positionals: [{ name: 'meter', description: "The meter's code." }],
    options: {
      customer: { value: 'reference', description: "The customer's reference.", required: true },
      subscription: { value: 'reference', description: 'Only events that name this subscription, or none.' },
      from: { value: 'time', description: 'The start, by when usage happened (RFC 3339).', required: true },
      to: { value: 'time', description: 'The end, which is no longer in it.', required: true },
      window: { value: 'how', description: 'How the time is cut; period does not cut it.', choices: enumChoices(UsageWindow), default: 'day' },
      'time-zone': { value: 'zone', description: 'The IANA time zone whose days are meant; otherwise UTC.' },
      'group-by': { value: 'property', description: 'Shows the groups of this property too.', repeated: true },
      'known-before': { value: 'time', description: 'Counts only what was recorded before this time; otherwise all that is known.' },
    },
    async run(context, args) {
      const groupBy = [...args.list('group-by')];
      const response = await context.client().usage.queryUsage({
        meter: args.positional('meter'), customer: args.text('customer'), subscription: args.text('subscription'), period: periodOf(args), window: enumValue(UsageWindow, args.optional('window')),
        timeZone: args.text('time-zone'), groupBy, knownBeforeTime: args.time('known-before'),
      });
      const known = `as known before ${time(response.knownBeforeTime)}`;
      context.output.value(() => queried.toJson(response), () => [
        ...tableLines(windowRows(response, groupBy)),
        response.isEstimate ? `ESTIMATE, ${known}: more usage may still be recorded.` : `Final, ${known}.`,
      ]);
    },
  },
  ...usageCorrectionCommands,
];
