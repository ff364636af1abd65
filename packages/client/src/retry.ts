// What gRPC's own retries leave: a call that was turned away because the server had too much to do, with advice when to come
// again, and a connection that broke under a call. Every mutation carries a request_id and every usage event a key, so
// sending one again never does it twice.
import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { CallError } from './call-error.ts';

const BACKOFF_FIRST_MS = 250;
const BACKOFF_LAST_MS = 5_000;
const BACKOFF_FACTOR = 2;

export interface RetryLimits {
  readonly retries: number;
  /** Milliseconds since the epoch: nothing is tried that would begin after it. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Makes the call, and makes it again where that may help; throws the last error. */
export async function withRetries<Answer>(call: () => Promise<Answer>, { retries, deadlineMs, signal }: RetryLimits): Promise<Answer> {
  for (let retry = 0; ; retry += 1) {
    try {
      return await call();
    } catch (error) {
      const waitMs = retry < retries && signal?.aborted !== true ? retryDelayMs(error, retry) : null;
      if (waitMs === null || Date.now() + waitMs >= deadlineMs) throw error;
      // An abort while waiting answers with what went wrong before.
      await delay(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => { throw error; });
    }
  }
}

/** How long to wait before the next try; null: don't. */
function retryDelayMs(error: unknown, retry: number): number | null {
  return error instanceof CallError && (isTurnedAway(error) || isBrokenConnection(error)) ? backOffMs(error, retry) : null;
}

/** The server had too much to do, and said when to come again. */
export function isTurnedAway({ code, retryDelayMs: advisedMs }: CallError): boolean {
  return code === status.RESOURCE_EXHAUSTED && advisedMs !== null;
}

/** Without a reason these are the transport's words and never Valora's: a connection was cut under the call. (A caller's own abort was seen before.) */
export function isBrokenConnection({ code, reason }: CallError): boolean {
  return (code === status.INTERNAL || code === status.CANCELLED) && reason === '';
}

/** What the server advised or longer, doubled each time, up to half as much again by chance. `retry` counts from 0. */
export function backOffMs(error: unknown, retry: number): number {
  const advisedMs = error instanceof CallError ? error.retryDelayMs ?? 0 : 0;
  return Math.max(advisedMs, Math.min(BACKOFF_FIRST_MS * BACKOFF_FACTOR ** retry, BACKOFF_LAST_MS)) * (1 + Math.random() / 2);
}
