/** RevokeApiKey: ends a key for good. */
import { commonErrors, Fields, mutate, type CallContext } from '@valora/chassis';
import { ApiKeyServiceService, type RevokeApiKeyRequest, type RevokeApiKeyResponse } from '@valora/contracts/valora/tenancy/v1/api_key';
import { apiKeyToProto, parseKeyId } from './api-key.ts';
import { findApiKey, recordRevocation } from './api-key-store.ts';
import type { Dependencies } from './dependencies.ts';

export async function revokeApiKey(dependencies: Dependencies, context: CallContext, request: RevokeApiKeyRequest): Promise<RevokeApiKeyResponse> {
  const { organizationId } = context;
  const fields = new Fields();
  fields.requestId(request.requestId);
  const keyId = parseKeyId(fields, request.keyId);
  fields.check();
  return await mutate(dependencies, { context, method: ApiKeyServiceService.revokeApiKey, request }, async (tx, recordedTime) => {
    const key = await findApiKey(tx, organizationId, keyId);
    if (key === null) throw commonErrors.NOT_FOUND({ resource: 'API key', name: keyId });
    const revokedTime = await recordRevocation(tx, organizationId, { keyId, recordedTime });
    return { apiKey: apiKeyToProto({ ...key, revokedTime }) };
  });
}
