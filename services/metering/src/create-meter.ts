/** CreateMeter: a meter under a code that was free. */
import { commonErrors, Fields, mutate, type CallContext } from '@valora/chassis';
import { MeterServiceService, type CreateMeterRequest, type CreateMeterResponse } from '@valora/contracts/valora/metering/v1/meter';
import type { Dependencies } from './dependencies.ts';
import { meterToProto, parseMeter, type MeterDefinition } from './meter.ts';
import { insertMeter } from './meter-store.ts';

const NO_METER = { code: '', displayName: '', aggregation: 0, filters: [], uniqueProperty: '', takesNegativeValues: false } as const;

export async function createMeter(dependencies: Dependencies, context: CallContext, request: CreateMeterRequest): Promise<CreateMeterResponse> {
  const definition = parseRequest(request);
  return await mutate(dependencies, { context, method: MeterServiceService.createMeter, request }, async (tx, recordedTime) => {
    const meter = { ...definition, recordedTime };
    if (!await insertMeter(tx, context.organizationId, meter)) throw commonErrors.ALREADY_EXISTS({ resource: 'meter', name: meter.code });
    return { meter: meterToProto(meter) };
  });
}

function parseRequest({ requestId, meter }: CreateMeterRequest): MeterDefinition {
  const fields = new Fields();
  fields.requestId(requestId);
  const definition = parseMeter(fields, meter ?? NO_METER);
  fields.check();
  return definition;
}
