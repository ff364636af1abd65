// From errors to what goes over the wire: the canonical code, a message, and google.rpc details in the trailer
// `grpc-status-details-bin`. Metadata values are cut to a bounded length, since they may echo what a caller sent.
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { CallError, DETAILS_TRAILER } from '@valora/client/call';
import { BadRequest, ErrorInfo, RetryInfo } from '@valora/contracts/google/rpc/error_details';
import { Status } from '@valora/contracts/google/rpc/status';
import { DatabaseUnavailable } from './database-errors.ts';
import { commonErrors, DomainError } from './errors.ts';

const MESSAGE_LENGTH_MAX = 2_000;
const VIOLATIONS_MAX = 20;

/** The error a caller gets to see for anything that was thrown; null for a bug, which is logged and shown as INTERNAL. */
export function publicError(thrown: unknown): DomainError | null {
  if (thrown instanceof DomainError) return thrown;
  if (thrown instanceof DatabaseUnavailable) return commonErrors.UNAVAILABLE();
  if (thrown instanceof CallError) {
    if (thrown.code === status.DEADLINE_EXCEEDED) return commonErrors.DEADLINE_EXCEEDED();
    if (thrown.code === status.CANCELLED) return commonErrors.CANCELLED();
    // INTERNAL without a reason is the transport's word: a connection that broke under the call.
    if (thrown.code === status.INTERNAL && thrown.reason === '') return commonErrors.UNAVAILABLE();
    if (thrown.code === status.UNAVAILABLE || thrown.code === status.RESOURCE_EXHAUSTED) return commonErrors.UNAVAILABLE();
  }
  return null;
}

function cut(text: string): string {
  return text.length <= MESSAGE_LENGTH_MAX ? text : `${text.slice(0, MESSAGE_LENGTH_MAX)}…`;
}

export function statusOf(error: DomainError): StatusObject {
  const { facts } = error;
  const metadata = new Map(Object.entries(facts.metadata ?? {}).map(([key, value]) => [key, cut(value)]));
  const details = [
    { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: bytes(ErrorInfo.encode({ reason: facts.reason, domain: facts.domain, metadata }).finish()) },
  ];
  if (facts.fieldViolations !== undefined) {
    const fieldViolations = facts.fieldViolations.slice(0, VIOLATIONS_MAX).map((violation) => ({ ...violation, field: cut(violation.field), description: cut(violation.description) }));
    details.push({ typeUrl: 'type.googleapis.com/google.rpc.BadRequest', value: bytes(BadRequest.encode({ fieldViolations }).finish()) });
  }
  if (facts.retryDelayMs !== undefined) {
    const retryDelay = { seconds: BigInt(Math.floor(facts.retryDelayMs / 1000)), nanos: (facts.retryDelayMs % 1000) * 1_000_000 };
    details.push({ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: bytes(RetryInfo.encode({ retryDelay }).finish()) });
  }
  const message = cut(facts.message);
  const trailer = new Metadata();
  trailer.set(DETAILS_TRAILER, bytes(Status.encode({ code: status[facts.code], message, details }).finish()));
  return { code: status[facts.code], details: message, metadata: trailer };
}

function bytes(encoded: Uint8Array): Buffer {
  return Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
}
