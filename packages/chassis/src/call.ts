// Calling another service through its contract: with a service token for the organization (a caller's key is never passed
// on), the original actor, the caller's deadline and cancellation, and the call depth.
import { Client, Metadata, status, type ChannelCredentials } from '@grpc/grpc-js';
import { CallError, callUnary, type Method, type RequestOf, type ResponseOf } from '@valora/client/call';
import type { CallContext } from './context.ts';
import type { ServiceTokenIssuer } from './credentials.ts';
import { peerChannelOptions } from './peer-channel.ts';
import type { RpcMetrics } from './rpc-metrics.ts';

export const CALL_DEPTH_KEY = 'valora-call-depth';

/** What is needed of a context to call on its behalf. */
export type OutgoingContext = Pick<CallContext, 'organizationId' | 'deadlineMs' | 'callDepth'> & {
  readonly caller: Pick<CallContext['caller'], 'actor'>;
  readonly parent?: CallContext['parent'];
  readonly signal?: AbortSignal;
};

/** The rpcs of a service as functions. */
export type Stub<Definition> = {
  readonly [Name in keyof Definition]: (context: OutgoingContext, request: RequestOf<Definition[Name]>) => Promise<ResponseOf<Definition[Name]>>;
};

export interface Peer {
  stub<Definition extends object>(definition: Definition): Stub<Definition>;
  close(): void;
}

export interface PeerOptions {
  /** A gRPC target, asked for at the first call. */
  readonly address: () => string;
  readonly channelCredentials: ChannelCredentials;
  /** This service's name, for the token. */
  readonly service: string;
  readonly tokens: ServiceTokenIssuer;
  /** Absent where nobody measures. */
  readonly metrics?: Pick<RpcMetrics, 'clientCall'>;
}

/** A connection to another service. */
export function createPeer({ address, channelCredentials, service, tokens, metrics }: PeerOptions): Peer {
  let connected: Client | undefined;

  function client(): Client {
    connected ??= new Client(address(), channelCredentials, peerChannelOptions);
    return connected;
  }

  async function callMetadata(context: OutgoingContext): Promise<Metadata> {
    const token = await tokens.issue({ service, organizationId: context.organizationId, actor: context.caller.actor }, Date.now());
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    metadata.set(CALL_DEPTH_KEY, String(context.callDepth + 1));
    return metadata;
  }

  async function call(method: Method, context: OutgoingContext, request: unknown): Promise<unknown> {
    const metadata = await callMetadata(context);
    const parent = context.parent === undefined ? {} : { parent: context.parent };
    const ended = metrics?.clientCall(method.path);
    try {
      const response = await callUnary(client(), { method, request, metadata, options: { deadline: context.deadlineMs, ...parent }, signal: context.signal });
      ended?.(status.OK);
      return response;
    } catch (error) {
      ended?.(error instanceof CallError ? error.code : status.UNKNOWN);
      throw error;
    }
  }

  return {
    stub<Definition extends object>(definition: Definition): Stub<Definition> {
      const rpcs = Object.entries(definition).map(([name, method]: [string, Method]) =>
        [name, (context: OutgoingContext, request: unknown) => call(method, context, request)] as const);
      return Object.fromEntries(rpcs) as Stub<Definition>;
    },
    close: () => connected?.close(),
  };
}
