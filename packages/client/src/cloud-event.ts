// CloudEvents 1.0 as they arrive: a JSON document, a batch of them, or an HTTP request in any of the three modes of its binding.
// Nothing is filled in. An event without a time has none, and numbers keep their digits: a usage event that was made of a
// guessed time or of a rounded number would be billed. https://github.com/cloudevents/spec/tree/v1.0.2/cloudevents
import { isObject, parseExactJson } from './exact-json.ts';

/**
 * An event by the names of its JSON format: the attributes, and `data` or `data_base64`. What was read by cloudEventFromJson and
 * its like has numbers as NumberText; an event made in code gives them as text or bigint. Objects of the `cloudevents` package
 * are taken too, though it fills in what an event lacks when it reads one.
 */
export interface CloudEvent {
  readonly id?: unknown;
  readonly source?: unknown;
  readonly specversion?: unknown;
  readonly type?: unknown;
  readonly subject?: unknown;
  /** RFC 3339. */
  readonly time?: unknown;
  readonly datacontenttype?: unknown;
  readonly data?: unknown;
  readonly data_base64?: unknown;
  /** Extension attributes. */
  readonly [attribute: string]: unknown;
}

/** An event that can't be read or can't become a usage event. Another try ends the same way. */
export class CloudEventRefused extends Error {
  override readonly name = 'CloudEventRefused';
  /** The attribute, or the member of data: `subject`, `data.tokens`. Empty for the whole. */
  readonly attribute: string;
  constructor(attribute: string, message: string) {
    super(message);
    this.attribute = attribute;
  }
}

/** One event in the JSON format (`application/cloudevents+json`). Throws CloudEventRefused. */
export function cloudEventFromJson(document: string): CloudEvent {
  const event = parseDocument(document);
  if (!isObject(event)) throw new CloudEventRefused('', 'An event must be a JSON object.');
  return event;
}

/**
 * A batch in the JSON format (`application/cloudevents-batch+json`); it may be empty. An element that is no event is refused when it is
 * made a usage event of, like any other that can't become one, and leaves its neighbours alone. Throws CloudEventRefused.
 */
export function cloudEventsFromJson(document: string): CloudEvent[] {
  const events = parseDocument(document);
  if (!Array.isArray(events)) throw new CloudEventRefused('', 'A batch must be a JSON array of events.');
  return events as CloudEvent[];
}

export interface CloudEventRequest {
  /** As Node gives them, or any iterable of pairs, such as the Headers of `fetch`. Names in any case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>> | Iterable<readonly [string, string]>;
  readonly body: Uint8Array | string;
}

const ATTRIBUTE_HEADER = 'ce-';
/** Attributes have such names, and none is `data`. Other headers with the prefix are somebody else's. */
const ATTRIBUTE_HEADERS = /^ce-(?!data$)[a-z0-9]+$/;
const BATCHED = 'application/cloudevents-batch';
const STRUCTURED = 'application/cloudevents';

/** The events of an HTTP request: one in the structured and the binary mode, any number in the batched one. Throws CloudEventRefused. */
export function cloudEventsFromHttp({ headers, body }: CloudEventRequest): CloudEvent[] {
  const given = headerValues(headers);
  const contentType = given.get('content-type') ?? '';
  const mediaType = mediaTypeOf(contentType);
  if (mediaType.startsWith(STRUCTURED)) {
    if (!mediaType.endsWith('+json')) throw new CloudEventRefused('datacontenttype', `The event format ${mediaType} is not known. Send the JSON format, ${STRUCTURED}+json or ${BATCHED}+json.`);
    return mediaType.startsWith(BATCHED) ? cloudEventsFromJson(bodyText(body)) : [cloudEventFromJson(bodyText(body))];
  }
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of given) {
    if (ATTRIBUTE_HEADERS.test(name)) attributes[name.slice(ATTRIBUTE_HEADER.length)] = attributeFromHeader(name, value);
  }
  // In this mode the content type is Content-Type and nothing else.
  const event = { ...attributes, datacontenttype: contentType === '' ? undefined : contentType };
  if (body.length === 0) return [event];
  return [{ ...event, data: isJsonType(contentType) ? parseDocument(bodyText(body), 'data') : body }];
}

/** Whether a content type declares JSON: its subtype is `json` or ends with `+json`. */
export function isJsonType(contentType: string): boolean {
  return /^[^/]+\/(?:.*\+)?json$/.test(mediaTypeOf(contentType));
}

function mediaTypeOf(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** Reads a JSON text that an event holds or is. Throws CloudEventRefused. */
export function parseDocument(document: string, attribute = ''): unknown {
  try {
    return parseExactJson(document);
  } catch (error) {
    throw new CloudEventRefused(attribute, `${attribute === '' ? 'The event' : `"${attribute}"`} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Bytes as text. Throws CloudEventRefused at bytes that are no UTF-8, which a lenient reader would turn into others. */
export function textOfBytes(bytes: Uint8Array, attribute: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CloudEventRefused(attribute, `${attribute === '' ? 'The event' : `"${attribute}"`} is not valid UTF-8.`);
  }
}

function bodyText(body: Uint8Array | string): string {
  return typeof body === 'string' ? body : textOfBytes(body, '');
}

function headerValues(headers: CloudEventRequest['headers']): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const pairs: Iterable<readonly [string, string | readonly string[] | undefined]> = isIterable(headers) ? headers : Object.entries(headers);
  for (const [name, given] of pairs) {
    const lower = name.toLowerCase();
    const values = given === undefined ? [] : typeof given === 'string' ? [given] : given;
    if (ATTRIBUTE_HEADERS.test(lower) && (values.length > 1 || (values.length > 0 && found.has(lower)))) throw new CloudEventRefused(lower.slice(ATTRIBUTE_HEADER.length), `The header ${lower} must be given once.`);
    if (values[0] !== undefined) found.set(lower, values[0]);
  }
  return found;
}

function isIterable(headers: CloudEventRequest['headers']): headers is Iterable<readonly [string, string]> {
  return Symbol.iterator in headers;
}

/** Undoes double quotes and then one round of percent-encoding (HTTP binding, 3.1.3.2). A % before anything but two hexadecimal digits stays: some senders don't encode it. */
function attributeFromHeader(name: string, value: string): string {
  const attribute = name.slice(ATTRIBUTE_HEADER.length);
  const trimmed = value.trim();
  if (/[^\x20-\x7e]/.test(trimmed)) throw new CloudEventRefused(attribute, `The header ${name} holds characters that must be percent-encoded as UTF-8.`);
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(trimmed);
  const plain = quoted === null ? trimmed : (quoted[1] ?? '').replace(/\\(.)/g, '$1');
  return plain.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      throw new CloudEventRefused(attribute, `The header ${name} is percent-encoded, but not as UTF-8.`);
    }
  });
}
