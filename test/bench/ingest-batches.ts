// Requests of usage events, new and known, one by one and in batches; and the bare insert of the same batches.
import { UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import type { ProcessorTime } from './bench-valora.ts';
import type { IngestSettings } from './ingest-settings.ts';
import { record, type Way } from './ingest-ways.ts';
import type { Round } from './report.ts';
import type { Series } from './rounds.ts';
import type { BareInsert } from './usage-floor.ts';
import { createEvents, encodeParameters, type KeyOrder } from './usage-load.ts';

export interface Sides {
  readonly ways: readonly Way[];
  readonly processorTime: () => Promise<ProcessorTime>;
  readonly bare: BareInsert;
}

const WARM_UP_SINGLE_MAX = 1_000;
const KNOWN_EVENTS = 10_000;

export function batchesOf(batchSize: number): string {
  return batchSize === 1 ? 'single events' : `batches of ${batchSize}`;
}

export function ingestSeries(sides: Sides, settings: IngestSettings): Series[] {
  const { batchSizes, batchSize } = settings;
  return [
    ...batchSizes.flatMap((size) => [...newSeries('new', sides, { ...settings, batchSize: size }), ...knownSeries(sides, { ...settings, batchSize: size })]),
    ...newSeries('new by chance', sides, { ...settings, batchSize }),
  ];
}

/** `new`: keys in time order; `new by chance`: keys as UUID version 4 makes them. A single event has no bare insert: what it costs is its call. */
export function newSeries(name: 'new' | 'new by chance', sides: Sides, settings: IngestSettings): Series[] {
  const { batchSize, floorConnections } = settings;
  const order: KeyOrder = name === 'new' ? 'ordered' : 'random';
  const what = `${name}, ${batchesOf(batchSize)}`;
  const events = createEvents(order);
  return [
    ...sides.ways.map((way): Series => ({
      name: `${what}${way.name}`, unit: 'events/s',
      round: paced(settings, (count) => record({ way, ...sides }, way.encode(events(count), batchSize), { atOnce: atOnceOf(settings), outcome: UsageOutcome.RECORDED })),
    })),
    ...(batchSize === 1 ? [] : floorConnections).map((connections): Series => ({
      name: `floor ${what}, ${connections} connections`, unit: 'events/s', round: paced(settings, (count) => insert(sides.bare, encodeParameters(events(count), batchSize), connections, count)),
    })),
  ];
}

/** The same events over and over: they are stored before the clock runs. */
function knownSeries(sides: Sides, settings: IngestSettings): Series[] {
  const { batchSize, floorConnections } = settings;
  const what = `known, ${batchesOf(batchSize)}`;
  const atOnce = atOnceOf(settings);
  const known = createEvents('random')(Math.max(Math.min(settings.warmUpEvents, KNOWN_EVENTS), batchSize));
  const parameters = encodeParameters(known, batchSize);
  return [
    ...sides.ways.map((way): Series => {
      const requests = way.encode(known, batchSize);
      return {
        name: `${what}${way.name}`, unit: 'events/s',
        round: stored(() => way.send(requests, atOnce, () => {}), paced(settings, (count) => record({ way, ...sides }, repeated(requests, count / batchSize), { atOnce, outcome: UsageOutcome.DUPLICATE }))),
      };
    }),
    ...(batchSize === 1 ? [] : floorConnections).map((connections): Series => ({
      name: `floor ${what}, ${connections} connections`, unit: 'events/s',
      round: stored(() => sides.bare.send(parameters, connections), paced(settings, (count) => insert(sides.bare, repeated(parameters, count / batchSize), connections, Math.ceil(count / batchSize) * batchSize))),
    })),
  ];
}

function atOnceOf({ batchSize, callers, inFlight }: IngestSettings): number {
  return batchSize === 1 ? callers : inFlight;
}

/** Stores before the first round, which is the warm-up. */
function stored(store: () => Promise<unknown>, round: () => Promise<Round>): () => Promise<Round> {
  let done = false;
  return async () => {
    if (!done) await store();
    done = true;
    return await round();
  };
}

/** The batches in turn, until there are `count`. */
function repeated<Batch>(batches: readonly Batch[], count: number): Batch[] {
  const all: Batch[] = [];
  while (all.length < count) all.push(...batches.slice(0, Math.ceil(count) - all.length));
  return all;
}

/** A round that is as long as asked for, by the speed of the one before; the first one, to warm up, finds the speed. */
export function paced({ seconds, warmUpEvents, batchSize }: Pick<IngestSettings, 'seconds' | 'warmUpEvents' | 'batchSize'>, send: (count: number) => Promise<Round>): () => Promise<Round> {
  let count = batchSize === 1 ? Math.min(warmUpEvents, WARM_UP_SINGLE_MAX) : warmUpEvents;
  return async () => {
    const round = await send(count);
    count = Math.max(1, Math.ceil((round.count / round.seconds) * seconds));
    return round;
  };
}

async function insert(bare: BareInsert, batches: readonly (readonly string[])[], connections: number, count: number): Promise<Round> {
  return { ...(await bare.send(batches, connections)), count };
}
