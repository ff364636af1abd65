// The one wrapper around every handler: size limit, credential, scope, deadline, admission, and the conversion of whatever
// is thrown into a status. A handler gets a context and a request and answers a response; it never sees gRPC.
import { randomUUID } from 'node:crypto';
import { status, type MethodDefinition, type sendUnaryData, type ServerUnaryCall, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Admission } from './admission.ts';
import { requireAccess, type Authenticate } from './authenticate.ts';
import { CALL_DEPTH_KEY, type RequestOf, type ResponseOf } from './call.ts';
import type { CallContext } from './context.ts';
import { rpcAccess, type RpcAccess } from './contract.ts';
import { commonErrors, type DomainError } from './errors.ts';
import type { Log } from './log.ts';
import { publicError, statusOf } from './status.ts';

const DEADLINE_DEFAULT_MS = 30_000;
const DEADLINE_MAX_MS = 10 * 60_000;

/** One function for each rpc of a service. */
export type Handlers<Definition> = {
  readonly [Name in keyof Definition]: (context: CallContext, request: RequestOf<Definition[Name]>) => Promise<ResponseOf<Definition[Name]>>;
};

export interface UnaryDependencies {
  readonly authenticate: Authenticate;
  readonly admission: Admission;
  readonly log: Log;
}

/** A request that was too large to decode. */
class Oversized {
  readonly bytes: number;
  constructor(bytes: number) {
    this.bytes = bytes;
  }
}

type AnyMethod = MethodDefinition<unknown, unknown>;
type AnyHandler = (context: CallContext, request: unknown) => Promise<unknown>;

export interface RegisteredService {
  readonly definition: Record<string, AnyMethod>;
  readonly implementation: UntypedServiceImplementation;
}

/** Wraps the handlers of a service for `serve`. */
export function unaryService<Definition extends object>(definition: Definition, handlers: Handlers<Definition>, dependencies: UnaryDependencies): RegisteredService {
  const methods = definition as unknown as Record<string, AnyMethod>;
  const wrapped: Record<string, AnyMethod> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(methods)) {
    const access = rpcAccess.get(method.path);
    if (access === undefined) throw new Error(`${method.path} says nothing about access`);
    wrapped[name] = {
      ...method,
      requestDeserialize: (bytes) => (bytes.length > access.requestBytesMax ? new Oversized(bytes.length) : method.requestDeserialize(bytes)),
    };
    implementation[name] = unary(access, (handlers as unknown as Record<string, AnyHandler>)[name] as AnyHandler, dependencies);
  }
  return { definition: wrapped, implementation };
}

function unary(access: RpcAccess, handler: AnyHandler, { authenticate, admission, log }: UnaryDependencies) {
  return (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>): void => {
    call.setMaxListeners(0); // every outgoing call on its behalf listens for its end
    const deadlineMs = imposedDeadlineMs(call);
    const abort = new AbortController();
    let answered = false;
    const answer: sendUnaryData<unknown> = (error, response) => {
      if (answered) return;
      answered = true;
      clearTimeout(timer);
      callback(error, response);
    };
    const timer = setTimeout(() => {
      abort.abort();
      answer(statusOf(commonErrors.DEADLINE_EXCEEDED()));
    }, Math.max(0, deadlineMs - Date.now()));
    call.on('cancelled', () => {
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
      if (request instanceof Oversized) throw commonErrors.REQUEST_TOO_LARGE({ bytes: String(request.bytes), bytes_max: String(access.requestBytesMax) });
      const depth = caller.kind === 'SERVICE' && Number.isInteger(callDepth) && callDepth > 0 ? callDepth : 0;
      const context: CallContext = { organizationId, caller, callDepth: depth, ...bounds };
      return await admission.run(depth, abort.signal, () => handler(context, request));
    }

    respond().then(
      (response) => answer(null, response),
      (thrown: unknown) => answer(statusOf(shown(thrown, access.path, log))),
    );
  };
}

function imposedDeadlineMs(call: ServerUnaryCall<unknown, unknown>): number {
  const now = Date.now();
  const deadline = call.getDeadline();
  const wanted = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(wanted) ? Math.min(wanted, now + DEADLINE_MAX_MS) : now + DEADLINE_DEFAULT_MS;
}

function shown(thrown: unknown, path: string, log: Log): DomainError {
  const error = publicError(thrown);
  if (error !== null) {
    if (status[error.facts.code] === status.UNAVAILABLE) log.error('dependency unavailable', { path }, thrown);
    return error;
  }
  const trace = randomUUID();
  log.error('defect', { path, trace }, thrown);
  return commonErrors.INTERNAL({ trace });
}
