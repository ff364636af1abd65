// Ingest: how fast usage becomes durable, end to end, and how that compares with PostgreSQL alone and with a call that does nothing.
import { Aggregation } from '@valora/contracts/valora/metering/v1/meter';
import { callerOf } from '@valora/cli';
import type { BenchValora } from './bench-valora.ts';
import { emptyCallSeries } from './empty-calls.ts';
import { batchesOf, ingestSeries, newSeries, type Sides } from './ingest-batches.ts';
import type { IngestSettings } from './ingest-settings.ts';
import { oneByOne, streamed } from './ingest-ways.ts';
import { AGGREGATE, readSeries } from './ingest-reads.ts';
import { prefill } from './prefill.ts';
import { openRawCalls } from './raw-calls.ts';
import { atLeast, ratio, type Figure, type Findings } from './report.ts';
import { figure, interleaved, named, type Progress } from './rounds.ts';
import { openBareInsert } from './usage-floor.ts';
import { METER } from './usage-load.ts';

type Figures = ReadonlyMap<string, Figure>;

export async function ingest(valora: BenchValora, settings: IngestSettings, progress: Progress): Promise<Findings> {
  const { organizationId, apiKey, connection } = await valora.createOrganization(null);
  await callerOf(connection).meters.createMeter({ requestId: 'meter', meter: { code: METER, displayName: 'Requests', aggregation: Aggregation.SUM, filters: [], uniqueProperty: '', takesNegativeValues: false, recordedTime: undefined } });
  const bare = await openBareInsert(valora.databaseUrl, valora.owner, Math.max(...settings.floorConnections));
  const calls = openRawCalls(valora.address, apiKey);
  const ways = [oneByOne(calls), ...(settings.streams === 0 ? [] : [streamed(calls, settings.streams)])];
  const sides = { ways, processorTime: () => valora.processorTime(), bare };
  const figures = new Map<string, Figure>();
  try {
    let rows = 0;
    for (const [position, level] of settings.rowsBefore.entries()) {
      await prefill(valora.owner, { organizationId, from: rows, to: level, progress });
      rows = Math.max(rows, level);
      const series = position === 0 ? [...ingestSeries(sides, settings), ...emptyCallSeries(calls, settings)] : growthSeries(sides, settings);
      const measured = await interleaved([...series, ...await readSeries(valora, organizationId)], { rounds: settings.rounds, progress });
      for (const [name, each] of measured) figures.set(position === 0 ? name : `${name}, after ${level} rows`, each);
    }
    return findings(figures, settings);
  } finally {
    calls.close();
    await bare.close();
  }
}

function growthSeries({ ways: [way], ...sides }: Sides, settings: IngestSettings) {
  return (['new', 'new by chance'] as const).flatMap((name) => newSeries(name, { ...sides, ways: way === undefined ? [] : [way] }, settings));
}

/** A floor stands for its fastest number of connections. */
function floorOf(figures: Figures, what: string, { floorConnections }: IngestSettings): Figure {
  return floorConnections.map((connections) => {
    const [start = '', after] = what.split(', after ');
    return figure(figures, `floor ${start}, ${connections} connections${after === undefined ? '' : `, after ${after}`}`);
  }).reduce((fastest, other) => (other.median > fastest.median ? other : fastest));
}

function findings(figures: Figures, settings: IngestSettings): Findings {
  const { batchSize, batchSizes, inFlight, callers, streams, rowsBefore } = settings;
  const results = [...figures].filter(([name]) => !name.startsWith('floor '));
  const ratios = new Map<string, number>();
  for (const [name, each] of results) {
    if (name.startsWith(AGGREGATE)) continue;
    const floor = name.includes(batchesOf(1)) ? figure(figures, 'floor empty call') : floorOf(figures, name.replace(', streamed', ''), settings);
    ratios.set(`${name}, to its floor`, ratio(each, floor));
  }
  const growth = rowsBefore.slice(1).flatMap((level) => ['new', 'new by chance'].map((kind) => {
    const what = `${kind}, ${batchesOf(batchSize)}`;
    const name = `${what}, after ${level} rows to before`;
    ratios.set(name, ratio(figure(figures, `${what}, after ${level} rows`), figure(figures, what)));
    return { kind, name };
  }));
  const [fewest, ...larger] = rowsBefore.filter((level) => figures.has(`${AGGREGATE}, after ${level} rows`));
  for (const level of larger) {
    ratios.set(`${AGGREGATE}, after ${level} rows to after ${fewest}`, ratio(figure(figures, `${AGGREGATE}, after ${level} rows`), figure(figures, `${AGGREGATE}, after ${fewest} rows`)));
  }
  const goal = (what: string, least: number, name: string) => (ratios.has(name) ? [atLeast(what, least, ratios.get(name) ?? 0)] : []);
  return {
    results: Object.fromEntries(results),
    floors: named(figures, 'floor '),
    ratios: Object.fromEntries(ratios),
    goals: [
      ...batchSizes.flatMap((size) => goal(`new, ${batchesOf(size)}, to ${size === 1 ? 'an empty call' : 'the fastest bare insert'}`, 0.5, `new, ${batchesOf(size)}, to its floor`)),
      ...growth.flatMap(({ kind, name }) => (kind === 'new' ? goal(name, 0.8, name) : [])),
    ],
    notes: [
      `One organization. ${inFlight} batches under way; single events from ${callers} callers; streams: ${streams}, over which the same number of requests is spread. Requests and parameters are made before the clock runs.`,
      'Client, services and PostgreSQL share the cores of one machine. The floor has no services: what it leaves free, Valora uses. It compares and answers nothing.',
      'An empty call is grpc.health.v1 Check on the same port: gRPC alone. Through the wrapper: GetMeter from memory, with credential, admission and decoding.',
      'processorMicros: of the client and of the process of all services, for each event; PostgreSQL not included.',
    ],
  };
}
