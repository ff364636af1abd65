// Ingest: how fast usage becomes durable, end to end, and how that compares with PostgreSQL alone and with a call that does nothing.
import { Aggregation } from '@valora/contracts/valora/metering/v1/meter';
import { callerOf } from '@valora/cli';
import type { BenchValora } from './bench-valora.ts';
import { batchSeries } from './ingest-batches.ts';
import type { IngestSettings } from './ingest-settings.ts';
import { unarySeries } from './ingest-unary.ts';
import { prefill } from './prefill.ts';
import { openRawCalls } from './raw-calls.ts';
import { atLeast, ratio, type Findings } from './report.ts';
import { figure, interleaved, named, type Progress } from './rounds.ts';
import { openBareInsert } from './usage-floor.ts';
import { METER } from './usage-load.ts';

export async function ingest(valora: BenchValora, settings: IngestSettings, progress: Progress): Promise<Findings> {
  const { organizationId, apiKey, connection } = await valora.createOrganization(null);
  await callerOf(connection).meters.createMeter({ requestId: 'meter', meter: { code: METER, displayName: 'Requests', aggregation: Aggregation.SUM, filters: [], uniqueProperty: '', takesNegativeValues: false, recordedTime: undefined } });
  const bare = await openBareInsert(valora.databaseUrl, valora.owner, Math.max(...settings.floorConnections));
  const calls = openRawCalls(valora.address, apiKey);
  try {
    await prefill(valora.owner, { organizationId, rows: settings.rowsBefore, progress });
    const figures = await interleaved([...batchSeries({ calls, bare }, settings), ...unarySeries(calls, settings)], { rounds: settings.rounds, progress });
    return findings(named(figures, ''), settings);
  } finally {
    calls.close();
    await bare.close();
  }
}

function findings(figures: ReturnType<typeof named>, { floorConnections, inFlight, callers, batchSize }: IngestSettings): Findings {
  const all = new Map(Object.entries(figures));
  const fastestFloor = (keys: string) => floorConnections.map((connections) => figure(all, `floor ${keys}, ${connections} connections`))
    .reduce((fastest, other) => (other.median > fastest.median ? other : fastest));
  const ratios = {
    'batches, keys in time order': ratio(figure(all, 'batches, keys in time order'), fastestFloor('keys in time order')),
    'batches, keys by chance': ratio(figure(all, 'batches, keys by chance'), fastestFloor('keys by chance')),
    'batches, all duplicates': ratio(figure(all, 'batches, all duplicates'), fastestFloor('all duplicates')),
    'single events, to an empty call': ratio(figure(all, 'single events'), figure(all, 'floor empty call')),
    'single events, to an empty call through the wrapper': ratio(figure(all, 'single events'), figure(all, 'floor empty call through the wrapper')),
  };
  return {
    results: Object.fromEntries([...all].filter(([name]) => !name.startsWith('floor '))),
    floors: named(all, 'floor '),
    ratios,
    goals: [
      atLeast('batches, keys in time order, to the fastest bare insert', 0.5, ratios['batches, keys in time order']),
      atLeast('single events, to an empty call', 0.5, ratios['single events, to an empty call']),
    ],
    notes: [
      `One organization. Batches of ${batchSize}, ${inFlight} requests under way; single events from ${callers} callers. Requests and parameters are made before the clock runs.`,
      'Client, services and PostgreSQL share the cores of one machine. The floor has no services: what it leaves free, Valora uses.',
      'An empty call is grpc.health.v1 Check on the same port: gRPC alone. Through the wrapper: GetMeter from memory, with credential, admission and decoding.',
    ],
  };
}
