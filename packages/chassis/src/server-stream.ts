// The wrapper around a handler that streams its answers: the same credential, scope, decoding and deadline as for one
// answer. It takes no place of admission, since it lives long and mostly waits; its handler bounds how many there are. The
// deadline ends it in order: the caller goes on with another call.
import { once } from 'node:events';
import { status, type ServerWritableStream } from '@grpc/grpc-js';
import { requireAccess } from './authenticate.ts';
import type { CallContext } from './context.ts';
import { describeCall, imposedDeadlineMs, shown, type Rpc, type UnaryDependencies } from './rpc.ts';
import { statusOf } from './status.ts';

export type StreamHandler = (context: CallContext, request: unknown, send: (response: unknown) => Promise<void>) => Promise<void>;

export function serverStream({ access, decode, handler }: Rpc<StreamHandler>, { authenticate, log, metrics }: UnaryDependencies) {
  return (call: ServerWritableStream<Buffer, unknown>): void => {
    const ended = metrics.rpc.serverCall(access.path);
    const deadlineMs = imposedDeadlineMs(call);
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), Math.max(0, deadlineMs - Date.now()));
    call.on('cancelled', () => {
      abort.abort();
      ended(status.CANCELLED);
    });

    async function send(response: unknown): Promise<void> {
      if (abort.signal.aborted) return;
      // Whoever does not read is not written to.
      if (!call.write(response)) await once(call, 'drain', { signal: abort.signal }).catch(() => {});
    }

    async function respond(): Promise<void> {
      const identity = await authenticate(call.metadata);
      requireAccess(identity, access);
      describeCall(identity, 0);
      await handler({ ...identity, callDepth: 0, deadlineMs, signal: abort.signal }, decode(call.request), send);
    }

    respond().then(() => {
      ended(status.OK);
      call.end();
    }, (thrown: unknown) => {
      const failure = statusOf(shown(thrown, access.path, log));
      ended(failure.code);
      call.emit('error', failure);
    }).finally(() => clearTimeout(timer));
  };
}
