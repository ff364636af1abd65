/**
 * A correction of usage: a void or a release of one event, as a fact beside it.
 *
 * A void takes its event out of everything that is computed with knowledge from the void's recorded time on; a release lets in an event that is held because it came late.
 * Both are final and there is at most one of each for an event: whoever asks again gets the one that stands. The trap: a void wins. A voided event that is released
 * counts for nobody, so that is refused; one that was released and is then voided is voided.
 */
import { Fields, timestampFromInstant, type Timestamp } from '@valora/chassis';
import type { Instant } from '@valora/rating';

export type CorrectionKind = 'VOID' | 'RELEASE';

export interface Correction {
  readonly idempotencyKey: string;
  readonly reason: string;
  readonly recordedTime: Instant;
}

/** What a request asks for. */
export interface CorrectionOrder {
  readonly idempotencyKeys: readonly string[];
  readonly reason: string;
}

const KEYS_MAX = 1_000;
const REASON_LENGTH_MAX = 500;

export function parseCorrectionOrder({ requestId, idempotencyKeys, reason }: CorrectionOrder & { readonly requestId: string }): CorrectionOrder {
  const fields = new Fields();
  fields.requestId(requestId);
  fields.count('idempotency_keys', idempotencyKeys, { min: 1, max: KEYS_MAX });
  const seen = new Set<string>();
  idempotencyKeys.slice(0, KEYS_MAX).forEach((key, index) => {
    fields.reference(`idempotency_keys[${index}]`, key);
    if (seen.has(key)) fields.refuse(`idempotency_keys[${index}]`, 'REPEATED', 'Name each event once.');
    seen.add(key);
  });
  fields.text('reason', reason, { lengthMin: 1, lengthMax: REASON_LENGTH_MAX });
  fields.check();
  return { idempotencyKeys, reason };
}

export function correctionToProto({ recordedTime, ...correction }: Correction): Omit<Correction, 'recordedTime'> & { readonly recordedTime: Timestamp } {
  return { ...correction, recordedTime: timestampFromInstant(recordedTime) };
}
