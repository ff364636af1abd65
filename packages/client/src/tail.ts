// Following an audit trail: the feed for a backend that acts on what happens in Valora.
import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { AuditRecord } from '@valora/contracts/valora/audit/v1/audit';
import { CallError } from './call-error.ts';
import type { CallSettings } from './stub.ts';

/** All that is needed of a client: `client.audit.invoicing`, for example. */
export interface AuditTail {
  tailAuditLog(request: { readonly afterSequence: bigint }, settings?: CallSettings): AsyncIterable<{ readonly record?: AuditRecord | undefined }>;
}

export interface TailOptions {
  /** The last sequence that was dealt with; 0 for all. */
  readonly afterSequence: bigint;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const RECONNECT_MS = 1_000;

/** Every record after a sequence, each once and in order, for as long as the signal lets it; streams that end are taken up where they ended. */
export async function* tailAudit(audit: AuditTail, { afterSequence, signal }: TailOptions): AsyncGenerator<AuditRecord, void, undefined> {
  let last = afterSequence;
  while (!signal.aborted) {
    try {
      for await (const { record } of audit.tailAuditLog({ afterSequence: last }, { signal })) {
        if (record === undefined) continue;
        yield record;
        last = record.sequence;
      }
    } catch (error) {
      if (signal.aborted) return;
      const passes = error instanceof CallError && (error.code === status.DEADLINE_EXCEEDED || error.code === status.UNAVAILABLE || ((error.code === status.INTERNAL || error.code === status.CANCELLED) && error.reason === ''));
      if (!passes) throw error;
      await delay(RECONNECT_MS, undefined, { signal }).catch(() => {});
    }
  }
}
