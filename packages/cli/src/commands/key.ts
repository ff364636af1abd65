// API keys of the organization.
import { listAll } from '@valora/client';
import { CreateApiKeyResponse } from '@valora/contracts/valora/tenancy/v1/api_key';
import { CommandError, type Command } from '../command.ts';
import { tableLines } from '../output.ts';
import { protoJson } from '../proto-json.ts';
import { apiKeyShape } from '../shapes.ts';
import { answered, requestId, requestIdOption } from './shared-options.ts';

const created = protoJson('valora.tenancy.v1.CreateApiKeyResponse', CreateApiKeyResponse);

export const keyCommands: readonly Command[] = [
  {
    name: 'key create',
    summary: 'Creates an API key and shows it, this once.',
    credential: 'an API key',
    positionals: [{ name: 'name', description: 'A name for people.' }],
    options: {
      scope: { value: 'scope', description: 'What it allows, for example usage:write, catalog:read, invoice:read, admin.', repeated: true, required: true },
      expires: { value: 'time', description: 'From when it is refused (RFC 3339); otherwise never.' },
      ...requestIdOption,
    },
    async run(context, args) {
      const response = await context.client().apiKeys.createApiKey({ requestId: requestId(args), displayName: args.positional('name'), scopes: [...args.list('scope')], expireTime: args.time('expires') });
      if (response.secret === '' && args.optional('request-id') === null) {
        // Only the client itself can have made this call before: the answer with the key was lost on the way.
        throw new CommandError(`The key ${response.apiKey?.keyId ?? ''} was created, but the connection broke and its secret is lost. Revoke it by \`valora key revoke ${response.apiKey?.keyId ?? ''}\` and create another.`);
      }
      context.output.value(() => created.toJson(response), () => tableLines([
        ['key id', response.apiKey?.keyId ?? ''], ['API key', response.secret === '' ? '(was shown when the key was created)' : response.secret],
      ]));
      if (response.secret !== '') context.note('The key is shown this once.');
    },
  },
  {
    name: 'key list',
    summary: 'Lists the API keys, revoked and expired ones too, without their secrets.',
    credential: 'an API key',
    run: (context) => context.output.list(listAll(context.client().apiKeys.listApiKeys, {}), apiKeyShape),
  },
  {
    name: 'key revoke',
    summary: 'Revokes an API key for good; within 5 seconds every service refuses it.',
    credential: 'an API key',
    positionals: [{ name: 'key-id', description: 'Its id, as `key list` shows it.' }],
    options: requestIdOption,
    async run(context, args) {
      const { apiKey } = await context.client().apiKeys.revokeApiKey({ requestId: requestId(args), keyId: args.positional('key-id') });
      await context.output.list([answered(apiKey, 'key')], apiKeyShape);
    },
  },
];
