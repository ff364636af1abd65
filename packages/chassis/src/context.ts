// What every handler knows about the call it answers: who asks, for which organization, until when. The organization comes
// from the credential and from nowhere else.
import type { ServerUnaryCall } from '@grpc/grpc-js';

export interface Caller {
  readonly kind: 'API_KEY' | 'SERVICE' | 'OPERATOR';
  /** Who acts: `key:<organization>/<key id>`, `operator`, or `service:<name>`; a service passes the original actor on. */
  readonly actor: string;
  readonly scopes: readonly string[];
}

export interface CallContext {
  /** Empty for the operator, and for a service that acts across organizations. */
  readonly organizationId: string;
  readonly caller: Caller;
  /** Milliseconds since the epoch by this process's clock; only ever used to bound waiting. */
  readonly deadlineMs: number;
  /** Aborted when the deadline passes or the caller goes away. */
  readonly signal: AbortSignal;
  /** 0 for a call from outside, 1 for a call made while answering one, and so on. */
  readonly callDepth: number;
  /** The incoming call, so that deadline and cancellation travel with outgoing ones. */
  readonly parent?: ServerUnaryCall<unknown, unknown>;
}
