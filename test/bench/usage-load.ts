// Usage to send: events of one meter and many customers, made before the clock runs, as the encoded requests that Valora is sent and as the parameters of the bare
// statement, so that neither side pays for making them.
import { hash, randomBytes } from 'node:crypto';
import { timestampFromInstant } from '@valora/chassis';
import { RecordUsageRequest, type UsageEvent as UsageEventMessage } from '@valora/contracts/valora/metering/v1/usage';
import { instant, parseDecimal, usageEventContent, type UsageEvent } from '@valora/rating';

/** Keys that follow the time of the event, as UUID version 7 and other sortable ids do, or keys by chance, as UUID version 4. */
export type KeyOrder = 'ordered' | 'random';

export const METER = 'requests';
export const CUSTOMERS = 1_000;
const PROPERTIES = { region: 'eu-central-1' };
const VALUE_MAX = 1_000_000;
const MICROS_PER_MS = 1000n;

/** Events that happened about now. `sequence` goes on from call to call, so that no key comes twice. */
export function createEvents(keyOrder: KeyOrder): (count: number) => UsageEvent[] {
  let sequence = 0;
  return (count) => Array.from({ length: count }, (): UsageEvent => {
    sequence += 1;
    const nowMs = Date.now();
    return {
      idempotencyKey: keyOrder === 'ordered' ? orderedKey(nowMs, sequence) : randomKey(),
      meterCode: METER,
      customerReference: `customer-${sequence % CUSTOMERS}`,
      subscriptionReference: null,
      eventTime: instant(BigInt(nowMs) * MICROS_PER_MS),
      value: parseDecimal(String((sequence * 7_919) % VALUE_MAX)),
      properties: PROPERTIES,
    };
  });
}

/** Of the length of a UUID: milliseconds, a counter, chance. */
export function orderedKey(timeMs: number, sequence: number): string {
  const time = timeMs.toString(16).padStart(12, '0');
  const counter = sequence.toString(16).padStart(8, '0').slice(-8);
  const chance = randomBytes(6).toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-${counter.slice(0, 4)}-${counter.slice(4)}-${chance}`;
}

function randomKey(): string {
  const chance = randomBytes(16).toString('hex');
  return `${chance.slice(0, 8)}-${chance.slice(8, 12)}-${chance.slice(12, 16)}-${chance.slice(16, 20)}-${chance.slice(20)}`;
}

export interface UsageRequest {
  readonly bytes: Buffer;
  readonly eventCount: number;
}

export function encodeRequests(events: readonly UsageEvent[], batchSize: number): UsageRequest[] {
  return messagesOf(events, batchSize).map((batch) => ({ eventCount: batch.length, bytes: Buffer.from(RecordUsageRequest.encode({ events: batch }).finish()) }));
}

export function messagesOf(events: readonly UsageEvent[], batchSize: number): UsageEventMessage[][] {
  return inBatches(events, batchSize).map((batch) => batch.map(({ idempotencyKey, meterCode, customerReference, eventTime, value }) => ({
    idempotencyKey, meter: meterCode, customer: customerReference, subscription: '', eventTime: timestampFromInstant(eventTime), value: value ?? '', properties: new Map(Object.entries(PROPERTIES)),
  })));
}

/** Parameters of the bare statement: arrays as PostgreSQL writes them. */
export function encodeParameters(events: readonly UsageEvent[], batchSize: number): (readonly string[])[] {
  return inBatches(events, batchSize).map((batch) => [
    array(batch.map(({ idempotencyKey }) => idempotencyKey)),
    array(batch.map((event) => `"\\\\x${hash('sha256', usageEventContent(event), 'hex')}"`)),
    array(batch.map(({ meterCode }) => meterCode)),
    array(batch.map(({ customerReference }) => customerReference)),
    array(batch.map(() => 'NULL')),
    array(batch.map(({ eventTime }) => String(eventTime))),
    array(batch.map(({ value }) => value ?? 'NULL')),
    array(batch.map(({ properties }) => JSON.stringify(JSON.stringify(properties)))),
  ]);
}

function array(items: readonly string[]): string {
  return `{${items.join(',')}}`;
}

function inBatches<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, batch) => items.slice(batch * size, (batch + 1) * size));
}
