// Prices and their versions.
import { listAll } from '@valora/client';
import { BillingTiming, Price, PublishPriceVersionResponse, VersionResolution, type PriceVersion } from '@valora/contracts/valora/pricing/v1/catalog';
import { PriceModel, PriceModifiers } from '@valora/contracts/valora/pricing/v1/price_model';
import type { Command } from '../command.ts';
import { UsageError } from '../command.ts';
import { enumChoices, enumValue } from '../enum-names.ts';
import { oneLine } from '../output.ts';
import { protoJson, type ProtoJson } from '../proto-json.ts';
import { priceShape, time } from '../shapes.ts';
import { answered, requestId, requestIdOption } from './shared-options.ts';

const published = protoJson('valora.pricing.v1.PublishPriceVersionResponse', PublishPriceVersionResponse);
const modelJson = protoJson('valora.pricing.v1.PriceModel', PriceModel);
const modifiersJson = protoJson('valora.pricing.v1.PriceModifiers', PriceModifiers);
const priceJson = protoJson('valora.pricing.v1.Price', Price);

const MODEL_EXAMPLE = '{"graduated": {"tiers": [{"upTo": "100", "unitAmount": "0.10"}, {"unitAmount": "0.05"}]}}';
const MODIFIERS_EXAMPLE = '{"unitConversion": {"operation": "DIVIDE", "factor": "1000", "rounding": {"decimals": 0, "mode": "CEILING"}}, "includedQuantity": "10", "minimum": "5.00"}';

/** An option's JSON text as the message of the contract. */
function parseMessage<Message>(option: string, text: string, { json, example }: { readonly json: ProtoJson<Message>; readonly example: string }): Message {
  try {
    return json.fromJson(JSON.parse(text));
  } catch (error) {
    throw new UsageError(`${option} can't be read: ${error instanceof Error ? error.message : String(error)} Write for example '${example}'.`);
  }
}

/** The versions of a price, one below the other. */
function versionLines({ versions, bounds }: Price): string[] {
  return versions.flatMap((version: PriceVersion) => {
    const bound = bounds.filter((each) => each.version === version.version).at(-1)?.effectiveToTime ?? version.effectiveToTime;
    const model = version.model === undefined ? '' : JSON.stringify(modelJson.toJson(version.model));
    const modifiers = version.modifiers === undefined ? [] : [`  modifiers ${JSON.stringify(modifiersJson.toSparseJson(version.modifiers))}`];
    return ['', `version ${version.version}, from ${time(version.effectiveFromTime)} to ${bound === undefined ? 'open' : time(bound)}, recorded ${time(version.recordedTime)}`, `  ${model}`, ...modifiers];
  });
}

export const priceCommands: readonly Command[] = [
  {
    name: 'price create',
    summary: 'Creates a price, without a version.',
    credential: 'an API key',
    positionals: [{ name: 'code', description: 'Its code, unique in the organization.' }],
    options: {
      currency: { value: 'code', description: "The organization's currency.", required: true },
      name: { value: 'text', description: 'What invoice lines are called; otherwise the code.' },
      meter: { value: 'code', description: 'The meter whose usage it prices; none for a fee.' },
      'version-resolution': { value: 'how', description: 'Which version rates a period within which another one takes over; otherwise the one at its start.', choices: enumChoices(VersionResolution) },
      ...requestIdOption,
    },
    async run(context, args) {
      const code = args.positional('code');
      const { price } = await context.client().catalog.createPrice({
        requestId: requestId(args),
        price: Price.fromPartial({
          code, displayName: args.optional('name') ?? code, meter: args.text('meter'), currencyCode: args.text('currency'), billingTiming: BillingTiming.IN_ARREARS,
          versionResolution: enumValue(VersionResolution, args.optional('version-resolution')),
        }),
      });
      await context.output.list([answered(price, 'price')], priceShape);
    },
  },
  {
    name: 'price publish',
    summary: 'Publishes a version of a price. A version never changes.',
    credential: 'an API key',
    positionals: [{ name: 'code', description: "The price's code." }],
    options: {
      from: { value: 'time', description: 'From when it is in force (RFC 3339).', required: true },
      to: { value: 'time', description: 'Until when; otherwise open.' },
      model: { value: 'json', description: `The model, for example '${MODEL_EXAMPLE}'.`, required: true },
      modifiers: { value: 'json', description: `What is done to the quantity and the amount, for example '${MODIFIERS_EXAMPLE}'.` },
      'allow-back-dating': { value: null, description: 'Needed where --from lies in the past. Billed cycles stay as they are.' },
      ...requestIdOption,
    },
    async run(context, args) {
      const modifiers = args.optional('modifiers');
      const response = await context.client().catalog.publishPriceVersion({
        requestId: requestId(args), price: args.positional('code'), effectiveFromTime: args.time('from'), effectiveToTime: args.time('to'),
        model: parseMessage('--model', args.text('model'), { json: modelJson, example: MODEL_EXAMPLE }),
        modifiers: modifiers === null ? undefined : parseMessage('--modifiers', modifiers, { json: modifiersJson, example: MODIFIERS_EXAMPLE }),
        allowBackDating: args.flag('allow-back-dating'),
      });
      const version = answered(response.version, 'version');
      context.output.value(() => published.toJson(response), () => [`${args.positional('code')} version ${version.version}, from ${time(version.effectiveFromTime)}`]);
      for (const { field, reason, message } of response.warnings) context.note(`${reason} ${field}: ${oneLine(message)}`);
    },
  },
  {
    name: 'price list',
    summary: 'Lists the prices.',
    credential: 'an API key',
    run: (context) => context.output.list(listAll(context.client().catalog.listPrices, {}), priceShape),
  },
  {
    name: 'price show',
    summary: 'Shows a price with its versions.',
    credential: 'an API key',
    positionals: [{ name: 'code', description: "The price's code." }],
    async run(context, args) {
      const price = answered((await context.client().catalog.getPrice({ code: args.positional('code') })).price, 'price');
      if (context.json) return context.output.value(() => priceJson.toJson(price), () => []);
      await context.output.list([price], priceShape);
      versionLines(price).forEach((line) => context.output.line(line));
    },
  },
];
