/**
 * Tracing, switched on by the standard variables of OpenTelemetry: `node --import @valora/chassis/telemetry …`. Loaded before everything else, because gRPC and
 * PostgreSQL are patched as they are loaded. Without OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) nothing more than this file is read.
 */
import { env } from 'node:process';

const wanted = [env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'], env['OTEL_EXPORTER_OTLP_ENDPOINT']].some((endpoint) => endpoint !== undefined && endpoint !== '');
if (wanted && env['OTEL_SDK_DISABLED']?.toLowerCase() !== 'true') {
  const { startTracing } = await import('./tracing.ts');
  startTracing();
}
