// Logging: one JSON object a line on standard error. Fields are chosen by the code that logs; requests, credentials and
// bodies are never among them.
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

export interface Log {
  info(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields, cause?: unknown): void;
}

export function createLog(service: string, write: (line: string) => void = (line) => void process.stderr.write(line)): Log {
  const entry = (level: string, message: string, fields: LogFields, cause?: unknown): void => {
    const error = cause === undefined ? {} : { error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) };
    write(`${JSON.stringify({ time: new Date().toISOString(), level, service, message, ...fields, ...error })}\n`);
  };
  return {
    info: (message, fields = {}) => entry('info', message, fields),
    error: (message, fields = {}, cause) => entry('error', message, fields, cause),
  };
}
