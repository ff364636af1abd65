/** CreateApiKey: a key whose text is answered once and stored nowhere. */
import { Fields, mutate, type CallContext } from '@valora/chassis';
import { ApiKeyServiceService, type CreateApiKeyRequest, type CreateApiKeyResponse } from '@valora/contracts/valora/tenancy/v1/api_key';
import { apiKeyToProto, makeFreshKey, parseScopes, textOnce, type ApiKey } from './api-key.ts';
import { countLiveKeysLocked, insertApiKey } from './api-key-store.ts';
import type { Dependencies } from './dependencies.ts';
import { errors } from './errors.ts';

const LIVE_KEYS_MAX = 1000;

export async function createApiKey(dependencies: Dependencies, context: CallContext, request: CreateApiKeyRequest): Promise<CreateApiKeyResponse> {
  const { organizationId } = context;
  const wanted = parseRequest(request);
  const fresh = makeFreshKey(organizationId);
  const response = await mutate(dependencies, { context, method: ApiKeyServiceService.createApiKey, request }, async (tx, recordedTime) => {
    const live = await countLiveKeysLocked(tx, organizationId);
    if (live >= LIVE_KEYS_MAX) throw errors.API_KEY_LIMIT_REACHED({ live_max: String(LIVE_KEYS_MAX) });
    const key: ApiKey = { ...wanted, keyId: fresh.keyId, secretDigest: fresh.secretDigest, recordedTime, revokedTime: null };
    await insertApiKey(tx, organizationId, key);
    return { apiKey: apiKeyToProto(key), secret: '' };
  });
  return { ...response, secret: textOnce(fresh, response.apiKey?.keyId) };
}

function parseRequest(request: CreateApiKeyRequest): Pick<ApiKey, 'displayName' | 'scopes' | 'expireTime'> {
  const fields = new Fields();
  fields.requestId(request.requestId);
  const wanted = {
    displayName: fields.text('display_name', request.displayName, { lengthMin: 1, lengthMax: 200 }),
    scopes: parseScopes(fields, 'scopes', request.scopes),
    expireTime: fields.optionalInstant('expire_time', request.expireTime),
  };
  fields.check();
  return wanted;
}
