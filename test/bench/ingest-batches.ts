// Batches of events, in three ways: keys in time order, keys by chance, and events that are all known. Each is measured through Valora and as a bare insert.
import { UsageOutcome, UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import type { UsageEvent } from '@valora/rating';
import type { IngestSettings } from './ingest-settings.ts';
import type { RawCalls } from './raw-calls.ts';
import type { Round } from './report.ts';
import { sendAll, type Series } from './rounds.ts';
import type { BareInsert } from './usage-floor.ts';
import { createEvents, encodeParameters, encodeRequests, type UsageRequest } from './usage-load.ts';

const PATH = UsageServiceService.recordUsage.path;

export function batchSeries(sides: { readonly calls: RawCalls; readonly bare: BareInsert }, settings: IngestSettings): Series[] {
  return [
    ...seriesOf('keys in time order', createEvents('ordered'), sides, settings),
    ...seriesOf('keys by chance', createEvents('random'), sides, settings),
    ...duplicateSeries(sides, settings),
  ];
}

type Sides = Parameters<typeof batchSeries>[0];

function seriesOf(keys: string, events: (count: number) => UsageEvent[], { calls, bare }: Sides, settings: IngestSettings): Series[] {
  const { batchSize, inFlight, floorConnections } = settings;
  return [
    { name: `batches, ${keys}`, unit: 'events/s', round: paced(settings, (count) => record(calls, encodeRequests(events(count), batchSize), { inFlight, outcome: UsageOutcome.RECORDED })) },
    ...floorConnections.map((connections): Series => ({
      name: `floor ${keys}, ${connections} connections`, unit: 'events/s', round: paced(settings, (count) => insert(bare, encodeParameters(events(count), batchSize), connections, count)),
    })),
  ];
}

/** The same events over and over: they are stored before the clock runs. */
function duplicateSeries({ calls, bare }: Sides, settings: IngestSettings): Series[] {
  const { batchSize, inFlight, floorConnections, warmUpEvents } = settings;
  const known = createEvents('random')(warmUpEvents);
  const requests = encodeRequests(known, batchSize), parameters = encodeParameters(known, batchSize);
  let sent = false, inserted = false;
  return [
    {
      name: 'batches, all duplicates', unit: 'events/s',
      round: paced(settings, async (count) => {
        if (!sent) await record(calls, requests, { inFlight, outcome: UsageOutcome.RECORDED });
        sent = true;
        return await record(calls, repeated(requests, count / batchSize), { inFlight, outcome: UsageOutcome.DUPLICATE });
      }),
    },
    ...floorConnections.map((connections): Series => ({
      name: `floor all duplicates, ${connections} connections`, unit: 'events/s',
      round: paced(settings, async (count) => {
        if (!inserted) await bare.send(parameters, connections);
        inserted = true;
        return await insert(bare, repeated(parameters, count / batchSize), connections, count);
      }),
    })),
  ];
}

/** The batches in turn, until there are `count`. */
function repeated<Batch>(batches: readonly Batch[], count: number): Batch[] {
  const all: Batch[] = [];
  while (all.length < count) all.push(...batches.slice(0, Math.ceil(count) - all.length));
  return all;
}

/** A round that is as long as asked for, by the speed of the one before; the first one, to warm up, finds the speed. */
export function paced({ seconds, warmUpEvents }: Pick<IngestSettings, 'seconds' | 'warmUpEvents'>, send: (count: number) => Promise<Round>): () => Promise<Round> {
  let count = warmUpEvents;
  return async () => {
    const round = await send(count);
    count = Math.max(1, Math.ceil((round.count / round.seconds) * seconds));
    return round;
  };
}

/** Sends the requests and, when the clock has stopped, looks whether every event met the outcome that the round is about. */
export async function record(calls: RawCalls, requests: readonly UsageRequest[], { inFlight, outcome }: { readonly inFlight: number; readonly outcome: UsageOutcome }): Promise<Round> {
  const answers: Buffer[] = [];
  const round = await sendAll(requests, inFlight, async ({ bytes }) => void answers.push(await calls.call(PATH, bytes)));
  const outcomes = answers.flatMap((answer) => UsageServiceService.recordUsage.responseDeserialize(answer).outcomes);
  const other = outcomes.find((each) => each.outcome !== outcome);
  if (other !== undefined) throw new Error(`event ${other.idempotencyKey} was to have outcome ${outcome}, has ${other.outcome}: ${other.reason} ${other.message}`);
  return { ...round, count: outcomes.length };
}

async function insert(bare: BareInsert, batches: readonly (readonly string[])[], connections: number, count: number): Promise<Round> {
  return { ...(await bare.send(batches, connections)), count };
}
