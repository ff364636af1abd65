// The one wrapper around every handler: size limit, credential, scope, deadline, admission, and the conversion of whatever
// is thrown into a status. A handler gets a context and a request and answers a response; it never sees gRPC.
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { status, type MethodDefinition, type sendUnaryData, type ServerUnaryCall, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { RequestOf, ResponseOf } from '@valora/client/call';
import { requireAccess } from './authenticate.ts';
import { bidiStream, type BidiHandler } from './bidi-stream.ts';
import { CALL_DEPTH_KEY } from './call.ts';
import type { CallContext } from './context.ts';
import { rpcAccess, type RpcAccess } from './contract.ts';
import { commonErrors, DomainError } from './errors.ts';
import { createOpenStreams } from './open-streams.ts';
import { describeCall, imposedDeadlineMs, shown, type Rpc, type UnaryDependencies } from './rpc.ts';
import { serverStream, type StreamHandler } from './server-stream.ts';
import { statusOf } from './status.ts';

/**
 * One function for each rpc of a service. One that streams its answers is given a way to send, which waits for a slow reader. One that streams both ways answers, for
 * each stream, the function that answers each of its messages.
 */
export type Handlers<Definition> = {
  readonly [Name in keyof Definition]: Definition[Name] extends { readonly requestStream: true; readonly responseStream: true }
    ? (context: CallContext) => (request: RequestOf<Definition[Name]>) => Promise<ResponseOf<Definition[Name]>>
    : Definition[Name] extends { readonly responseStream: true }
    ? (context: CallContext, request: RequestOf<Definition[Name]>, send: (response: ResponseOf<Definition[Name]>) => Promise<void>) => Promise<void>
    : (context: CallContext, request: RequestOf<Definition[Name]>) => Promise<ResponseOf<Definition[Name]>>;
};

type AnyMethod = MethodDefinition<unknown, unknown>;
type AnyHandler = (context: CallContext, request: unknown) => Promise<unknown>;

export interface RegisteredService {
  readonly definition: Record<string, AnyMethod>;
  readonly implementation: UntypedServiceImplementation;
  /** Ends the streams that go both ways, in order, and takes no more of them; called when the process is to stop. */
  readonly drain: () => void;
}

/** Wraps the handlers of a service for `serve`. */
export function unaryService<Definition extends object>(definition: Definition, handlers: Handlers<Definition>, dependencies: UnaryDependencies): RegisteredService {
  const methods = definition as unknown as Record<string, AnyMethod>;
  const wrapped: Record<string, AnyMethod> = {};
  const implementation: UntypedServiceImplementation = {};
  const streams = createOpenStreams();
  dependencies.metrics.rpc.observeStreams(streams);
  for (const [name, method] of Object.entries(methods)) {
    const access = rpcAccess.get(method.path);
    if (access === undefined) throw new Error(`${method.path} says nothing about access`);
    // A request stays bytes until its caller is known and has a place: decoding is what costs memory.
    wrapped[name] = { ...method, requestDeserialize: (bytes) => bytes };
    const decode = (bytes: Buffer): unknown => decodeRequest(method, access, bytes);
    const handler: unknown = (handlers as unknown as Record<string, unknown>)[name];
    if (method.requestStream) implementation[name] = bidiStream({ access, decode, handler: handler as BidiHandler }, dependencies, streams);
    else if (method.responseStream) implementation[name] = serverStream({ access, decode, handler: handler as StreamHandler }, dependencies);
    else implementation[name] = unary({ access, decode, handler: handler as AnyHandler }, dependencies);
  }
  return { definition: wrapped, implementation, drain: streams.drain };
}

function unary({ access, decode, handler }: Rpc<AnyHandler>, { authenticate, admission, log, metrics }: UnaryDependencies) {
  return (call: ServerUnaryCall<Buffer, unknown>, callback: sendUnaryData<unknown>): void => {
    const ended = metrics.rpc.serverCall(access.path);
    call.setMaxListeners(0); // every outgoing call on its behalf listens for its end
    const deadlineMs = imposedDeadlineMs(call);
    const abort = new AbortController();
    let answered = false, succeeded = false;
    const answer: sendUnaryData<unknown> = (error, response) => {
      if (answered) return;
      answered = true;
      succeeded = error === null;
      clearTimeout(timer);
      ended(error?.code ?? status.OK);
      callback(error, response);
    };
    const timer = setTimeout(() => {
      abort.abort();
      answer(statusOf(commonErrors.DEADLINE_EXCEEDED()));
    }, Math.max(0, deadlineMs - Date.now()));
    call.on('cancelled', () => {
      // gRPC says so at the end of every call. Of one that succeeded nothing is left to break off, and an abort costs as much as half a small call.
      if (succeeded) return;
      abort.abort();
      answer(statusOf(commonErrors.CANCELLED()));
    });
    const bounds = { deadlineMs, signal: abort.signal, parent: call };

    async function respond(): Promise<unknown> {
      const { request } = call;
      const callDepth = Number(call.metadata.get(CALL_DEPTH_KEY)[0]?.toString() ?? '0');
      const identity = await authenticate(call.metadata);
      requireAccess(identity, access);
      const { organizationId, caller } = identity;
      const depth = caller.kind === 'SERVICE' && Number.isInteger(callDepth) && callDepth > 0 ? callDepth : 0;
      describeCall(identity, depth);
      const context: CallContext = { organizationId, caller, callDepth: depth, ...bounds };
      return await admission.run({ callDepth: depth, organizationId, bytes: request.length, signal: abort.signal }, () => handler(context, decode(request)));
    }

    respond().then(
      (response) => answer(null, response),
      (thrown: unknown) => answer(statusOf(shown(thrown, access.path, log))),
    );
  };
}

/** Errors: REQUEST_TOO_LARGE, REQUEST_MALFORMED. */
function decodeRequest(method: AnyMethod, { requestBytesMax, requestElementsMax }: RpcAccess, bytes: Buffer): unknown {
  if (bytes.length > requestBytesMax) throw commonErrors.REQUEST_TOO_LARGE({ bytes: String(bytes.length), bytes_max: String(requestBytesMax) });
  try {
    const elements = countElements(bytes);
    if (elements > requestElementsMax) throw commonErrors.REQUEST_TOO_LONG({ elements: String(elements), elements_max: String(requestElementsMax) });
    return method.requestDeserialize(bytes);
  } catch (error) {
    throw error instanceof DomainError ? error : commonErrors.REQUEST_MALFORMED();
  }
}

/** How many fields stand at the top of a message, each element of a list being one: known before anything is made of them. */
function countElements(bytes: Buffer): number {
  const reader = new BinaryReader(bytes);
  let elements = 0;
  for (; reader.pos < reader.len; elements += 1) {
    const [, wireType] = reader.tag();
    reader.skip(wireType);
  }
  return elements;
}
