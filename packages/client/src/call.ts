// One call as a promise or as a stream. This entry, `@valora/client/call`, is also what services call each other with.
import type { CallOptions, Client, Metadata, MethodDefinition, ServiceError } from '@grpc/grpc-js';
import { CallError } from './call-error.ts';

export { CallError } from './call-error.ts';
export { DETAILS_TRAILER, errorDetailsOf, type ErrorDetails, type FieldViolation } from './error-details.ts';

export type Method = MethodDefinition<never, unknown>;
export type RequestOf<M> = M extends { requestDeserialize: (bytes: Buffer) => infer Request } ? Request : never;
export type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer Response } ? Response : never;

export interface Call {
  readonly method: Method;
  readonly request: unknown;
  readonly metadata: Metadata;
  readonly options: CallOptions;
  readonly signal?: AbortSignal | undefined;
}

/** One unary call as a promise; throws CallError. */
export async function callUnary(client: Client, { method, request, metadata, options, signal }: Call): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = method as unknown as MethodDefinition<unknown, unknown>;
    const outgoing = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, (error, response) => {
      signal?.removeEventListener('abort', cancel);
      if (error === null) resolve(response);
      else reject(new CallError(path, error));
    });
    const cancel = (): void => outgoing.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted === true) cancel();
  });
}

/** One call whose answers are streamed, read as fast as they are taken; leaving the loop cancels it. Throws CallError. */
export async function* callStream(client: Client, { method, request, metadata, options, signal }: Call): AsyncGenerator<unknown, void, undefined> {
  const { path, requestSerialize, responseDeserialize } = method as unknown as MethodDefinition<unknown, unknown>;
  const incoming = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata, options);
  const cancel = (): void => incoming.cancel();
  // The loop below hears of errors; this one hears of those that come when nobody reads any more.
  incoming.on('error', () => {});
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted === true) cancel();
  try {
    for await (const response of incoming) yield response;
  } catch (error) {
    throw isServiceError(error) ? new CallError(path, error) : error;
  } finally {
    signal?.removeEventListener('abort', cancel);
    cancel();
  }
}

/**
 * One call that streams both ways: `requests` are sent as fast as they are taken, and the answers read as fast as those are. Leaving the loop, and a source that
 * throws, cancel it. Throws CallError, or what the source threw.
 */
export async function* callBidi(client: Client, { method, request: requests, metadata, options, signal }: Call & { readonly request: AsyncIterable<unknown> }): AsyncGenerator<unknown, void, undefined> {
  const { path, requestSerialize, responseDeserialize } = method as unknown as MethodDefinition<unknown, unknown>;
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options);
  let over = false;
  let sourceFailure: { readonly error: unknown } | null = null;
  const cancel = (): void => call.cancel();
  call.on('error', () => {});
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted === true) cancel();

  async function sendAll(): Promise<void> {
    for await (const request of requests) {
      if (over) return;
      await new Promise<void>((resolve) => void call.write(request, () => resolve()));
    }
    call.end();
  }

  sendAll().catch((error: unknown) => {
    sourceFailure = { error };
    cancel();
  });
  try {
    for await (const response of call) yield response;
  } catch (error) {
    const { error: thrown } = sourceFailure ?? { error };
    throw isServiceError(thrown) ? new CallError(path, thrown) : thrown;
  } finally {
    over = true;
    signal?.removeEventListener('abort', cancel);
    cancel();
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}
