// Reading the google.rpc details of an error that a call ended with.
import type { ServiceError } from '@grpc/grpc-js';
import { BadRequest, ErrorInfo, RetryInfo } from '@valora/contracts/google/rpc/error_details';
import { Status } from '@valora/contracts/google/rpc/status';

export const DETAILS_TRAILER = 'grpc-status-details-bin';

export interface FieldViolation {
  /** Path of the field in the request, as in the contract: `meter.filters[2].values`. */
  readonly field: string;
  /** UPPER_SNAKE. */
  readonly reason: string;
  /** What is wrong and how to mend it. */
  readonly description: string;
}

export interface ErrorDetails {
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fieldViolations: readonly FieldViolation[];
  readonly retryDelayMs: number | null;
}

/** Reads the details of an error that a call ended with; what is absent is empty. */
export function errorDetailsOf(error: Pick<ServiceError, 'metadata'>): ErrorDetails {
  let reason = '', domain = '', metadata: Readonly<Record<string, string>> = {}, retryDelayMs: number | null = null;
  let fieldViolations: ErrorDetails['fieldViolations'] = [];
  const raw = error.metadata?.get(DETAILS_TRAILER)[0];
  if (raw instanceof Buffer) {
    for (const { typeUrl, value } of Status.decode(raw).details) {
      if (typeUrl.endsWith('/google.rpc.ErrorInfo')) {
        const info = ErrorInfo.decode(value);
        ({ reason, domain } = info);
        metadata = Object.fromEntries(info.metadata);
      }
      if (typeUrl.endsWith('/google.rpc.BadRequest')) ({ fieldViolations } = BadRequest.decode(value));
      if (typeUrl.endsWith('/google.rpc.RetryInfo')) {
        const { retryDelay } = RetryInfo.decode(value);
        if (retryDelay !== undefined) retryDelayMs = Number(retryDelay.seconds) * 1000 + retryDelay.nanos / 1_000_000;
      }
    }
  }
  return { reason, domain, metadata, fieldViolations, retryDelayMs };
}
