// What a caller of another service gets to catch.
import { status, type ServiceError } from '@grpc/grpc-js';
import { errorDetailsOf } from './error-details.ts';

/** A call that another service answered with an error. */
export class CallError extends Error {
  readonly code: status;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  constructor(path: string, error: ServiceError) {
    super(`${path}: ${status[error.code]}: ${error.details}`, { cause: error });
    this.name = 'CallError';
    this.code = error.code;
    const details = errorDetailsOf(error);
    this.reason = details.reason;
    this.metadata = details.metadata;
  }
}
