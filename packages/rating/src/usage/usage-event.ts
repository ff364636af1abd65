/**
 * A usage event, normalized, and what identifies its content.
 *
 * An event's key says *which* event it is, its content says *what happened*; the same key with the same content is a
 * duplicate, with another content it is refused. The content is the canonical JSON of everything but the key, so two
 * ways of writing one event have one digest. A set of events has one digest too, whatever order they came in.
 * The trap: the set digest is unambiguous only because keys are printable ASCII (no zero byte, and text order is byte
 * order) and content digests are 32 bytes.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { canonicalString } from '../canonical/canonical-json.ts';
import { invariant } from '../errors.ts';
import type { Decimal } from '../number/decimal.ts';
import type { Instant } from '../time/instant.ts';

export interface UsageEvent {
  readonly idempotencyKey: string;
  readonly meterCode: string;
  readonly customerReference: string;
  readonly subscriptionReference: string | null;
  readonly eventTime: Instant;
  readonly value: Decimal | null;
  readonly properties: Readonly<Record<string, string>>;
}

export interface UsageSetEntry {
  readonly idempotencyKey: string;
  /** SHA-256 of the UTF-8 bytes of `usageEventContent`. */
  readonly contentDigest: Uint8Array;
}

const CONTENT_DIGEST_BYTES = 32;
const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;

/**
 * RFC 8785 text of the event without its key. The time is written as microseconds since 1970, so no calendar is needed
 * to hash an event. Written out by hand because every event ever received passes here; a law proves it equal to
 * `canonicalJson` of `usageEventContentJson`.
 */
export function usageEventContent(event: UsageEvent): string {
  return (
    `{"customer":${canonicalString(event.customerReference)}` +
    `,"event_time_micros":"${event.eventTime}"` +
    `,"meter":${canonicalString(event.meterCode)}` +
    `,"properties":${propertiesContent(event.properties)}` +
    `,"subscription":${event.subscriptionReference === null ? 'null' : canonicalString(event.subscriptionReference)}` +
    `,"value":${event.value === null ? 'null' : `"${event.value}"`}}`
  );
}

/**
 * SHA-256, in hexadecimal, over the entries in byte order of their keys: the key's bytes, a zero byte, the 32 bytes of
 * the content digest. The empty set has the digest of nothing. Any database that can sort by bytes computes the same.
 */
export function usageSetDigest(entries: Iterable<UsageSetEntry>): string {
  const sorted = [...entries].sort(byKey);
  const hash = sha256.create();
  let previousKey: string | null = null;
  for (const { idempotencyKey, contentDigest } of sorted) {
    invariant(PRINTABLE_ASCII.test(idempotencyKey), 'an idempotency key is not printable ASCII');
    invariant(contentDigest.length === CONTENT_DIGEST_BYTES, 'a content digest is not 32 bytes');
    invariant(idempotencyKey !== previousKey, `idempotency key ${idempotencyKey} occurs twice in one set of usage`);
    previousKey = idempotencyKey;
    hash.update(entryBytes(idempotencyKey, contentDigest));
  }
  return bytesToHex(hash.digest());
}

/** Printable ASCII is a byte a character; put together here, since the hash takes one piece faster than two. */
function entryBytes(key: string, contentDigest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(key.length + 1 + CONTENT_DIGEST_BYTES);
  for (let position = 0; position < key.length; position += 1) bytes[position] = key.charCodeAt(position);
  bytes.set(contentDigest, key.length + 1);
  return bytes;
}

function byKey(one: UsageSetEntry, other: UsageSetEntry): number {
  if (one.idempotencyKey === other.idempotencyKey) return 0;
  return one.idempotencyKey < other.idempotencyKey ? -1 : 1;
}

function propertiesContent(properties: Readonly<Record<string, string>>): string {
  const members = Object.entries(properties)
    .sort(([one], [other]) => (one < other ? -1 : 1)) // UTF-16 code units, as RFC 8785 asks; names are unique
    .map(([name, value]) => `${canonicalString(name)}:${canonicalString(value)}`);
  return `{${members.join(',')}}`;
}
