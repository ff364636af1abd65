/** A secret that never arrived: the call was made again by the client, and the answer to a repeat has none. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { ApiKeyServiceService, CreateApiKeyResponse, type CreateApiKeyRequest } from '@valora/contracts/valora/tenancy/v1/api_key';
import { CreateOrganizationResponse, OrganizationServiceService, type CreateOrganizationRequest } from '@valora/contracts/valora/tenancy/v1/organization';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commands } from '../src/commands.ts';
import { runCommand } from '../src/run-command.ts';
import { testSurroundings } from './surroundings.ts';

const server = new Server();
let address = '';
beforeAll(async () => {
  const createApiKey = (_call: ServerUnaryCall<CreateApiKeyRequest, CreateApiKeyResponse>, answer: sendUnaryData<CreateApiKeyResponse>): void =>
    answer(null, CreateApiKeyResponse.fromPartial({ apiKey: { keyId: '0123456789abcdef' }, secret: '' }));
  const createOrganization = (_call: ServerUnaryCall<CreateOrganizationRequest, CreateOrganizationResponse>, answer: sendUnaryData<CreateOrganizationResponse>): void =>
    answer(null, CreateOrganizationResponse.fromPartial({ organization: { organizationId: 'org_acme' }, apiKey: '' }));
  server.addService(ApiKeyServiceService, { createApiKey });
  server.addService(OrganizationServiceService, { createOrganization });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  address = `127.0.0.1:${port}`;
});
afterAll(() => server.forceShutdown());

test.each<{ words: string[]; code: number; says: RegExp }>([
  { words: [], code: 1, says: /^The key 0123456789abcdef was created, but the connection broke and its secret is lost\. Revoke it by `valora key revoke 0123456789abcdef` and create another\.\n$/ },
  { words: ['--request-id', 'mine'], code: 0, says: /^$/ },
])('without a secret `key create $words` ends with $code', async ({ words, code, says }) => {
  const surroundings = testSurroundings({ VALORA_API_KEY: 'vl_key', VALORA_ADDRESS: address });
  expect(await runCommand(commands, ['key', 'create', 'ci', '--scope', 'admin', ...words], surroundings)).toBe(code);
  expect(surroundings.err()).toMatch(says);
});

test.each<{ words: string[]; code: number; says: RegExp }>([
  { words: [], code: 1, says: /^The organization org_acme was created, but the connection broke and its first key is lost, which nobody can make again\. Create another organization\.\n$/ },
  { words: ['--request-id', 'mine'], code: 0, says: /^$/ },
])('without a first key `org create $words` ends with $code', async ({ words, code, says }) => {
  const folder = mkdtempSync(join(tmpdir(), 'valora-cli-'));
  writeFileSync(join(folder, 'operator-credential'), 'operator\n');
  const surroundings = testSurroundings({ VALORA_DATA_FOLDER: folder, VALORA_ADDRESS: address });
  expect(await runCommand(commands, ['org', 'create', 'Acme', '--currency', 'USD', ...words], surroundings)).toBe(code);
  rmSync(folder, { recursive: true });
  expect(surroundings.err()).toMatch(says);
});
