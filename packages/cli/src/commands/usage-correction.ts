// Corrections of usage: voids and releases, of as many events as somebody has keys for.
import { listAll, newRequestId, type ValoraClient } from '@valora/client';
import type { UsageRelease, UsageVoid } from '@valora/contracts/valora/metering/v1/usage_correction';
import type { Arguments } from '../arguments.ts';
import type { Command, OptionDeclaration } from '../command.ts';
import type { CommandContext } from '../context.ts';
import type { ListShape } from '../output.ts';
import { keyBatches, keysOption, keysPositional } from '../usage-keys.ts';
import { usageReleaseShape, usageVoidShape } from '../usage-shapes.ts';

interface CorrectionRequest {
  readonly requestId: string;
  readonly idempotencyKeys: string[];
  readonly reason: string;
}

interface Correction<Corrected> {
  readonly shape: ListShape<Corrected>;
  readonly send: (client: ValoraClient, request: CorrectionRequest) => Promise<readonly Corrected[]>;
}

const options: Readonly<Record<string, OptionDeclaration>> = {
  reason: { value: 'text', description: 'Why, 1 to 500 characters; kept for ever.', required: true },
  ...keysOption,
  'request-id': { value: 'id', description: 'Your own name for this: made again with the same one and the same keys, it answers the same. Otherwise a random one. More than 1,000 keys go in several requests, with a number behind it.' },
};

const voiding: Correction<UsageVoid> = { shape: usageVoidShape, send: async ({ usage }, request) => (await usage.voidUsage(request)).voids };
const releasing: Correction<UsageRelease> = { shape: usageReleaseShape, send: async ({ usage }, request) => (await usage.releaseUsage(request)).releases };

async function correct<Corrected>(context: CommandContext, args: Arguments, { shape, send }: Correction<Corrected>): Promise<void> {
  const client = context.client();
  const requestId = args.optional('request-id');
  let doneCount = 0;
  async function* corrected(): AsyncGenerator<Corrected> {
    let batch = 0;
    for await (const idempotencyKeys of keyBatches(context, args)) {
      batch += 1;
      const answer = await send(client, { requestId: requestId === null ? newRequestId() : batch === 1 ? requestId : `${requestId}/${batch}`, idempotencyKeys, reason: args.text('reason') });
      doneCount += answer.length;
      yield* answer;
    }
  }
  try {
    await context.output.list(corrected(), shape);
  } catch (error) {
    if (doneCount > 0) context.note(`${doneCount} events are done, in whole requests of 1,000. Mend what is wrong and repeat it: they are not done twice.`);
    throw error;
  }
}

export const usageCorrectionCommands: readonly Command[] = [
  {
    name: 'usage void',
    summary: 'Takes events out of everything that is computed with later knowledge. Final: a replacement is an event with a new key.',
    details: 'The events of one request, at most 1,000, are voided all or none. One that is voided already keeps its void and the reason of that.',
    credential: 'an API key',
    positionals: [keysPositional],
    options,
    run: (context, args) => correct(context, args, voiding),
  },
  {
    name: 'usage release',
    summary: 'Releases events that are held because they came late: they count in everything that is computed with later knowledge.',
    details: 'The events of one request, at most 1,000, are released all or none. One that is released already keeps its release.',
    credential: 'an API key',
    positionals: [keysPositional],
    options,
    run: (context, args) => correct(context, args, releasing),
  },
  {
    name: 'usage voids',
    summary: 'Lists the voids by recorded time and key.',
    credential: 'an API key',
    run: (context) => context.output.list(listAll(context.client().usage.listUsageVoids, {}), usageVoidShape),
  },
  {
    name: 'usage releases',
    summary: 'Lists the releases by recorded time and key.',
    credential: 'an API key',
    run: (context) => context.output.list(listAll(context.client().usage.listUsageReleases, {}), usageReleaseShape),
  },
];
