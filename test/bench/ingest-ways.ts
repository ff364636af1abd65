// The two ways in, as the bench uses them: RecordUsage, a call for each request, and StreamUsage, a few calls for all of them.
import { StreamUsageRequest, UsageServiceService, type RecordUsageOutcome, type UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import type { UsageEvent } from '@valora/rating';
import type { ProcessorTime } from './bench-valora.ts';
import type { RawCalls } from './raw-calls.ts';
import type { Round } from './report.ts';
import { sendAll } from './rounds.ts';
import { encodeRequests, messagesOf, type UsageRequest } from './usage-load.ts';

export interface Way {
  /** Of the names of its series. */
  readonly name: string;
  /** What is sent is made before the clock runs. */
  encode(events: readonly UsageEvent[], batchSize: number): readonly UsageRequest[];
  /** Every request once, so many at a time; the answers as they came. */
  send(requests: readonly UsageRequest[], atOnce: number, answered: (answer: Buffer) => void): Promise<Round>;
  outcomes(answer: Buffer): readonly RecordUsageOutcome[];
}

export function oneByOne(calls: RawCalls): Way {
  const { path, responseDeserialize } = UsageServiceService.recordUsage;
  return {
    name: '',
    encode: encodeRequests,
    send: (requests, atOnce, answered) => sendAll(requests, atOnce, async ({ bytes }) => answered(await calls.call(path, bytes))),
    outcomes: (answer) => responseDeserialize(answer).outcomes,
  };
}

const SEQUENCE_TAG = 8; // field 1, varint
const VARINT_BITS = 7;

/** The streams are opened before the clock runs. A batch's number is put before its bytes when it is sent, since batches are sent more than once. */
export function streamed(calls: RawCalls, streamCount: number): Way {
  const { path, responseDeserialize } = UsageServiceService.streamUsage;
  return {
    name: ', streamed',
    encode: (events, batchSize) => messagesOf(events, batchSize).map((batch) => ({ eventCount: batch.length, bytes: Buffer.from(StreamUsageRequest.encode({ sequence: 0n, events: batch }).finish()) })),
    async send(requests, atOnce, answered) {
      const streams = Array.from({ length: Math.min(streamCount, atOnce) }, () => calls.open(path));
      let sequence = 0;
      const round = await sendAll(requests, atOnce, async ({ bytes }) => {
        const stream = streams[sequence % streams.length];
        if (stream === undefined) throw new Error('there is no stream');
        sequence += 1;
        answered(await stream.send(Buffer.concat([numbered(sequence), bytes])));
      });
      await Promise.all(streams.map((stream) => stream.end()));
      return round;
    },
    outcomes: (answer) => responseDeserialize(answer).outcomes,
  };
}

function numbered(sequence: number): Buffer {
  const bytes = [SEQUENCE_TAG];
  let rest = sequence;
  for (; rest >= 1 << VARINT_BITS; rest = Math.floor(rest / (1 << VARINT_BITS))) bytes.push((rest % (1 << VARINT_BITS)) + (1 << VARINT_BITS));
  return Buffer.from([...bytes, rest]);
}

/** Sends the requests and, when the clock has stopped, looks whether every event met the outcome that the round is about. */
export async function record(
  { way, processorTime }: { readonly way: Way; readonly processorTime: () => Promise<ProcessorTime> }, requests: readonly UsageRequest[], { atOnce, outcome }: { readonly atOnce: number; readonly outcome: UsageOutcome },
): Promise<Round> {
  const answers: Buffer[] = [];
  const before = await processorTime();
  const round = await way.send(requests, atOnce, (answer) => void answers.push(answer));
  const after = await processorTime();
  const outcomes = answers.flatMap((answer) => way.outcomes(answer));
  const other = outcomes.find((each) => each.outcome !== outcome);
  if (other !== undefined) throw new Error(`event ${other.idempotencyKey} was to have outcome ${outcome}, has ${other.outcome}: ${other.reason} ${other.message}`);
  return { ...round, count: outcomes.length, processorMicros: { client: after.client - before.client, server: after.server - before.server } };
}
