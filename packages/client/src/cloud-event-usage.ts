// From a CloudEvent to a usage event. What makes it that event in CloudEvents, source and id, makes its key; so whoever sends one
// again, in whatever mode, records nothing twice. The trap is a convenience: a time that defaults to now, or a number that was read
// as binary floating point, would make another content of the same event at every try.
import { hash } from 'node:crypto';
import type { UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { CloudEventRefused, isJsonType, parseDocument, textOfBytes, type CloudEvent } from './cloud-event.ts';
import { isObject, NumberText } from './exact-json.ts';
import { timestampFromText, type Timestamp } from './timestamps.ts';

/**
 * Where a usage event's parts are. A place is `data` (all of it), `data.<member>` with dots into members of members, or the name of
 * an attribute.
 */
export interface CloudEventMapping {
  /** The meter by type. A type that isn't named here is the meter's code itself. */
  readonly meters?: ReadonlyMap<string, string>;
  /** The place of the value. Default `data.value`; where nothing is there the usage event has none. */
  readonly value?: string;
  /** The place of the value by type, where it isn't the one above. */
  readonly values?: ReadonlyMap<string, string>;
  /** The place of each property, by the property's name; none where nothing is there. */
  readonly properties?: ReadonlyMap<string, string>;
  /** The attribute with the reference of the subscription. Default `subscription`. */
  readonly subscription?: string;
}

const VALUE_DEFAULT = 'data.value';
const SUBSCRIPTION_DEFAULT = 'subscription';
const METER_CODE = /^[a-z][a-z0-9_.-]{0,63}$/;
const REFERENCE = /^[\x21-\x7e]{1,128}$/;
const ATTRIBUTE = /^[a-z0-9]+$/;
const PLACE = /^(?:data(?:\..+)?|[a-z0-9]+)$/s;
/** What the specification keeps out of attributes, and U+FFFD, which stands where something was lost. */
const NOT_TEXT = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\uFFFD]/u;

/**
 * The usage event's key: `ce_` and hex SHA-256 over the length of source in bytes of UTF-8, a colon, source and id. The length keeps
 * ("a b", "c") and ("a", "b c") apart. Always a digest, so that how long or odd an id is makes no difference.
 */
export function cloudEventKey(source: string, id: string): string {
  return `ce_${hash('sha256', `${Buffer.byteLength(source)}:${source}${id}`)}`;
}

/** Throws RangeError, which says what can't be. */
export function checkCloudEventMapping({ value, values, properties, subscription }: CloudEventMapping): void {
  const places = [...(value === undefined ? [] : [['value', value] as const]), ...[...values ?? []].map(([type, place]) => [`value of ${type}`, place] as const), ...[...properties ?? []].map(([name, place]) => [`property ${name}`, place] as const)];
  for (const [what, place] of places) if (!PLACE.test(place)) throw new RangeError(`The ${what} must be mapped to data, data.<member> or an attribute, not to "${place}".`);
  if (subscription !== undefined && !ATTRIBUTE.test(subscription)) throw new RangeError(`The subscription must be mapped to an attribute, not to "${subscription}".`);
}

/** Throws CloudEventRefused, which names the attribute and says how to mend it; RangeError for a mapping that can't be. */
export function usageEventFromCloudEvent(cloudEvent: CloudEvent, mapping: CloudEventMapping = {}): UsageEvent {
  checkCloudEventMapping(mapping);
  if (!isObject(cloudEvent)) throw new CloudEventRefused('', 'An event must be a JSON object.');
  const specversion = attribute(cloudEvent, 'specversion');
  if (specversion !== '1.0') throw new CloudEventRefused('specversion', specversion === undefined ? '"specversion" is missing. It must be "1.0".' : `"specversion" is "${shortened(specversion)}". It must be "1.0".`);
  const type = required(cloudEvent, 'type', 'It says which meter the usage is of.');
  const idempotencyKey = cloudEventKey(required(cloudEvent, 'source', 'With id it makes the key.'), required(cloudEvent, 'id', 'With source it makes the key.'));
  const data = lazyData(cloudEvent);
  const mapped = mapping.values?.get(type) ?? mapping.value;
  const properties = new Map<string, string>();
  for (const [name, at] of mapping.properties ?? []) {
    const text = textAt(cloudEvent, at, data);
    if (text !== undefined) properties.set(name, text);
  }
  return {
    idempotencyKey,
    meter: meterOf(type, mapping.meters),
    customer: reference('subject', required(cloudEvent, 'subject', 'It says which customer the usage is of.')),
    subscription: subscriptionOf(cloudEvent, mapping.subscription ?? SUBSCRIPTION_DEFAULT),
    eventTime: timeOf(cloudEvent),
    // What nobody said is in data may be anything: an event that is only counted needs no data that can be read.
    value: (mapped === undefined && data('lenient') === undefined ? undefined : textAt(cloudEvent, mapped ?? VALUE_DEFAULT, data)) ?? '',
    properties,
  };
}

