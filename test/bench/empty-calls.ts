// Calls that do nothing: the same callers, connection and port as those that send single events.
import { MeterServiceService } from '@valora/contracts/valora/metering/v1/meter';
import { paced } from './ingest-batches.ts';
import type { IngestSettings } from './ingest-settings.ts';
import type { RawCalls } from './raw-calls.ts';
import { sendAll, type Series } from './rounds.ts';
import { METER } from './usage-load.ts';

const HEALTH_PATH = '/grpc.health.v1.Health/Check';

export function emptyCallSeries(calls: RawCalls, settings: IngestSettings): Series[] {
  const repeat = (path: string, request: Buffer) => paced({ ...settings, batchSize: 1 }, (count) =>
    sendAll(Array.from({ length: count }, () => request), settings.callers, async (bytes) => void await calls.call(path, bytes)));
  return [
    { name: 'floor empty call', unit: 'calls/s', round: repeat(HEALTH_PATH, Buffer.alloc(0)) },
    { name: 'floor empty call through the wrapper', unit: 'calls/s', round: repeat(MeterServiceService.getMeter.path, MeterServiceService.getMeter.requestSerialize({ code: METER })) },
  ];
}
