// What a caller gets to catch, whatever went wrong with a call.
import { status, type ServiceError } from '@grpc/grpc-js';
import { errorDetailsOf, type FieldViolation } from './error-details.ts';

/** A call that ended with an error. Match on `reason` (UPPER_SNAKE; empty where gRPC itself failed), not on the text. */
export class CallError extends Error {
  /** `/valora.metering.v1.UsageService/RecordUsage` */
  readonly path: string;
  readonly code: status;
  /** What the server said: what is wrong and how to mend it. */
  readonly details: string;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** For FIELD_INVALID: what is wrong with each field. */
  readonly fieldViolations: readonly FieldViolation[];
  /** How long to wait before the same request is sent again; null where the server gave no advice. */
  readonly retryDelayMs: number | null;

  constructor(path: string, error: ServiceError) {
    super(`${path}: ${status[error.code]}: ${error.details}`, { cause: error });
    this.name = 'CallError';
    this.path = path;
    this.code = error.code;
    this.details = error.details;
    const { reason, metadata, fieldViolations, retryDelayMs } = errorDetailsOf(error);
    this.reason = reason;
    this.metadata = metadata;
    this.fieldViolations = fieldViolations;
    this.retryDelayMs = retryDelayMs;
  }
}
