// Batches of usage over StreamUsage, as promises of their outcomes. A stream that ends is taken up by another one, on which
// everything is sent again that was not acknowledged: keys make that safe, and batches keep their numbers. It gives up when one
// stream after another ends without a single acknowledgement.
import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { RecordUsageOutcome, StreamUsageRequest, StreamUsageResponse, UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { CallError } from './call-error.ts';
import { backOffMs, isBrokenConnection, isTurnedAway } from './retry.ts';
import type { CallSettings } from './stub.ts';

/** All that is needed of a client: `client.usage`. */
export interface UsageStreamer {
  streamUsage(requests: AsyncIterable<StreamUsageRequest>, settings?: CallSettings): AsyncIterable<StreamUsageResponse>;
}

export interface BatchSender {
  /** The batch's outcomes, once they are durable. */
  send(events: readonly UsageEvent[]): Promise<readonly RecordUsageOutcome[]>;
  /** Sends no more; what is not acknowledged is left. */
  close(): void;
}

export interface UsageStreamOptions {
  readonly signal?: AbortSignal | undefined;
  /** A stream on which nothing is acknowledged for so long is given up for another. */
  readonly acknowledgedWithinMs?: number;
  /** Streams in a row without an acknowledgement, after which it gives up. */
  readonly fruitlessMax?: number;
}

interface Batch {
  readonly sequence: bigint;
  readonly events: readonly UsageEvent[];
  readonly resolve: (outcomes: readonly RecordUsageOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

const ACKNOWLEDGED_WITHIN_MS = 60_000;
/** With the delays between them about half a minute. */
const FRUITLESS_MAX = 9;

export function openUsageStream(usage: UsageStreamer, { signal, acknowledgedWithinMs = ACKNOWLEDGED_WITHIN_MS, fruitlessMax = FRUITLESS_MAX }: UsageStreamOptions = {}): BatchSender {
  /** Not acknowledged, in order. */
  const pending: Batch[] = [];
  const leaving = new AbortController();
  const cancelled = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
  let last = 0n;
  let closed = false;
  let running = false;
  /** Of the stream that is open: that something is acknowledged is waited for from now on. */
  let renew: () => void = () => {};
  /** Of the stream that is open: wakes whoever waits for the next batch. */
  let wake: () => void = () => {};
  let watch: NodeJS.Timeout | undefined;

  /** The batches for one stream: those that are pending, then those that come. */
  async function* batchesFor(stream: AbortSignal): AsyncGenerator<StreamUsageRequest, void, undefined> {
    for (let sent = 0n; !stream.aborted;) {
      const next = pending.find(({ sequence }) => sequence > sent);
      if (next !== undefined) {
        sent = next.sequence;
        yield { sequence: next.sequence, events: next.events };
      } else if (closed) {
        return;
      } else {
        await new Promise<void>((resolve) => { wake = resolve; });
      }
    }
  }

  /** One stream, until it ends; answers how many batches were acknowledged on it. */
  async function converse(): Promise<{ readonly acknowledged: number; readonly failure: unknown }> {
    const over = new AbortController();
    let acknowledged = 0;
    renew = () => {
      clearTimeout(watch);
      if (pending.length > 0) watch = setTimeout(() => over.abort(), acknowledgedWithinMs);
    };
    renew();
    try {
      for await (const { sequence, outcomes } of usage.streamUsage(batchesFor(over.signal), { signal: AbortSignal.any([cancelled, over.signal]) })) {
        const batch = pending[0];
        if (batch === undefined || batch.sequence !== sequence) throw new Error(`Batch ${sequence} was acknowledged, and ${batch?.sequence ?? 'none'} was to be.`);
        pending.shift();
        acknowledged += 1;
        renew();
        batch.resolve(outcomes);
      }
      return { acknowledged, failure: new Error('The stream ended before every batch was acknowledged.') };
    } catch (failure) {
      return { acknowledged, failure };
    } finally {
      renew = () => {};
      clearTimeout(watch);
      over.abort();
      wake();
    }
  }

  async function run(): Promise<void> {
    running = true;
    for (let fruitless = 0; pending.length > 0;) {
      const { acknowledged, failure } = await converse();
      if (pending.length === 0) break;
      fruitless = acknowledged > 0 ? 0 : fruitless + 1;
      if (cancelled.aborted || !isWorthAnother(failure) || fruitless === fruitlessMax) {
        for (const { reject } of pending.splice(0)) reject(failure);
        break;
      }
      await delay(backOffMs(failure, fruitless), undefined, { signal: cancelled }).catch(() => {});
    }
    running = false; // in the same turn as the look at what is pending: a batch that comes later starts another run
  }

  return {
    send: (events) => new Promise((resolve, reject) => {
      last += 1n;
      pending.push({ sequence: last, events, resolve, reject });
      if (pending.length === 1) renew();
      wake();
      if (!running) void run();
    }),
    close() {
      closed = true;
      if (pending.length > 0) leaving.abort();
      wake();
    },
  };
}

function isWorthAnother(failure: unknown): boolean {
  if (!(failure instanceof CallError)) return false;
  return failure.code === status.UNAVAILABLE || failure.code === status.DEADLINE_EXCEEDED || isTurnedAway(failure) || isBrokenConnection(failure);
}
