/** GetMeter and ListMeters. */
import { commonErrors, Fields, paged, parsePage, type CallContext } from '@valora/chassis';
import type { GetMeterRequest, GetMeterResponse, ListMetersRequest, ListMetersResponse } from '@valora/contracts/valora/metering/v1/meter';
import type { Dependencies } from './dependencies.ts';
import { meterToProto } from './meter.ts';
import { listMetersByCode, type MeterCache } from './meter-store.ts';

export async function getMeter(meters: MeterCache, { organizationId }: CallContext, request: GetMeterRequest): Promise<GetMeterResponse> {
  const fields = new Fields();
  const code = fields.code('code', request.code);
  fields.check();
  const meter = (await meters.find(organizationId, new Set([code]))).get(code);
  if (meter === undefined) throw commonErrors.NOT_FOUND({ resource: 'meter', name: code });
  return { meter: meterToProto(meter) };
}

export async function listMeters({ database }: Dependencies, { organizationId }: CallContext, request: ListMetersRequest): Promise<ListMetersResponse> {
  const page = parsePage(request, 1);
  const found = await database.transaction(organizationId, (tx) => listMetersByCode(tx, organizationId, page));
  const { rows, nextPageToken } = paged(found, page, ({ code }) => [code]);
  return { meters: rows.map(meterToProto), nextPageToken };
}
