// What calls that stream have in common, one way or both: the same credential, scope and deadline as for one answer. A stream
// outlives the look at its credential, which is why that is looked at again every second, and whenever the wrapper of its kind
// says so; and its signal says that it is over, whoever ended it.
import { status, type ServerDuplexStream, type ServerWritableStream, type StatusObject } from '@grpc/grpc-js';
import { requireAccess, type Identity } from './authenticate.ts';
import type { CallContext } from './context.ts';
import type { RpcAccess } from './contract.ts';
import { commonErrors } from './errors.ts';
import { describeCall, imposedDeadlineMs, shown, type UnaryDependencies } from './rpc.ts';
import { statusOf } from './status.ts';

const RECHECK_MS = 1_000;

export interface StreamCall {
  /** Its signal is aborted when the deadline passes, the caller goes away, or the credential is no longer good. */
  readonly context: CallContext;
  /** Looks at the credential again. Errors: those of a first look. */
  admit(): Promise<Identity>;
}

type OutgoingStream = Pick<ServerWritableStream<Buffer, unknown> | ServerDuplexStream<Buffer, unknown>, 'metadata' | 'getDeadline'> & {
  on(event: 'cancelled', listener: () => void): unknown;
  emit(event: 'error', failure: StatusObject): boolean;
  end(): unknown;
};

/** Runs `work` for a call whose caller is known, and ends the call with what became of it. */
export function answerStream(call: OutgoingStream, access: RpcAccess, { authenticate, log, metrics }: UnaryDependencies, work: (stream: StreamCall) => Promise<void>): void {
  const ended = metrics.rpc.serverCall(access.path);
  const deadlineMs = imposedDeadlineMs(call);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(commonErrors.DEADLINE_EXCEEDED()), Math.max(0, deadlineMs - Date.now()));
  // gRPC says so at the end of every call, also of one that ended well.
  call.on('cancelled', () => {
    abort.abort(commonErrors.CANCELLED());
    ended(status.CANCELLED);
  });
  let refusal: { readonly error: unknown } | null = null;
  let watch: NodeJS.Timeout | undefined;

  async function admit(): Promise<Identity> {
    const identity = await authenticate(call.metadata);
    requireAccess(identity, access);
    return identity;
  }

  function refuse(error: unknown): void {
    refusal ??= { error };
    abort.abort(error);
  }

  async function respond(): Promise<void> {
    const identity = await admit();
    describeCall(identity, 0);
    watch = setInterval(() => void admit().catch(refuse), RECHECK_MS);
    await work({ context: { ...identity, callDepth: 0, deadlineMs, signal: abort.signal }, admit });
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
}
