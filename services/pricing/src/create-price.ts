// CreatePrice: a price without a version yet. Its meter and currency are checked with the services that own them before
// the transaction; both are fixed for ever, so what was true then is true when it commits.
import { Fields, mutate, type CallContext } from '@valora/chassis';
import { CatalogServiceService, Price as PriceMessage, type CreatePriceRequest, type CreatePriceResponse } from '@valora/contracts/valora/pricing/v1/catalog';
import type { CatalogDependencies } from './catalog.ts';
import { errors } from './errors.ts';
import { insertPrice } from './price-store.ts';
import { parsePrice, priceToProto } from './price.ts';

export async function createPrice(dependencies: CatalogDependencies, context: CallContext, request: CreatePriceRequest): Promise<CreatePriceResponse> {
  const { organizationId } = context;
  const fields = new Fields();
  fields.requestId(request.requestId);
  const draft = parsePrice(fields, request.price ?? PriceMessage.fromPartial({}), await dependencies.findCurrency(context));
  fields.check();
  if (draft.meterCode !== null && !(await dependencies.meterExists(context, draft.meterCode))) throw errors.METER_UNKNOWN({ meter: draft.meterCode });
  return await mutate(dependencies, { context, method: CatalogServiceService.createPrice, request }, async (tx, recordedTime) =>
    ({ price: priceToProto(await insertPrice(tx, organizationId, draft, recordedTime)) }));
}
