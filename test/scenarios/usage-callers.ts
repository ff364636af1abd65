// Callers that record usage without a pause, some by requests and some by streams, each event until it is acknowledged; and their
// account of what was acknowledged when. What was acknowledged is never sent again.
import { createClient, ingest, type ValoraClient } from '@valora/client';
import type { RecordUsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import type { Below } from '@valora/testkit/seeded';
import { setTimeout as delay } from 'node:timers/promises';
import { callsForRepetition } from './kill-life.ts';
import { recordedNow, toMessage, type Load } from './usage-ledger.ts';

export interface CallersTally {
  /** Acknowledgements. */
  batches: number;
  streamed: number;
  /** Calls that broke off. */
  repeated: number;
  /** Events that were stored when the caller had heard nothing. */
  storedUnheard: number;
}

export interface Callers {
  readonly acknowledged: Set<number>;
  readonly tally: CallersTally;
  /** Waits until each caller has been answered again, about. */
  answeredAgain(): Promise<void>;
  /** Finishes what was begun. */
  stop(): Promise<void>;
}

export interface CallersOptions {
  readonly load: Load;
  readonly below: Below;
  readonly address: string;
  readonly apiKey: string;
}

const REQUESTERS = 4;
const STREAMERS = 2;
const BATCH_MAX = 20;
const STREAM = { stream: true, batchSize: 10, inFlight: 4 } as const;
const AGAIN_MS = 25;
const ANSWERED_WITHIN_MS = 30_000;

export const CALL_MS = 10_000;

/** Without retries of its own: they would hide how often a call breaks off. */
export function openCaller(address: string, apiKey: string): ValoraClient {
  return createClient({ address: { metering: address }, credential: apiKey, retries: 0, deadlineMs: CALL_MS });
}

export function startCallers({ load, below, address, apiKey }: CallersOptions): Callers {
  const acknowledged = new Set<number>();
  const tally: CallersTally = { batches: 0, streamed: 0, repeated: 0, storedUnheard: 0 };
  let sending = true;
  let failed = false;
  let next = 0;

  function acknowledge(numbers: readonly number[], outcomes: readonly RecordUsageOutcome[]): void {
    if (outcomes.length !== numbers.length) throw new Error(`${outcomes.length} outcomes for ${numbers.length} events`);
    for (const outcome of outcomes) if (!recordedNow(outcome)) tally.storedUnheard += 1;
    numbers.forEach((number) => acknowledged.add(number));
    tally.batches += 1;
  }

  async function request({ usage }: ValoraClient): Promise<void> {
    while (sending) {
      const first = next;
      next += 1 + below(BATCH_MAX);
      const numbers = Array.from({ length: next - first }, (_, index) => first + index);
      const events = numbers.map((number) => toMessage(load.event(number)));
      acknowledge(numbers, (await persist(() => usage.recordUsage({ events }), tally)).outcomes);
    }
  }

  async function stream({ usage }: ValoraClient): Promise<void> {
    const pending = new Set<number>();
    function* events() {
      for (const number of pending) yield { number, ...toMessage(load.event(number)) };
      while (sending) {
        const number = next;
        next += 1;
        pending.add(number);
        yield { number, ...toMessage(load.event(number)) };
      }
    }
    while (sending || pending.size > 0) {
      await persist(async () => {
        for await (const batch of ingest(usage, events(), STREAM)) {
          acknowledge(batch.map(({ event }) => event.number), batch.map(({ outcome }) => outcome));
          for (const { event } of batch) pending.delete(event.number);
          tally.streamed += 1;
        }
      }, tally);
    }
  }

  const ways = [...Array.from({ length: REQUESTERS }, () => request), ...Array.from({ length: STREAMERS }, () => stream)];
  const callers = Promise.all(ways.map(async (call) => {
    const client = openCaller(address, apiKey);
    await call(client).finally(() => client.close());
  }));
  callers.catch(() => { failed = true; }); // why is told by stop()

  return {
    acknowledged, tally,
    async answeredAgain() {
      const enough = tally.batches + ways.length;
      for (let polls = 0; tally.batches < enough; polls += 1) {
        if (failed) await callers;
        if (polls * AGAIN_MS > ANSWERED_WITHIN_MS) throw new Error('nobody is answered any more');
        await delay(AGAIN_MS);
      }
    },
    async stop() {
      sending = false;
      await callers;
    },
  };
}

/** Makes the call until it succeeds, as a caller does who hears nothing. */
export async function persist<T>(call: () => Promise<T>, tally: Pick<CallersTally, 'repeated'>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!callsForRepetition(error)) throw error;
      tally.repeated += 1;
      await delay(AGAIN_MS);
    }
  }
}
