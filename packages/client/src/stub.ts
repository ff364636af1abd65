// The rpcs of a gRPC service as typed functions.
import { randomUUID } from 'node:crypto';
import type { Client, Metadata } from '@grpc/grpc-js';
import { callBidi, callStream, callUnary, type Method, type RequestOf, type ResponseOf } from './call.ts';
import { withRetries } from './retry.ts';

export interface CallSettings {
  /** How long the call may take, retries included. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A request whose request_id may be left out: one is made then, the same for every retry of this call. */
export type WithOptionalRequestId<Request> = Request extends { readonly requestId: string } ? Omit<Request, 'requestId'> & { readonly requestId?: string } : Request;

export type Rpc<M> = M extends { readonly requestStream: true; readonly responseStream: true }
  ? (requests: AsyncIterable<RequestOf<M>>, settings?: CallSettings) => AsyncIterable<ResponseOf<M>>
  : M extends { readonly responseStream: true }
  ? (request: RequestOf<M>, settings?: CallSettings) => AsyncIterable<ResponseOf<M>>
  : (request: WithOptionalRequestId<RequestOf<M>>, settings?: CallSettings) => Promise<ResponseOf<M>>;

export type Stub<Definition> = { readonly [Name in keyof Definition]: Rpc<Definition[Name]> };

export interface StubOptions {
  /** The connection for an rpc's path. */
  readonly channel: (path: string) => Client;
  readonly metadata: Metadata;
  readonly deadlineMs: number;
  readonly retries: number;
}

/** How long a stream is left open; the server ends it in order before, and the caller goes on with another. */
const STREAM_MS = 11 * 60_000;

export function createStub<Definition extends object>(definition: Definition, { channel, metadata, deadlineMs, retries }: StubOptions): Stub<Definition> {
  const unary = (method: Method) => async (request: object, settings: CallSettings = {}): Promise<unknown> => {
    const deadline = Date.now() + (settings.deadlineMs ?? deadlineMs);
    // A message without a request_id ignores it.
    const sent = { requestId: newRequestId(), ...request };
    const call = (): Promise<unknown> => callUnary(channel(method.path), { method, request: sent, metadata, options: { deadline }, signal: settings.signal });
    return await withRetries(call, { retries, deadlineMs: deadline, signal: settings.signal });
  };
  const stream = (method: Method) => (request: object, settings: CallSettings = {}): AsyncIterable<unknown> =>
    callStream(channel(method.path), { method, request, metadata, options: { deadline: Date.now() + (settings.deadlineMs ?? STREAM_MS) }, signal: settings.signal });
  const bidi = (method: Method) => (requests: AsyncIterable<unknown>, settings: CallSettings = {}): AsyncIterable<unknown> =>
    callBidi(channel(method.path), { method, request: requests, metadata, options: { deadline: Date.now() + (settings.deadlineMs ?? STREAM_MS) }, signal: settings.signal });
  const kindOf = ({ requestStream, responseStream }: Method) => (requestStream ? bidi : responseStream ? stream : unary);
  const rpcs = Object.entries(definition).map(([name, method]: [string, Method]) => [name, kindOf(method)(method)] as const);
  return Object.fromEntries(rpcs) as unknown as Stub<Definition>;
}

/** For a request that is made once. To make the same one again after a crash, derive an id from what it is about instead. */
export function newRequestId(): string {
  return randomUUID();
}
