// The rpcs of due work, the same in every service that has some: each package has a DueWorkService of its own with messages
// of the same shape.
import type { CallContext } from './context.ts';
import { sqlOf, type Database, type PrismaTransaction, type Sql } from './database.ts';
import type { DueWorkMetrics } from './due-work-metrics.ts';
import { claimOrganizations, dueWorkLag, nextDueTime, releaseOrganization, type NextDue } from './due-work.ts';
import { Fields } from './fields.ts';
import { timestampFromInstant, type Timestamp } from './timestamps.ts';

/** A kind of due work: its name in the table, and when it falls due next as the facts stand. */
export interface DueWork {
  readonly name: string;
  next(sql: Sql): Promise<NextDue>;
}

interface ClaimOrganizationsRequest {
  readonly kind: number;
  readonly batchSizeMax: number;
  readonly leaseDuration?: Timestamp | undefined;
}

export interface DueWorkHandlers {
  claimOrganizations(context: CallContext, request: ClaimOrganizationsRequest): Promise<{ organizationIds: string[] }>;
  releaseOrganization(context: CallContext, request: { readonly kind: number }): Promise<object>;
  getNextDueTime(context: CallContext): Promise<{ dueTime?: Timestamp }>;
}

/** How long a claim may last: 1 s to 10 min. */
export const leaseBounds = { microsMin: 1_000_000n, microsMax: 600_000_000n } as const;

const ORGANIZATIONS_MAX = 1_000;

/** Handlers of a service's DueWorkService; `kinds` by the number in its contract's enum. */
export function dueWorkHandlers<Transaction extends PrismaTransaction>(database: Database<Transaction>, kinds: Readonly<Record<number, DueWork>>, metrics: DueWorkMetrics): DueWorkHandlers {
  metrics.observe(() => database.transactionAcrossOrganizations((tx) => dueWorkLag(sqlOf(tx), Object.values(kinds).map(({ name }) => name))));
  return {
    async claimOrganizations(_context, request) {
      const fields = new Fields();
      const kind = fields.choice('kind', request.kind, kinds);
      const batchSizeMax = fields.integer('batch_size_max', request.batchSizeMax, { min: 1, max: ORGANIZATIONS_MAX });
      const leaseMicros = fields.durationMicros('lease_duration', request.leaseDuration, leaseBounds);
      fields.check();
      const organizationIds = await database.transactionAcrossOrganizations((tx) => claimOrganizations(sqlOf(tx), { kind: kind.name, batchSizeMax, leaseMicros }));
      return { organizationIds };
    },
    async releaseOrganization({ organizationId }, request) {
      const fields = new Fields();
      const kind = fields.choice('kind', request.kind, kinds);
      fields.check();
      await database.transaction(organizationId, (tx) => releaseOrganization(sqlOf(tx), kind.name, () => kind.next(sqlOf(tx))));
      return {};
    },
    async getNextDueTime({ organizationId }) {
      const due = await database.transaction(organizationId, (tx) => nextDueTime(sqlOf(tx)));
      return due === null ? {} : { dueTime: timestampFromInstant(due) };
    },
  };
}
