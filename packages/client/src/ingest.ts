// Usage of any amount, recorded in constant memory. A few batches are under way at a time, as requests or on one stream, and the
// source is read only as they are acknowledged. Keys make it safe to send everything again: that is how a broken-off run goes on.
import { status } from '@grpc/grpc-js';
import { UsageOutcome, type RecordUsageOutcome, type RecordUsageRequest, type RecordUsageResponse, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { batchesOf } from './batches.ts';
import { CallError } from './call-error.ts';
import type { CallSettings } from './stub.ts';
import { openUsageStream, type BatchSender, type UsageStreamer } from './usage-stream.ts';

/** All that is needed of a client: `client.usage`. */
export interface UsageRecorder {
  recordUsage(request: RecordUsageRequest, settings?: CallSettings): Promise<RecordUsageResponse>;
  /** For `stream`. */
  streamUsage?: UsageStreamer['streamUsage'];
}

export interface IngestCounts {
  readonly recorded: number;
  readonly duplicate: number;
  readonly refused: number;
}

export interface IngestOptions {
  /** Events to a batch, 1 to 5,000. */
  readonly batchSize?: number;
  /** Batches under way at a time, 1 to 64. */
  readonly inFlight?: number;
  /**
   * Batches go over one long call instead of as requests: a batch costs less, and the server reads no faster than it records. The call is made again, with growing
   * delays, when it breaks or the server ends it, and what was not acknowledged is sent again. The run fails when 9 calls in a row end without an acknowledgement.
   */
  readonly stream?: boolean;
  /** Called after each acknowledgement, with the counts so far. */
  readonly onProgress?: (counts: IngestCounts) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What became of one event; the event itself is the very object that the source gave. */
export interface Acknowledgement<Event extends UsageEvent = UsageEvent> {
  readonly event: Event;
  readonly outcome: RecordUsageOutcome;
}

export interface IngestSummary extends IngestCounts {
  /** The refused events, the first 1,000 of them. */
  readonly refusals: readonly Acknowledgement[];
}

const BATCH_SIZE = { default: 1_000, max: 5_000 };
const IN_FLIGHT = { default: 4, max: 64 };
const REFUSALS_MAX = 1_000;
const DEADLINE_ATTEMPTS_MAX = 3;

/**
 * Records the events and answers what became of each, in their order, a batch at a time. Throws the first CallError that
 * retries did not mend; what was answered before is recorded, and what was under way may be: send it again.
 */
export async function* ingest<Event extends UsageEvent>(
  usage: UsageRecorder,
  events: Iterable<Event> | AsyncIterable<Event>,
  { batchSize = BATCH_SIZE.default, inFlight = IN_FLIGHT.default, stream = false, onProgress, signal }: IngestOptions = {},
): AsyncGenerator<readonly Acknowledgement<Event>[], void, undefined> {
  checkRange('batchSize', batchSize, BATCH_SIZE.max);
  checkRange('inFlight', inFlight, IN_FLIGHT.max);
  const sender = stream ? openUsageStream(requireStreamer(usage), { signal }) : requestSender(usage, signal);
  const counts = { recorded: 0, duplicate: 0, refused: 0 };
  const underWay: Promise<readonly Acknowledgement<Event>[]>[] = [];

  async function send(batch: readonly Event[]): Promise<readonly Acknowledgement<Event>[]> {
    const outcomes = await sender.send(batch);
    if (outcomes.length !== batch.length) throw new Error(`${batch.length} events were sent and ${outcomes.length} outcomes came back.`);
    const acknowledged = outcomes.flatMap((outcome, position) => {
      const event = batch[position];
      return event === undefined ? [] : [{ event, outcome }];
    });
    for (const outcome of outcomes) counts[counterOf(outcome)] += 1;
    onProgress?.({ ...counts });
    return acknowledged;
  }

  try {
    for await (const batch of batchesOf(events, batchSize)) {
      signal?.throwIfAborted();
      const sending = send(batch);
      // The loop hears of a failure when it comes to it; until then it is nobody's.
      sending.catch(() => {});
      underWay.push(sending);
      const [oldest] = underWay;
      if (underWay.length < inFlight || oldest === undefined) continue;
      yield await oldest;
      void underWay.shift();
    }
    for (const sending of underWay) yield await sending;
  } finally {
    sender.close();
  }
}

/** Records the events and counts what became of them. */
export async function ingestAll(usage: UsageRecorder, events: Iterable<UsageEvent> | AsyncIterable<UsageEvent>, options: IngestOptions = {}): Promise<IngestSummary> {
  const counts = { recorded: 0, duplicate: 0, refused: 0 };
  const refusals: Acknowledgement[] = [];
  for await (const acknowledged of ingest(usage, events, options)) {
    for (const each of acknowledged) {
      const counter = counterOf(each.outcome);
      counts[counter] += 1;
      if (counter === 'refused' && refusals.length < REFUSALS_MAX) refusals.push(each);
    }
  }
  return { ...counts, refusals };
}

function requireStreamer({ streamUsage }: UsageRecorder): UsageStreamer {
  if (streamUsage === undefined) throw new TypeError('`stream` needs a client with streamUsage.');
  return { streamUsage };
}

function requestSender(usage: UsageRecorder, signal: AbortSignal | undefined): BatchSender {
  return {
    async send(events) {
      const { outcomes } = await withoutDeadline(() => usage.recordUsage({ events }, { signal }), signal);
      return outcomes;
    },
    close: () => {},
  };
}

/** What a deadline left in doubt is asked again: an event that was recorded is then a duplicate. */
async function withoutDeadline<Answer>(call: () => Promise<Answer>, signal: AbortSignal | undefined): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CallError) || error.code !== status.DEADLINE_EXCEEDED || attempt === DEADLINE_ATTEMPTS_MAX || signal?.aborted === true) throw error;
    }
  }
}

function counterOf({ outcome }: RecordUsageOutcome): keyof IngestCounts {
  switch (outcome) {
    case UsageOutcome.RECORDED:
      return 'recorded';
    case UsageOutcome.DUPLICATE:
      return 'duplicate';
    case UsageOutcome.REFUSED:
      return 'refused';
    case UsageOutcome.UNSPECIFIED:
      throw new Error('An outcome came back that says nothing.');
  }
}

function checkRange(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max) throw new RangeError(`${name} must be a whole number from 1 to ${max}.`);
}
