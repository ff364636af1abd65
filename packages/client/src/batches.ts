// Events cut into requests that RecordUsage takes: a number of events, and never more bytes than a request may have.
import type { UsageEvent } from '@valora/contracts/valora/metering/v1/usage';

/** Below the 4 MiB of RecordUsage. */
const BATCH_BYTES_MAX = 4_000_000;
const EVENT_BYTES = 64;
const PROPERTY_BYTES = 16;
const UTF8_BYTES_MAX = 3;

/** Pulls the next event only when the batch it will be in is asked for. */
export async function* batchesOf<Event extends UsageEvent>(events: Iterable<Event> | AsyncIterable<Event>, batchSize: number): AsyncGenerator<readonly Event[], void, undefined> {
  let batch: Event[] = [];
  let bytes = 0;
  for await (const event of events) {
    const eventBytes = bytesAtMost(event);
    if (batch.length > 0 && bytes + eventBytes > BATCH_BYTES_MAX) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(event);
    bytes += eventBytes;
    if (batch.length === batchSize) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
  }
  if (batch.length > 0) yield batch;
}

/** At least what the event takes when encoded; cheaper than encoding it. */
function bytesAtMost({ idempotencyKey, meter, customer, subscription, value, properties }: UsageEvent): number {
  let length = idempotencyKey.length + meter.length + customer.length + subscription.length + value.length;
  for (const [name, text] of properties) length += name.length + text.length + PROPERTY_BYTES;
  return EVENT_BYTES + length * UTF8_BYTES_MAX;
}
