// The rpcs of the fence, the same in every service that records facts: each package has a FenceService of its own with
// messages of the same shape.
import { formatInstant, type Instant } from '@valora/rating';
import { appendAuditRecords } from './audit.ts';
import type { CallContext } from './context.ts';
import { sqlOf, type PrismaTransaction } from './database.ts';
import { defineErrors, type ErrorTable } from './errors.ts';
import { currentTime as clock, FenceMissing, NotASandbox, SealInFuture, sealThrough, setSandboxTime } from './fence.ts';
import { Fields } from './fields.ts';
import { makeFence, type RecordingDependencies } from './mutation.ts';
import { timestampFromInstant, type Timestamp } from './timestamps.ts';

export const fenceErrorTable = {
  SEAL_IN_FUTURE: { code: 'FAILED_PRECONDITION', message: "The organization's clock has not reached {through_time}. Seal when it has.", retryDelayMs: 1000 },
  NOT_A_SANDBOX: { code: 'FAILED_PRECONDITION', message: 'The organization is not a sandbox; its clock is the real one. Create a sandbox organization to move time.' },
} as const satisfies ErrorTable;

export const fenceErrors = defineErrors('valora', fenceErrorTable);

export interface FenceHandlers {
  sealThrough(context: CallContext, request: { readonly throughTime?: Timestamp | undefined }): Promise<{ sealedThroughTime: Timestamp }>;
  setClock(context: CallContext, request: { readonly currentTime?: Timestamp | undefined }): Promise<{ currentTime: Timestamp }>;
}

/** Handlers of a service's FenceService; `afterSetClock` runs in the transaction that moves the clock. */
export function fenceHandlers<Transaction extends PrismaTransaction>(
  dependencies: RecordingDependencies<Transaction>,
  afterSetClock: (tx: Transaction, now: Instant) => Promise<void> = async () => {},
): FenceHandlers {
  async function onFence<T>(context: CallContext, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const attempt = (): Promise<T> => dependencies.database.transaction(context.organizationId, work);
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof FenceMissing)) throw error;
      await makeFence(dependencies, context);
      return await attempt();
    }
  }

  return {
    async sealThrough(context, request) {
      const fields = new Fields();
      const throughTime = fields.instant('through_time', request.throughTime);
      fields.check();
      try {
        const sealed = await onFence(context, (tx) => sealThrough(sqlOf(tx), throughTime));
        return { sealedThroughTime: timestampFromInstant(sealed) };
      } catch (error) {
        if (error instanceof SealInFuture) throw fenceErrors.SEAL_IN_FUTURE({ through_time: formatInstant(throughTime) });
        throw error;
      }
    },
    async setClock(context, request) {
      const fields = new Fields();
      const toTime = fields.instant('current_time', request.currentTime);
      fields.check();
      try {
        const now = await onFence(context, async (tx) => {
          const before = await clock(sqlOf(tx));
          const moved = await setSandboxTime(sqlOf(tx), toTime);
          await afterSetClock(tx, moved);
          // Whoever waits for another worker sets the clock again and again: only what moves it is a change.
          const changes = moved > before ? [{ subject: 'clock', change: { sandbox_time: formatInstant(moved) } }] : [];
          await appendAuditRecords(sqlOf(tx), { context, action: 'FenceService/SetClock', recordedTime: moved }, changes);
          return moved;
        });
        return { currentTime: timestampFromInstant(now) };
      } catch (error) {
        if (error instanceof NotASandbox) throw fenceErrors.NOT_A_SANDBOX();
        throw error;
      }
    },
  };
}
