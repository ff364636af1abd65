// The wrapper around a handler that streams its answers. It takes no place of admission, since it lives long and mostly waits;
// its handler bounds how many there are. The deadline ends it in order: the caller goes on with another call. The credential is
// looked at again before every answer.
import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { CallContext } from './context.ts';
import type { Rpc, UnaryDependencies } from './rpc.ts';
import { answerStream } from './stream-call.ts';

export type StreamHandler = (context: CallContext, request: unknown, send: (response: unknown) => Promise<void>) => Promise<void>;

export function serverStream({ access, decode, handler }: Rpc<StreamHandler>, dependencies: UnaryDependencies) {
  return (call: ServerWritableStream<Buffer, unknown>): void => answerStream(call, access, dependencies, async ({ context, admit }) => {
    const { signal } = context;
    await handler(context, decode(call.request), async (response) => {
      if (signal.aborted) return;
      await admit();
      // Whoever does not read is not written to.
      if (!call.write(response)) await once(call, 'drain', { signal }).catch(() => {});
    });
  });
}
