// Logging: one JSON object a line on standard error, with the trace and span it belongs to where there is one. Fields are chosen by
// the code that logs; requests, credentials and bodies are never among them. docs/reference/telemetry.md lists the fields.
import { currentSpanContext } from './span.ts';

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** `warn` for what the service copes with and an operator may want to know; `error` for what somebody should look at. */
export type LogLevel = 'info' | 'warn' | 'error';

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields, cause?: unknown): void;
  error(message: string, fields?: LogFields, cause?: unknown): void;
}

export function createLog(service: string, write: (line: string) => void = (line) => void process.stderr.write(line)): Log {
  const entry = (level: LogLevel, message: string, fields: LogFields, cause?: unknown): void => {
    const error = cause === undefined ? {} : { error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) };
    const span = currentSpanContext();
    const trace = span === null ? {} : { trace_id: span.traceId, span_id: span.spanId };
    const head = { time: new Date().toISOString(), level, service, message };
    // Twice: first for the order of the line, last because no field of a caller may pass for one of these.
    write(`${JSON.stringify({ ...head, ...fields, ...head, ...trace, ...error })}\n`);
  };
  return {
    info: (message, fields = {}) => entry('info', message, fields),
    warn: (message, fields = {}, cause) => entry('warn', message, fields, cause),
    error: (message, fields = {}, cause) => entry('error', message, fields, cause),
  };
}
