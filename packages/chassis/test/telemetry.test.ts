/** What a log line and an error say of the trace they belong to, and what tracing costs nobody who has not switched it on. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { context, trace, TraceFlags } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commonErrors } from '../src/errors.ts';
import { createLog } from '../src/log.ts';
import { shown } from '../src/rpc.ts';
import { currentTraceId, inSpan } from '../src/span.ts';

// Without exporter and spans: the context that the SDK keeps is all these tests need.
const sdk = new NodeSDK({ instrumentations: [], spanProcessors: [], logRecordProcessors: [], metricReaders: [] });
beforeAll(() => sdk.start());
afterAll(() => sdk.shutdown());

const preload = fileURLToPath(new URL('../src/telemetry-preload.ts', import.meta.url));

/** Runs `work` where a span with new ids is open, and answers what was logged there. */
function within(work: (log: ReturnType<typeof createLog>) => void): { readonly traceId: string; readonly spanId: string; readonly lines: readonly Record<string, unknown>[] } {
  const span = { traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex'), traceFlags: TraceFlags.SAMPLED };
  const lines: string[] = [];
  context.with(trace.setSpanContext(context.active(), span), () => work(createLog('lab', (line) => void lines.push(line))));
  expect(lines.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).toBe(true);
  return { traceId: span.traceId, spanId: span.spanId, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('a line has time, level, service and message first, then trace and span, and no field may pass for one of them', () => {
  const { traceId, spanId, lines } = within((log) => log.warn('Two\nlines.', { organization: 'o', level: 'forged', service: 'forged', time: 'forged', trace_id: 'forged' }));
  expect(Object.keys(lines[0] ?? {}).slice(0, 4)).toEqual(['time', 'level', 'service', 'message']);
  expect(lines).toEqual([{ time: expect.stringMatching(/^\d{4}-.*Z$/), level: 'warn', service: 'lab', message: 'Two\nlines.', organization: 'o', trace_id: traceId, span_id: spanId }]);
});

test('without a span there is no trace in a line, not even an empty one', () => {
  const lines: string[] = [];
  createLog('lab', (line) => void lines.push(line)).info('Alone.');
  expect(Object.keys(JSON.parse(lines[0] ?? '') as object)).toEqual(['time', 'level', 'service', 'message']);
});

test('a defect is shown and logged by the id of its trace, and by an id of its own where none is', () => {
  let metadata: Readonly<Record<string, string>> = {};
  const { traceId, lines } = within((log) => { metadata = shown(new Error('It broke.'), '/a.v1.Books/Open', log).facts.metadata ?? {}; });
  expect([metadata, lines[0]]).toEqual([{ trace: traceId }, expect.objectContaining({ level: 'error', message: 'defect', path: '/a.v1.Books/Open', trace: traceId, trace_id: traceId, error: expect.stringContaining('It broke.') })]);

  const logged: string[] = [];
  const alone = shown(new Error('It broke.'), '/a.v1.Books/Open', createLog('lab', (line) => void logged.push(line)));
  expect(alone.facts.metadata?.['trace']).toMatch(/^[0-9a-f]{32}$/);
  expect(logged[0]).toContain(`"trace":"${alone.facts.metadata?.['trace']}"`);
});

test('a refusal is no defect: nothing is logged', () => {
  const { lines } = within((log) => { shown(commonErrors.DEADLINE_EXCEEDED(), '/a.v1.Books/Open', log); });
  expect(lines).toEqual([]);
});

test('what is thrown in a span goes on, and what it gives comes back', async () => {
  await expect(inSpan('a', {}, () => Promise.reject(new Error('It broke.')))).rejects.toThrow('It broke.');
  expect(await inSpan('a', {}, async () => 7)).toBe(7);
  expect(currentTraceId()).toBe(null);
});

test.each([
  ['nothing is set', {}, 0], ['its endpoint is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, 0],
  ['the SDK is switched off', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' }, 0],
  ['an endpoint is set', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }, 1],
  ['an endpoint for traces is set', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1' }, 1],
])('when %s, %j, the SDK is loaded %i times', (_when, variables, times) => {
  // The SDK leaves its mark in the global API.
  const script = "const { trace } = await import('@opentelemetry/api'); console.log(trace.getTracerProvider().getDelegate().constructor.name === 'NoopTracerProvider' ? 0 : 1)";
  const { OTEL_EXPORTER_OTLP_ENDPOINT: _one, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: _two, ...environment } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=development', '--import', preload, '--input-type=module', '-e', script], { cwd: fileURLToPath(new URL('..', import.meta.url)), env: { ...environment, ...variables }, encoding: 'utf8' });
  expect([stdout.trim(), stderr]).toEqual([String(times), '']);
});
