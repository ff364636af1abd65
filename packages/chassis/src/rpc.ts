// What every rpc's wrapper needs, whether it answers once or streams: who may call it, until when it may run, and what of an
// error is shown.
import { randomBytes } from 'node:crypto';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Admission } from './admission.ts';
import type { Authenticate, Identity } from './authenticate.ts';
import type { RpcAccess } from './contract.ts';
import { commonErrors, type DomainError } from './errors.ts';
import type { Log } from './log.ts';
import type { ServiceMetrics } from './metrics.ts';
import { currentTraceId, describeSpan, failSpan } from './span.ts';
import { publicError } from './status.ts';

const DEADLINE_DEFAULT_MS = 30_000;
const DEADLINE_MAX_MS = 10 * 60_000;
const TRACE_ID_BYTES = 16;

export interface UnaryDependencies {
  readonly authenticate: Authenticate;
  readonly admission: Admission;
  readonly log: Log;
  readonly metrics: Pick<ServiceMetrics, 'rpc'>;
}

export interface Rpc<Handler> {
  readonly access: RpcAccess;
  readonly decode: (bytes: Buffer) => unknown;
  readonly handler: Handler;
}

export function imposedDeadlineMs(call: Pick<ServerUnaryCall<unknown, unknown>, 'getDeadline'>): number {
  const now = Date.now();
  const deadline = call.getDeadline();
  const wanted = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(wanted) ? Math.min(wanted, now + DEADLINE_MAX_MS) : now + DEADLINE_DEFAULT_MS;
}

/** Says on the call's span for whom it is. */
export function describeCall({ organizationId, caller }: Identity, callDepth: number): void {
  describeSpan({ 'valora.organization.id': organizationId, 'valora.caller.kind': caller.kind, 'valora.call.depth': callDepth });
}

/** The error to show for what was thrown; a defect is logged. */
export function shown(thrown: unknown, path: string, log: Log): DomainError {
  const error = publicError(thrown);
  failSpan(error?.facts.reason ?? 'INTERNAL');
  if (error !== null) {
    if (error.reason === 'UNAVAILABLE') log.error('dependency unavailable', { path }, thrown);
    return error;
  }
  // Without tracing it is still an id by which the log line is found.
  const trace = currentTraceId() ?? randomBytes(TRACE_ID_BYTES).toString('hex');
  log.error('defect', { path, trace }, thrown);
  return commonErrors.INTERNAL({ trace });
}