function meterOf(type: string, meters: ReadonlyMap<string, string> | undefined): string {
  const meter = meters?.get(type);
  if (meter !== undefined) return meter;
  if (METER_CODE.test(type)) return type;
  throw new CloudEventRefused('type', `"type" is "${shortened(type)}", which is no meter's code (a-z, 0-9, _, -, ., at most 64, a letter first). Map it to a meter.`);
}

function subscriptionOf(cloudEvent: CloudEvent, name: string): string {
  const text = attribute(cloudEvent, name) ?? '';
  return text === '' ? '' : reference(name, text);
}

function timeOf(cloudEvent: CloudEvent): Timestamp {
  const text = attribute(cloudEvent, 'time');
  if (text === undefined || text === '') throw new CloudEventRefused('time', '"time" is missing. It must be when the usage happened (RFC 3339): when the event arrives says nothing about that.');
  try {
    return timestampFromText(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CloudEventRefused('time', `"time": ${error.message}`);
  }
}

function reference(name: string, text: string): string {
  if (!REFERENCE.test(text)) throw new CloudEventRefused(name, `"${name}" is "${shortened(text)}". It must be 1 to 128 printable ASCII characters without spaces.`);
  return text;
}

function required(cloudEvent: CloudEvent, name: string, why: string): string {
  const text = attribute(cloudEvent, name);
  if (text === undefined || text === '') throw new CloudEventRefused(name, `"${name}" is missing. ${why}`);
  return text;
}

/** An attribute that must be text; undefined where it is absent or null, which the JSON format has mean the same. */
function attribute(cloudEvent: CloudEvent, name: string): string | undefined {
  const value = memberOf(cloudEvent, name);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new CloudEventRefused(name, `"${name}" must be text.`);
  if (NOT_TEXT.test(value)) throw new CloudEventRefused(name, `"${name}" holds characters that an attribute may not hold: control characters, lone surrogates, or U+FFFD.`);
  return value;
}

/** Own members only: an attribute named `constructor` that nobody sent is absent. Objects of the `cloudevents` package have data as an accessor. */
function memberOf(object: object, name: string): unknown {
  const members = object as Readonly<Record<string, unknown>>;
  return Object.hasOwn(members, name) || name === 'data' || name === 'data_base64' ? members[name] : undefined;
}

type Data = (reading: 'strict' | 'lenient') => unknown;

/** The event's data as JSON, read when it is first asked for. What can't be read is refused, or undefined where the reading is lenient. */
function lazyData(cloudEvent: CloudEvent): Data {
  let read: { readonly value: unknown } | undefined;
  return (reading) => {
    try {
      read ??= { value: dataOf(cloudEvent) };
      return read.value;
    } catch (error) {
      if (reading === 'lenient' && error instanceof CloudEventRefused) return undefined;
      throw error;
    }
  };
}

function dataOf(cloudEvent: CloudEvent): unknown {
  const [data, base64, contentType] = [memberOf(cloudEvent, 'data'), memberOf(cloudEvent, 'data_base64'), attribute(cloudEvent, 'datacontenttype')];
  const isBinary = data instanceof Uint8Array;
  if (base64 === undefined || base64 === null) {
    if (data === undefined || data === null) return undefined;
    // Without a content type `data` is JSON; bytes are whatever they say.
    if (contentType === undefined ? !isBinary : isJsonType(contentType)) return isBinary ? parseDocument(textOfBytes(data, 'data'), 'data') : data;
  } else if (data === undefined || data === null || isBinary) {
    // The package above shows binary data both ways.
    const bytes = Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');
    // Node passes over what is no base64.
    if (bytes.toString('base64') !== base64) throw new CloudEventRefused('data_base64', '"data_base64" must be text in base64.');
    if (contentType !== undefined && isJsonType(contentType)) return parseDocument(textOfBytes(bytes, 'data_base64'), 'data_base64');
  } else {
    throw new CloudEventRefused('data_base64', '"data" and "data_base64" exclude each other.');
  }
  throw new CloudEventRefused('datacontenttype', `"datacontenttype" is ${contentType === undefined ? 'missing' : `"${shortened(contentType)}"`}. Only JSON, application/json for example, has members that can be mapped.`);
}

function textAt(cloudEvent: CloudEvent, place: string, data: Data): string | undefined {
  if (place === 'data') return textOf(place, data('strict'));
  if (place.startsWith('data.')) return textOf(place, valueAt(data('strict'), place.slice('data.'.length)));
  return textOf(place, memberOf(cloudEvent, place));
}

/** By its name, or by a path of names. */
function valueAt(value: unknown, path: string): unknown {
  if (!isObject(value)) return undefined;
  if (Object.hasOwn(value, path)) return value[path];
  const cut = path.indexOf('.');
  return cut < 0 || !Object.hasOwn(value, path.slice(0, cut)) ? undefined : valueAt(value[path.slice(0, cut)], path.slice(cut + 1));
}

function textOf(place: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (value instanceof NumberText) return value.text;
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') throw new CloudEventRefused(place, `"${place}" is a JavaScript number, which is binary floating point. Give text or a bigint, or read the event by cloudEventFromJson, which keeps the digits.`);
  throw new CloudEventRefused(place, `"${place}" must be text, a number or a boolean.`);
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
