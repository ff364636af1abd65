// The SDK of OpenTelemetry, for traces alone: calls and statements are recorded by its instrumentations, our own spans by span.ts, and all
// of them go to an OTLP collector in batches. Everything else (sampling, batch sizes, headers, certificates) is set by its standard
// variables.
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import { env } from 'node:process';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { withConventions } from './span-conventions.ts';

/** Nobody looks for these in a trace, and probes would fill it. */
const UNTRACED_METHODS = ['Check', 'Watch', 'List', 'ServerReflectionInfo'];
const SERVICE_MAIN = /\/services\/([a-z]+)\/(?:src|dist)\/main\.[jt]s$/;
const INSTRUMENTED_MODULES = ['@grpc/grpc-js', 'pg', 'pg-pool'];

/** Call it before anything is loaded that shall be traced. What is not yet sent when the process ends by itself is sent then. */
export function startTracing(): void {
  // Only these pass through the hook: with all modules the start takes a second longer.
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url, { data: { include: INSTRUMENTED_MODULES } });
  const sdk = withDefaults(() => {
    const made = new NodeSDK({
      serviceName: env['OTEL_SERVICE_NAME'] || serviceName(process.argv[1] ?? ''),
      traceExporter: withConventions(new OTLPTraceExporter()),
      instrumentations: [new GrpcInstrumentation({ ignoreGrpcMethods: UNTRACED_METHODS }), new PgInstrumentation({ requireParentSpan: true })],
      logRecordProcessors: [],
      metricReaders: [],
    });
    made.start();
    return made;
  });
  // No signal is handled here: draining is the service's own affair, and the loop runs empty after it.
  process.once('beforeExit', () => void sdk.shutdown().catch((error: unknown) => process.stderr.write(`${JSON.stringify({ level: 'warn', message: 'The last spans were lost.', error: String(error) })}\n`)));
}

/** Makes the SDK with our defaults for variables that are not set. The environment stays as it was: processes that this one starts have names of their own. */
function withDefaults<T>(start: () => T): T {
  const defaults = {
    // What the process was started with is nobody's business, and baggage of a caller is not passed on.
    OTEL_NODE_RESOURCE_DETECTORS: env['OTEL_NODE_RESOURCE_DETECTORS'] || 'env,host,serviceinstance',
    OTEL_PROPAGATORS: env['OTEL_PROPAGATORS'] || 'tracecontext',
    OTEL_RESOURCE_ATTRIBUTES: [`service.version=${version()}`, env['OTEL_RESOURCE_ATTRIBUTES'] ?? ''].filter((part) => part !== '').join(','),
  };
  const before = Object.keys(defaults).map((name) => [name, env[name]] as const);
  Object.assign(env, defaults);
  try {
    return start();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete env[name];
      else env[name] = value;
    }
  }
}

/** `valora-metering` for a service in a process of its own, `valora` for all in one. */
function serviceName(main: string): string {
  const [, service] = SERVICE_MAIN.exec(main.replaceAll('\\', '/')) ?? [];
  return service === undefined ? 'valora' : `valora-${service}`;
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string }).version;
}
