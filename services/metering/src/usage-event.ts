/**
 * A usage event: that a customer used something, once, at a time.
 *
 * Reading an event from a request normalizes it, so that every way of writing one event has one content and one digest. Every event ever sent passes here: checks are
 * plain, stop at the first problem, and are so strict that nothing which passes can make the database refuse its whole batch. The trap: text that was invalid UTF-8
 * arrives with U+FFFD in it, and two different texts may then be alike, so U+FFFD is refused.
 */
import { hash } from 'node:crypto';
import { instantFromTimestamp, timestampFromInstant, type Timestamp } from '@valora/chassis';
import type { UsageEvent as UsageEventMessage } from '@valora/contracts/valora/metering/v1/usage';
import { parseDecimal, RatingError, usageEventContent, type Decimal, type Instant, type UsageEvent } from '@valora/rating';
import { correctionToProto, type Correction } from './usage-correction.ts';
import { fieldInvalid, METER_UNKNOWN, VALUE_BELOW_ZERO, type EventRefusal } from './errors.ts';
import { needsValue, PROPERTY_NAME_LENGTH_MAX, PROPERTY_VALUE_LENGTH_MAX, type Meter, type MetersByCode } from './meter.ts';

/** An event that may be recorded, as far as it can be told without the database. */
export interface Candidate {
  readonly event: UsageEvent;
  /** SHA-256 of the event's content. */
  readonly contentDigest: Buffer;
  /** Characters of key and content: what the event weighs in a batch. */
  readonly weight: number;
}

export type ReadEvent = { readonly kind: 'CANDIDATE'; readonly candidate: Candidate } | { readonly kind: 'REFUSED'; readonly refusal: EventRefusal };

/** A stored event, and what was recorded about it since. */
export interface RecordedEvent {
  readonly event: UsageEvent;
  readonly recordedTime: Instant;
  readonly void: Correction | null;
  readonly release: Correction | null;
}

const PROPERTIES_MAX = 50;
const REFERENCE = /^[\x21-\x7e]{1,128}$/;
/** Control characters, lone surrogates and U+FFFD. */
const NOT_TEXT = /[\p{Cc}\p{Cs}\uFFFD]/u;
const REFERENCE_RULE = 'Must be 1 to 128 printable ASCII characters without spaces.';

/** Reads an event of a request; the first problem refuses it. */
export function readUsageEvent(message: UsageEventMessage, meters: MetersByCode): ReadEvent {
  const { idempotencyKey, meter: meterCode, customer, subscription, properties } = message;
  if (!REFERENCE.test(idempotencyKey)) return refused(fieldInvalid('idempotency_key', REFERENCE_RULE));
  const meter = meters.get(meterCode);
  if (meter === undefined) return refused(METER_UNKNOWN);
  if (!REFERENCE.test(customer)) return refused(fieldInvalid('customer', REFERENCE_RULE));
  if (subscription !== '' && !REFERENCE.test(subscription)) return refused(fieldInvalid('subscription', `${REFERENCE_RULE} Or empty.`));
  const eventTime = readEventTime(message.eventTime);
  if (eventTime === null) return refused(fieldInvalid('event_time', 'Must be given and lie in the years 0001 to 9999, with nanos in 0 … 999999999.'));
  const value = readValue(message.value, meter);
  if (value !== null && typeof value === 'object') return refused(value);
  const problem = propertiesProblem(properties);
  if (problem !== null) return refused(fieldInvalid('properties', problem));
  const subscriptionReference = subscription === '' ? null : subscription;
  const content = { meterCode, customerReference: customer, subscriptionReference, eventTime, value, properties: Object.fromEntries(properties) };
  return { kind: 'CANDIDATE', candidate: candidateOf({ idempotencyKey, ...content }) };
}

export function candidateOf(event: UsageEvent): Candidate {
  const content = usageEventContent(event);
  return { event, contentDigest: hash('sha256', content, 'buffer'), weight: event.idempotencyKey.length + content.length };
}

function refused(refusal: EventRefusal): ReadEvent {
  return { kind: 'REFUSED', refusal };
}

function readEventTime(timestamp: Timestamp | undefined): Instant | null {
  if (timestamp === undefined) return null;
  try {
    return instantFromTimestamp(timestamp);
  } catch {
    return null; // out of range, the only way it fails
  }
}

function readValue(text: string, meter: Meter): Decimal | null | EventRefusal {
  if (text === '') return needsValue(meter) ? fieldInvalid('value', `Must be given: the meter's aggregation is ${meter.aggregation}.`) : null;
  try {
    const value = parseDecimal(text);
    return value.startsWith('-') && !meter.takesNegativeValues ? VALUE_BELOW_ZERO : value;
  } catch (error) {
    if (!(error instanceof RatingError)) throw error;
    return fieldInvalid('value', error.message);
  }
}

function propertiesProblem(properties: ReadonlyMap<string, string>): string | null {
  if (properties.size > PROPERTIES_MAX) return `Must have at most ${PROPERTIES_MAX} entries.`;
  for (const [name, value] of properties) {
    if (name === '__proto__') return 'Must not have the name __proto__, which JavaScript clients lose on the way.';
    if (name === '' || name.length > PROPERTY_NAME_LENGTH_MAX) return `Names must have 1 to ${PROPERTY_NAME_LENGTH_MAX} characters.`;
    if (value.length > PROPERTY_VALUE_LENGTH_MAX) return `Values must have at most ${PROPERTY_VALUE_LENGTH_MAX} characters.`;
    if (NOT_TEXT.test(name) || NOT_TEXT.test(value)) return 'Names and values must be valid UTF-8 without control characters.';
  }
  return null;
}

export function usageEventToProto({ event, recordedTime, void: voided, release }: RecordedEvent): UsageEventMessage {
  const { idempotencyKey, meterCode, customerReference, subscriptionReference, eventTime, value, properties } = event;
  return {
    idempotencyKey, meter: meterCode, customer: customerReference, subscription: subscriptionReference ?? '', value: value ?? '', properties: new Map(Object.entries(properties)),
    eventTime: timestampFromInstant(eventTime), recordedTime: timestampFromInstant(recordedTime),
    void: voided === null ? undefined : correctionToProto(voided), release: release === null ? undefined : correctionToProto(release),
  };
}
