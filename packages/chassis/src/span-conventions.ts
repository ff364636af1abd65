/**
 * Spans as the current semantic conventions name them (v1.44), made from what the instrumentations emit, which for gRPC are names of long before. On the way
 * everything goes that may hold what a caller sent: messages of errors, and literals in SQL. Parameters of statements are never recorded in the first place.
 */
import { SpanKind, SpanStatusCode, type Attributes } from '@opentelemetry/api';
import { status } from '@grpc/grpc-js';
import type { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';

type Spans = Parameters<OTLPTraceExporter['export']>[0];
type Span = Spans[number];
type Named = Pick<Span, 'name' | 'attributes' | 'status'>;
type Exporter = Pick<OTLPTraceExporter, 'export' | 'shutdown' | 'forceFlush'>;

/** What the conventions for gRPC count as the server's failure; the rest is the caller's. */
const SERVER_FAILURES: readonly status[] = [status.UNKNOWN, status.DEADLINE_EXCEEDED, status.UNIMPLEMENTED, status.INTERNAL, status.UNAVAILABLE, status.DATA_LOSS];
const OK: number = status.OK;
const LITERAL = /'(?:[^']|'')*'/g;
/** Behind the CTEs of a statement that changes something comes what it does. */
const OPERATION = /^\s*(?:with\b[\s\S]*?\b(?=(?:insert into|update|delete from)\b))?(\w+)/i;
const NAME = '((?:"?\\w+"?\\.)?"?[a-z_]\\w*"?)';
/** What an operation works on; a SELECT without a table calls a function. */
const TARGETS: Readonly<Record<string, readonly RegExp[]>> = {
  INSERT: [new RegExp(`\\binto\\s+${NAME}`, 'i')],
  UPDATE: [new RegExp(`\\bupdate\\s+${NAME}`, 'i')],
  DELETE: [new RegExp(`\\bfrom\\s+${NAME}`, 'i')],
  SELECT: [new RegExp(`\\bfrom\\s+${NAME}`, 'i'), new RegExp(`^\\s*select\\s+${NAME}\\s*\\(`, 'i')],
};

/** An exporter that sends every span under its current names. */
export function withConventions(exporter: Exporter): Exporter {
  return {
    export: (spans, done) => exporter.export(spans.map(conventional), done),
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush(),
  };
}

export function conventional(span: Span): Span {
  const named = span.attributes['rpc.system'] === 'grpc' ? rpcSpan(span) : span.attributes['db.system.name'] === 'postgresql' ? databaseSpan(span) : undefined;
  // The span keeps everything else, with its getters and methods.
  return named === undefined ? span : Object.create(span, Object.fromEntries(Object.entries(named).map(([name, value]) => [name, { value, enumerable: true }]))) as Span;
}

function rpcSpan({ attributes, kind }: Span): Named {
  const { 'rpc.system': _system, 'rpc.service': service, 'rpc.method': method, 'rpc.grpc.status_code': code, 'grpc.error_name': _name, 'grpc.error_message': _message, ...kept } = attributes;
  const fullMethod = `${String(service)}/${String(method)}`;
  const codeName = typeof code === 'number' ? status[code] ?? String(code) : undefined;
  const failed = typeof code === 'number' && code !== OK && (kind === SpanKind.CLIENT || SERVER_FAILURES.includes(code));
  return {
    name: fullMethod,
    attributes: {
      ...kept, 'rpc.system.name': 'grpc', 'rpc.method': fullMethod,
      ...(codeName === undefined ? {} : { 'rpc.status_code': codeName }),
      ...(failed && codeName !== undefined ? { 'error.type': codeName } : {}),
    },
    status: { code: failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
  };
}

function databaseSpan(span: Span): Named {
  const kept: Attributes = Object.fromEntries(Object.entries(span.attributes).filter(([name]) => !name.startsWith('db.postgresql.')));
  const { 'db.query.text': text } = kept;
  const { code } = span.status;
  if (typeof text !== 'string') return { name: span.name.replace(/^pg(-pool)?\./, 'postgresql '), attributes: kept, status: { code } };
  const operation = (OPERATION.exec(text)?.[1] ?? 'QUERY').toUpperCase();
  const target = (TARGETS[operation] ?? []).map((pattern) => pattern.exec(text)?.[1]).find((found) => found !== undefined);
  const summary = target === undefined ? operation : `${operation} ${target.replaceAll('"', '')}`;
  return {
    name: summary,
    attributes: { ...kept, 'db.operation.name': operation, 'db.query.summary': summary, 'db.query.text': text.replace(LITERAL, '?') },
    status: { code },
  };
}
