// The wrapper around a handler that streams its answers: the same credential, scope, decoding and deadline as for one
// answer. It takes no place of admission, since it lives long and mostly waits; its handler bounds how many there are. The
// deadline ends it in order: the caller goes on with another call. It outlives the look at its credential, which is why that
// is looked at again before every answer and, for a stream that has none to give, every second.
import { once } from 'node:events';
import { status, type ServerWritableStream } from '@grpc/grpc-js';
import { requireAccess } from './authenticate.ts';
import type { CallContext } from './context.ts';
import { describeCall, imposedDeadlineMs, shown, type Rpc, type UnaryDependencies } from './rpc.ts';
import { statusOf } from './status.ts';

const RECHECK_MS = 1_000;

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
    let refusal: { readonly error: unknown } | null = null;
    let watch: NodeJS.Timeout | undefined;

    async function admit() {
      const identity = await authenticate(call.metadata);
      requireAccess(identity, access);
      return identity;
    }

    function refuse(error: unknown): void {
      refusal ??= { error };
      abort.abort();
    }

    async function send(response: unknown): Promise<void> {
      if (abort.signal.aborted) return;
      await admit();
      // Whoever does not read is not written to.
      if (!call.write(response)) await once(call, 'drain', { signal: abort.signal }).catch(() => {});
    }

    async function respond(): Promise<void> {
      const identity = await admit();
      describeCall(identity, 0);
      watch = setInterval(() => void admit().catch(refuse), RECHECK_MS);
      await handler({ ...identity, callDepth: 0, deadlineMs, signal: abort.signal }, decode(call.request), send);
      if (refusal !== null) throw refusal.error;
    }

    respond().then(() => {
      ended(status.OK);
      call.end();
    }, (thrown: unknown) => {
      const failure = statusOf(shown(thrown, access.path, log));
      ended(failure.code);
      call.emit('error', failure);
    }).finally(() => {
      clearTimeout(timer);
      clearInterval(watch);
    });
  };
}
