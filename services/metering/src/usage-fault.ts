/**
 * A usage fault: an event and its key that don't agree, though one statement stored both, or a void or release that doesn't lie where its key does.
 *
 * Three things say what an event is: its columns, the digest of its content beside them, and the key's row with that digest and the event's place. Whoever changes one
 * of them past the triggers leaves the others. The trap: the columns are believed least. They are what amounts are computed from, so they are what is worth changing.
 */
import type { UsageFault } from '@valora/contracts/valora/metering/v1/usage';

/** Where an event lies in its table. */
export interface EventPlace {
  readonly meterCode: string;
  readonly customerReference: string;
  readonly eventTime: bigint;
}

/** What is stored of one idempotency key, on either side; at least one side is there. */
export interface StoredUsage {
  readonly idempotencyKey: string;
  readonly event: (EventPlace & { readonly contentDigest: string; /** Of the columns as they are now. */ readonly derivedDigest: string }) | null;
  readonly key: (EventPlace & { readonly contentDigest: string }) | null;
}

/** The first thing wrong with it. Breaks off if nothing is. */
export function faultOf({ idempotencyKey, event, key }: StoredUsage): UsageFault {
  const fault = (column: string, storedValue: string | undefined, derivedValue: string | undefined): UsageFault => ({ idempotencyKey, column, storedValue, derivedValue });
  if (event === null) return fault('usage_event.content_digest', undefined, key?.contentDigest);
  if (event.contentDigest !== event.derivedDigest) return fault('usage_event.content_digest', event.contentDigest, event.derivedDigest);
  if (key?.contentDigest !== event.contentDigest) return fault('usage_key.content_digest', key?.contentDigest, event.contentDigest);
  if (key.meterCode !== event.meterCode) return fault('usage_key.meter_code', key.meterCode, event.meterCode);
  if (key.customerReference !== event.customerReference) return fault('usage_key.customer_reference', key.customerReference, event.customerReference);
  if (key.eventTime !== event.eventTime) return fault('usage_key.event_time', String(key.eventTime), String(event.eventTime));
  throw new Error(`nothing is wrong with event ${idempotencyKey}`);
}

export type CorrectionTable = 'usage_void' | 'usage_release';

/** A void or release, and where its key says that its event lies; null if the key is nobody's. */
export interface StoredCorrection extends EventPlace {
  readonly table: CorrectionTable;
  readonly idempotencyKey: string;
  readonly key: EventPlace | null;
}

/** What is wrong with where it lies, which is how it is found when usage is computed. Breaks off if nothing is. */
export function correctionFaultOf({ table, idempotencyKey, key, meterCode, customerReference, eventTime }: StoredCorrection): UsageFault {
  const fault = (column: string, storedValue: string, derivedValue: string | undefined): UsageFault => ({ idempotencyKey, column: `${table}.${column}`, storedValue, derivedValue });
  if (key === null) return fault('idempotency_key', idempotencyKey, undefined);
  if (key.meterCode !== meterCode) return fault('meter_code', meterCode, key.meterCode);
  if (key.customerReference !== customerReference) return fault('customer_reference', customerReference, key.customerReference);
  if (key.eventTime !== eventTime) return fault('event_time', String(eventTime), String(key.eventTime));
  throw new Error(`nothing is wrong with the row of event ${idempotencyKey} in ${table}`);
}
