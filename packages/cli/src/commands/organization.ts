// Organizations and their settings.
import { listAll } from '@valora/client';
import { CreateOrganizationRequest, CreateOrganizationResponse, GetOrganizationResponse, LatenessPolicy, OrganizationServiceService, RoundingMode, Settings, SettingsVersion } from '@valora/contracts/valora/tenancy/v1/organization';
import { CommandError, type Command, type OptionDeclaration } from '../command.ts';
import type { Arguments } from '../arguments.ts';
import { wholeNumber } from '../arguments.ts';
import { enumChoices, enumName, enumValue } from '../enum-names.ts';
import { protoJson } from '../proto-json.ts';
import { organizationShape, time } from '../shapes.ts';
import { tableLines } from '../output.ts';
import { answered, requestId, requestIdOption } from './shared-options.ts';

const created = protoJson('valora.tenancy.v1.CreateOrganizationResponse', CreateOrganizationResponse);
const found = protoJson('valora.tenancy.v1.GetOrganizationResponse', GetOrganizationResponse);
const settingsVersion = protoJson('valora.tenancy.v1.SettingsVersion', SettingsVersion);
const GRACE_SECONDS_MAX = 90 * 86_400;

const settingsOptions: Readonly<Record<string, OptionDeclaration>> = {
  'time-zone': { value: 'zone', description: 'IANA time zone of customers that have none of their own, for example Europe/Berlin.' },
  rounding: { value: 'mode', description: 'How lines are rounded.', choices: enumChoices(RoundingMode) },
  grace: { value: 'seconds', description: "How long after a period's end usage may still arrive, 0 to 7776000." },
  lateness: { value: 'policy', description: "What becomes of usage recorded after its cycle's cutoff: billed as a difference, held until it is released, or carried forward into the cycle in which it was recorded.", choices: enumChoices(LatenessPolicy) },
  'keep-zero-lines': { value: 'yes|no', description: 'Whether invoices keep lines of zero.', choices: ['yes', 'no'] },
};

/** The settings with what the options change. */
function changedSettings(settings: Settings, args: Arguments): Settings {
  const timeZone = args.optional('time-zone');
  const rounding = args.optional('rounding');
  const grace = args.optional('grace');
  const lateness = args.optional('lateness');
  const keep = args.optional('keep-zero-lines');
  return {
    ...settings,
    ...(timeZone === null ? {} : { timeZone }),
    ...(rounding === null ? {} : { roundingMode: enumValue(RoundingMode, rounding) }),
    ...(grace === null ? {} : { grace: { seconds: BigInt(wholeNumber('--grace', grace, { min: 0, max: GRACE_SECONDS_MAX })), nanos: 0 } }),
    ...(lateness === null ? {} : { latenessPolicy: enumValue(LatenessPolicy, lateness) }),
    ...(keep === null ? {} : { keepZeroLines: keep === 'yes' }),
  };
}

function settingsRows(settings: Settings | undefined): string[][] {
  return [
    ['time zone', settings?.timeZone ?? ''], ['rounding', enumName(RoundingMode, settings?.roundingMode ?? 0)], ['grace', `${settings?.grace?.seconds ?? 0n} s`],
    ['lateness', enumName(LatenessPolicy, settings?.latenessPolicy ?? 0)],
    ['keep zero lines', settings?.keepZeroLines === true ? 'yes' : 'no'],
  ];
}

export const organizationCommands: readonly Command[] = [
  {
    name: 'org create',
    summary: 'Creates an organization and shows its first API key, this once.',
    details: 'The key has the scope admin. A repeat with the same --request-id answers the organization without the key.',
    credential: 'the operator credential',
    positionals: [{ name: 'name', description: 'A name for people.' }],
    options: {
      currency: { value: 'code', description: 'Its one currency, ISO 4217, for example USD.', required: true },
      id: { value: 'id', description: 'The wanted id: org_ and 1 to 40 of a-z, 0-9, -; otherwise one follows from the request id.' },
      sandbox: { value: 'time', description: 'Makes a sandbox whose clock stands at this time (RFC 3339) and moves by `valora close --until` only.' },
      ...settingsOptions,
      ...requestIdOption,
    },
    async run(context, args) {
      const response = await context.operator().organizations.createOrganization(CreateOrganizationRequest.fromPartial({
        requestId: requestId(args), organizationId: args.text('id'), displayName: args.positional('name'), currencyCode: args.text('currency'),
        settings: changedSettings(Settings.fromPartial({}), args), sandboxTime: args.time('sandbox'),
      }));
      if (response.apiKey === '' && args.optional('request-id') === null) {
        // Only the client itself can have made this call before: the answer with the key was lost on the way.
        throw new CommandError(`The organization ${response.organization?.organizationId ?? ''} was created, but the connection broke and its first key is lost, which nobody can make again. Create another organization.`);
      }
      context.output.value(() => created.toJson(response), () => tableLines([
        ['organization', response.organization?.organizationId ?? ''],
        ['API key', response.apiKey === '' ? '(was shown when the organization was created)' : response.apiKey],
      ]));
      if (response.apiKey !== '') context.note('The key is shown this once. Keep it where only its user can read it, for example as VALORA_API_KEY.');
    },
  },
  {
    name: 'org list',
    summary: 'Lists all organizations.',
    credential: 'the operator credential',
    run: (context) => context.output.list(listAll(context.operator().organizations.listOrganizations, {}), organizationShape),
  },
  {
    name: 'org show',
    summary: "Shows the API key's organization, its clock and the settings in force.",
    credential: 'an API key',
    async run(context) {
      const response = await context.client().organizations.getOrganization({});
      const organization = answered(response.organization, 'organization');
      context.output.value(() => found.toJson(response), () => tableLines([
        ['organization', organization.organizationId], ['name', organization.displayName], ['currency', organization.currencyCode], ['sandbox', organization.sandbox ? 'yes' : 'no'],
        ['its time now', time(response.currentTime)], ['created', time(organization.recordedTime)], ...settingsRows(organization.settings),
      ]));
    },
  },
  {
    name: 'org settings',
    summary: 'Lists the versions of the settings, or records a new one when an option changes something.',
    details: 'What no option names stays as it is. A cycle uses the settings known before its cutoff, so what is billed stays.',
    credential: 'an API key',
    options: { ...settingsOptions, ...requestIdOption },
    async run(context, args) {
      const organizations = context.client().stub(OrganizationServiceService);
      if (Object.keys(settingsOptions).some((name) => args.optional(name) !== null)) {
        const { organization } = await organizations.getOrganization({});
        await organizations.changeSettings({ requestId: requestId(args), settings: changedSettings(answered(organization?.settings, 'settings'), args) });
      }
      const { settingsVersions } = await organizations.listSettingsVersions({});
      await context.output.list(settingsVersions, {
        json: settingsVersion.toJson,
        columns: [
          { title: 'VERSION', text: ({ version }) => String(version), right: true }, { title: 'RECORDED', text: ({ recordedTime }) => time(recordedTime) },
          ...['TIME ZONE', 'ROUNDING', 'GRACE', 'LATENESS', 'KEEP ZERO LINES'].map((title, position) => ({ title, text: ({ settings }: SettingsVersion) => settingsRows(settings)[position]?.[1] ?? '' })),
        ],
      });
    },
  },
];
