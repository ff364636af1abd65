// One event a call from many callers at once, and calls that do nothing: the same callers, connection and port.
import { MeterServiceService } from '@valora/contracts/valora/metering/v1/meter';
import { UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import { paced, record } from './ingest-batches.ts';
import type { IngestSettings } from './ingest-settings.ts';
import type { RawCalls } from './raw-calls.ts';
import { sendAll, type Series } from './rounds.ts';
import { createEvents, encodeRequests, METER } from './usage-load.ts';

const HEALTH_PATH = '/grpc.health.v1.Health/Check';

export function unarySeries(calls: RawCalls, settings: IngestSettings): Series[] {
  const { callers } = settings;
  const pace = { ...settings, warmUpEvents: Math.min(settings.warmUpEvents, 1_000) };
  const events = createEvents('ordered');
  const repeat = (path: string, request: Buffer) => paced(pace, (count) =>
    sendAll(Array.from({ length: count }, () => request), callers, async (bytes) => void await calls.call(path, bytes)));
  return [
    { name: 'single events', unit: 'calls/s', round: paced(pace, (count) => record(calls, encodeRequests(events(count), 1), { inFlight: callers, outcome: UsageOutcome.RECORDED })) },
    { name: 'floor empty call', unit: 'calls/s', round: repeat(HEALTH_PATH, Buffer.alloc(0)) },
    { name: 'floor empty call through the wrapper', unit: 'calls/s', round: repeat(MeterServiceService.getMeter.path, MeterServiceService.getMeter.requestSerialize({ code: METER })) },
  ];
}
