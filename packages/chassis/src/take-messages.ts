// The messages of a stream, one at a time. A Node stream of objects reads 16 ahead whoever waits for them, which of messages of
// megabytes is too much: here gRPC is asked for a message only when one is wanted, and until then HTTP/2 makes the caller wait.
import type { ServerDuplexStream } from '@grpc/grpc-js';

/** What Node calls to have a stream's buffer filled. */
const FILL = '_read';

export interface MessageSource {
  /** The next message; null when there are no more, or after `stop`. Ask for one at a time. */
  take(): Promise<Buffer | null>;
  /** No more is read, and a `take` under way answers null. */
  stop(): void;
}

type IncomingStream = Pick<ServerDuplexStream<Buffer, unknown>, typeof FILL> & {
  on(event: 'data', listener: (message: Buffer) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
};

export function messagesOf(call: IncomingStream): MessageSource {
  const readNext = call[FILL].bind(call);
  let ended = false;
  let waiting: ((message: Buffer | null) => void) | null = null;

  function settle(message: Buffer | null): void {
    const resolve = waiting;
    waiting = null;
    resolve?.(message);
  }

  function stop(): void {
    ended = true;
    settle(null);
  }

  call[FILL] = () => {};
  call.on('data', settle);
  call.on('end', stop);
  call.on('close', stop);
  return {
    take: () => new Promise((resolve) => {
      if (ended) {
        resolve(null);
        return;
      }
      waiting = resolve;
      readNext(0);
    }),
    stop,
  };
}
