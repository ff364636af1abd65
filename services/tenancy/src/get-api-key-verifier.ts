/** GetApiKeyVerifier: what another service needs to check a presented key itself. */
import { commonErrors, Fields, type CallContext } from '@valora/chassis';
import type { GetApiKeyVerifierRequest, GetApiKeyVerifierResponse } from '@valora/contracts/valora/tenancy/v1/api_key';
import { apiKeyToProto, parseKeyId } from './api-key.ts';
import { findApiKey } from './api-key-store.ts';
import type { Dependencies } from './dependencies.ts';

export async function getApiKeyVerifier({ database }: Dependencies, { organizationId }: CallContext, request: GetApiKeyVerifierRequest): Promise<GetApiKeyVerifierResponse> {
  const fields = new Fields();
  const keyId = parseKeyId(fields, request.keyId);
  fields.check();
  const key = await database.transaction(organizationId, (tx) => findApiKey(tx, organizationId, keyId));
  if (key === null) throw commonErrors.NOT_FOUND({ resource: 'API key', name: keyId });
  return { apiKey: apiKeyToProto(key), secretDigest: Buffer.from(key.secretDigest) };
}
