/**
 * Spans of our own, where a trace of calls and statements alone could not be read: a tick, a job, a turn, a step of a close, a group commit. The rule: names and
 * attributes say what and how many, never a credential, a body or a value from one. Without the SDK (see telemetry-preload.ts) all of this does nothing.
 */
import { context, isSpanContextValid, ROOT_CONTEXT, SpanStatusCode, trace, type Attributes, type Link, type Span, type SpanContext } from '@opentelemetry/api';
import { CallError } from '@valora/client/call';
import { DomainError } from './errors.ts';

export type SpanAttributes = Attributes;

const tracer = trace.getTracer('valora');

/** Runs `work` in a span below the active one; it may add attributes when it knows them. What it throws marks the span and goes on. */
export async function inSpan<T>(name: string, attributes: SpanAttributes, work: (describe: (more: SpanAttributes) => void) => Promise<T>): Promise<T> {
  return await tracer.startActiveSpan(name, { attributes }, (span) => ended(span, work));
}

/** The same in a trace of its own that names the spans it works for; each of those names this one in turn. At most LINKS_MAX are named. */
export async function inLinkedSpan<T>(name: string, { attributes, linked }: { attributes: SpanAttributes; linked: readonly Span[] }, work: () => Promise<T>): Promise<T> {
  const named = linked.slice(0, LINKS_MAX);
  const links: Link[] = named.map((span) => ({ context: span.spanContext() }));
  return await tracer.startActiveSpan(name, { root: true, attributes, links }, ROOT_CONTEXT, (span) => {
    for (const each of named) each.addLink({ context: span.spanContext() });
    return ended(span, work);
  });
}

const LINKS_MAX = 128;

async function ended<T>(span: Span, work: (describe: (more: SpanAttributes) => void) => Promise<T>): Promise<T> {
  try {
    return await work((more) => void span.setAttributes(more));
  } catch (error) {
    span.setAttribute('error.type', errorType(error));
    span.setStatus({ code: SpanStatusCode.ERROR }); // without the message, which may hold what a caller sent
    throw error;
  } finally {
    span.end();
  }
}

/** A reason of the documented table, or the kind of error. */
function errorType(error: unknown): string {
  if (error instanceof DomainError) return error.facts.reason;
  if (error instanceof CallError && error.reason !== '') return error.reason;
  return error instanceof Error ? error.name : 'unknown';
}

/** The span that is open here, if somebody records it. */
export function recordingSpan(): Span | null {
  const span = trace.getActiveSpan();
  return span?.isRecording() === true ? span : null;
}

/** Adds attributes to the span that is open here. */
export function describeSpan(attributes: SpanAttributes): void {
  trace.getActiveSpan()?.setAttributes(attributes);
}

/** Notes the reason on the span of a call that is refused or failed; its status follows from the call's. */
export function failSpan(reason: string): void {
  trace.getActiveSpan()?.setAttribute('valora.error.reason', reason);
}

/** The trace and span that are open here; null without one. */
export function currentSpanContext(): SpanContext | null {
  const found = trace.getSpanContext(context.active());
  return found !== undefined && isSpanContextValid(found) ? found : null;
}

/** 32 hexadecimal digits; null without a trace. */
export function currentTraceId(): string | null {
  return currentSpanContext()?.traceId ?? null;
}
