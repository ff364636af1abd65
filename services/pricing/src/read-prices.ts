// Reading prices: one, a page, or many by code, always with all versions and bounds.
import { commonErrors, Fields, paged, parsePage, type CallContext } from '@valora/chassis';
import type {
  BatchGetPricesRequest, BatchGetPricesResponse, GetPriceRequest, GetPriceResponse, ListPricesRequest, ListPricesResponse,
} from '@valora/contracts/valora/pricing/v1/catalog';
import type { CatalogDependencies } from './catalog.ts';
import { findPrice, findPrices, listPricesAfter } from './price-store.ts';
import { priceToProto } from './price.ts';

const BATCH_SIZE_MAX = 1_000;

export async function getPrice({ database }: CatalogDependencies, { organizationId }: CallContext, request: GetPriceRequest): Promise<GetPriceResponse> {
  const fields = new Fields();
  const code = fields.code('code', request.code);
  fields.check();
  return { price: priceToProto(await database.transaction(organizationId, (tx) => findPrice(tx, organizationId, code))) };
}

export async function listPrices({ database }: CatalogDependencies, { organizationId }: CallContext, request: ListPricesRequest): Promise<ListPricesResponse> {
  const page = parsePage(request, 1);
  const found = await database.transaction(organizationId, (tx) => listPricesAfter(tx, organizationId, { after: page.after?.[0] ?? null, limit: page.size + 1 }));
  const { rows, nextPageToken } = paged(found, page, ({ code }) => [code]);
  return { prices: rows.map(priceToProto), nextPageToken };
}

export async function batchGetPrices({ database }: CatalogDependencies, { organizationId }: CallContext, { codes }: BatchGetPricesRequest): Promise<BatchGetPricesResponse> {
  const fields = new Fields();
  fields.count('codes', codes, { min: 1, max: BATCH_SIZE_MAX });
  codes.slice(0, BATCH_SIZE_MAX).forEach((code, position) => fields.code(`codes[${position}]`, code));
  fields.check();
  const prices = await database.transaction(organizationId, (tx) => findPrices(tx, organizationId, codes));
  const found = new Set(prices.map(({ code }) => code));
  const missing = codes.find((code) => !found.has(code));
  if (missing !== undefined) throw commonErrors.NOT_FOUND({ resource: 'price', name: missing });
  return { prices: prices.map(priceToProto) };
}
