/** ListApiKeys: all keys of the organization by id, those that no longer work included. */
import { paged, parsePage, type CallContext } from '@valora/chassis';
import type { ListApiKeysRequest, ListApiKeysResponse } from '@valora/contracts/valora/tenancy/v1/api_key';
import { apiKeyToProto } from './api-key.ts';
import { listKeys } from './api-key-store.ts';
import type { Dependencies } from './dependencies.ts';

export async function listApiKeys({ database }: Dependencies, { organizationId }: CallContext, request: ListApiKeysRequest): Promise<ListApiKeysResponse> {
  const page = parsePage(request, 1);
  const found = await database.transaction(organizationId, (tx) => listKeys(tx, organizationId, page));
  const { rows, nextPageToken } = paged(found, page, ({ keyId }) => [keyId]);
  return { apiKeys: rows.map(apiKeyToProto), nextPageToken };
}
