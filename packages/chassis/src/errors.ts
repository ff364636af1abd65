// Errors that a caller can act on. A DomainError has a canonical gRPC code, a reason in UPPER_SNAKE that is unique in its
// domain, a message that says the fix, and metadata. Services declare theirs as a table (`defineErrors`) and throw them by
// name, so that the reference of reasons can be checked against the code. Everything else that is thrown is either an
// infrastructure error (converted at the edge, with advice to retry) or a bug (INTERNAL, logged with its stack).
import type { status } from '@grpc/grpc-js';
import type { FieldViolation } from '@valora/client/call';

export type ErrorCode = Exclude<keyof typeof status, 'OK'>;

export interface DomainErrorFacts {
  readonly code: ErrorCode;
  readonly domain: string;
  readonly reason: string;
  readonly message: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fieldViolations?: readonly FieldViolation[];
  /** Set where waiting helps. */
  readonly retryDelayMs?: number;
}

export class DomainError extends Error {
  readonly facts: DomainErrorFacts;
  constructor(facts: DomainErrorFacts) {
    super(facts.message);
    this.name = 'DomainError';
    this.facts = facts;
  }
  get reason(): string {
    return this.facts.reason;
  }
}

export interface ErrorDeclaration {
  readonly code: ErrorCode;
  /** The message; `{name}` is replaced by the metadata of that name. */
  readonly message: string;
  readonly retryDelayMs?: number;
}

export type ErrorTable = Readonly<Record<string, ErrorDeclaration>>;
export type ErrorsByName<Table extends ErrorTable> = {
  readonly [Reason in keyof Table]: (metadata?: Readonly<Record<string, string>>) => DomainError;
};

/** Turns a service's table of errors into functions that make them: `throw errors.METER_UNKNOWN({ meter })`. */
export function defineErrors<const Table extends ErrorTable>(domain: string, table: Table): ErrorsByName<Table> {
  const make = (reason: string, { code, message, retryDelayMs }: ErrorDeclaration) => {
    return (metadata: Readonly<Record<string, string>> = {}): DomainError =>
      new DomainError({
        code, domain, reason, metadata,
        message: message.replace(/\{(\w+)\}/g, (placeholder, name: string) => metadata[name] ?? placeholder),
        ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
      });
  };
  const byName = Object.fromEntries(Object.entries(table).map(([reason, declared]) => [reason, make(reason, declared)]));
  return byName as ErrorsByName<Table>;
}

/** The reasons that every service may answer with. */
export const commonErrorTable = {
  NOT_FOUND: { code: 'NOT_FOUND', message: 'There is no {resource} "{name}" in your organization. Check the {resource}, or create it first.' },
  ALREADY_EXISTS: { code: 'ALREADY_EXISTS', message: 'The {resource} "{name}" exists already. Choose another, or use the existing one.' },
  REQUEST_ID_REUSED: {
    code: 'ALREADY_EXISTS',
    message: 'request_id "{request_id}" was used before for another body. Use a new request_id for a new request.',
  },
  CREDENTIAL_MISSING: { code: 'UNAUTHENTICATED', message: 'No credential. Send the metadata `authorization: Bearer <API key>`.' },
  CREDENTIAL_INVALID: { code: 'UNAUTHENTICATED', message: 'The credential is unknown, malformed, expired or revoked. Create a new API key.' },
  SCOPE_MISSING: { code: 'PERMISSION_DENIED', message: 'The credential lacks the scope "{scope}". Use one that has it.' },
  ORGANIZATION_NAMED: { code: 'PERMISSION_DENIED', message: 'This call acts across organizations. Make it with a credential that names none.' },
  ORGANIZATION_MISSING: { code: 'PERMISSION_DENIED', message: 'This call acts for one organization. Make it with a credential that names it.' },
  REQUEST_TOO_LARGE: { code: 'INVALID_ARGUMENT', message: 'The request has {bytes} bytes; at most {bytes_max} are accepted. Send smaller batches.' },
  REQUEST_TOO_LONG: { code: 'INVALID_ARGUMENT', message: 'The request has {elements} elements; at most {elements_max} are read. Send smaller batches.' },
  REQUEST_MALFORMED: { code: 'INVALID_ARGUMENT', message: 'The request is no message of this rpc. Encode it with the code generated from the contract.' },
  OVERLOADED: { code: 'RESOURCE_EXHAUSTED', message: 'Too many calls at once. Try again after the given delay.', retryDelayMs: 200 },
  DEADLINE_EXCEEDED: { code: 'DEADLINE_EXCEEDED', message: 'The deadline passed before the answer was ready. Repeat with the same request_id or keys.' },
  CANCELLED: { code: 'CANCELLED', message: 'The call was cancelled.' },
  UNAVAILABLE: { code: 'UNAVAILABLE', message: 'Something the service needs cannot be reached now. Repeat with the same request_id or keys.', retryDelayMs: 500 },
  SERVER_STOPPING: { code: 'UNAVAILABLE', message: 'The server is about to stop and reads no more of this stream. Open another, and send again what was not acknowledged.', retryDelayMs: 100 },
  INTERNAL: { code: 'INTERNAL', message: 'A defect in Valora. It was logged under trace {trace}.' },
} as const satisfies ErrorTable;

export const commonErrors = defineErrors('valora', commonErrorTable);

/** The error of a request with bad fields: all of them at once. */
export function fieldInvalid(fieldViolations: readonly FieldViolation[]): DomainError {
  return new DomainError({
    code: 'INVALID_ARGUMENT', domain: 'valora', reason: 'FIELD_INVALID', fieldViolations,
    message: fieldViolations.map(({ field, description }) => `${field}: ${description}`).join(' '),
    metadata: { field: fieldViolations[0]?.field ?? '' },
  });
}
