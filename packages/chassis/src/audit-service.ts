// The rpcs of the audit trail, the same in every service: each package has an AuditService of its own with messages of the
// same shape.
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditMetrics } from './audit-metrics.ts';
import { lastAuditSequence, listAuditRecords, type AuditRecord } from './audit.ts';
import type { CallContext } from './context.ts';
import { sqlOf, type Database, type PrismaTransaction } from './database.ts';
import { commonErrors } from './errors.ts';
import { Fields } from './fields.ts';
import { parsePage } from './page-token.ts';
import { timestampFromInstant, type Timestamp } from './timestamps.ts';

interface AuditRecordMessage extends Omit<AuditRecord, 'recordedTime'> {
  readonly recordedTime: Timestamp;
}

export interface AuditHandlers {
  listAuditRecords(context: CallContext, request: { readonly afterSequence: bigint; readonly pageSize: number }): Promise<{ records: AuditRecordMessage[] }>;
  tailAuditLog(context: CallContext, request: { readonly afterSequence: bigint }, send: (response: { readonly record: AuditRecordMessage }) => Promise<void>): Promise<void>;
}

const TAIL_BATCH = 500;
const TAIL_POLL_MS = 200;
const TAILS_OF_ORGANIZATION_MAX = 16;

export function auditHandlers<Transaction extends PrismaTransaction>(database: Database<Transaction>, metrics: AuditMetrics): AuditHandlers {
  const tails = new Map<string, number>();

  async function read(organizationId: string, after: bigint, limit: number): Promise<AuditRecord[]> {
    return await database.transaction(organizationId, (tx) => listAuditRecords(sqlOf(tx), { after, limit }));
  }

  /** The next records, and how many there are in all. */
  async function readOn(organizationId: string, after: bigint): Promise<{ readonly records: readonly AuditRecord[]; readonly behind: number }> {
    return await database.transaction(organizationId, async (tx) => {
      const records = await listAuditRecords(sqlOf(tx), { after, limit: TAIL_BATCH });
      // A batch that is not full holds everything: only a reader far behind pays for the second look.
      return { records, behind: records.length < TAIL_BATCH ? records.length : Number(await lastAuditSequence(sqlOf(tx)) - after) };
    });
  }

  return {
    async listAuditRecords({ organizationId }, { afterSequence, pageSize }) {
      const { size } = parsePage({ pageSize, pageToken: '' }, 1);
      const after = parseSequence(afterSequence);
      return { records: (await read(organizationId, after, size)).map(recordToProto) };
    },
    async tailAuditLog({ organizationId, signal }, { afterSequence }, send) {
      let after = parseSequence(afterSequence);
      const open = tails.get(organizationId) ?? 0;
      if (open >= TAILS_OF_ORGANIZATION_MAX) throw commonErrors.OVERLOADED();
      tails.set(organizationId, open + 1);
      const tail = metrics.tail();
      try {
        while (!signal.aborted) {
          const { records, behind } = await readOn(organizationId, after);
          tail.behind(behind);
          for (const record of records) {
            await send({ record: recordToProto(record) });
            after = record.sequence;
          }
          tail.behind(behind - records.length);
          if (records.length < TAIL_BATCH) await delay(TAIL_POLL_MS, undefined, { signal }).catch(() => {});
        }
      } finally {
        tail.end();
        const left = (tails.get(organizationId) ?? 1) - 1;
        if (left === 0) tails.delete(organizationId);
        else tails.set(organizationId, left);
      }
    },
  };
}

function parseSequence(afterSequence: bigint): bigint {
  const fields = new Fields();
  if (afterSequence < 0n) fields.refuse('after_sequence', 'OUT_OF_RANGE', 'Must be 0 or the sequence of a record.');
  fields.check();
  return afterSequence;
}

function recordToProto({ recordedTime, ...record }: AuditRecord): AuditRecordMessage {
  return { ...record, recordedTime: timestampFromInstant(recordedTime) };
}
