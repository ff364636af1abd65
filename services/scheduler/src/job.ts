// The jobs: for one organization, what is done when its time has come. A job decides nothing; it moves work that is due from
// the service that owns it to the service that does it, in bounded batches, and may run late, early, twice or at once.
import { randomUUID } from 'node:crypto';
import type { OutgoingContext } from '@valora/chassis';
import { DueWorkKind as InvoicingWork } from '@valora/contracts/valora/invoicing/v1/invoice';
import { DueWorkKind as SubscriptionWork } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { Job } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { createBatchSizes } from './batch-size.ts';
import { closeClaimed, type FailedRun } from './close-claimed.ts';
import type { Peers } from './peers.ts';

export interface WorkDone {
  readonly processedCount: number;
  readonly failedRuns: readonly FailedRun[];
  /** The turn ended before the work did. */
  readonly more: boolean;
  /** What ended the turn before its time; what was done before it is done all the same. */
  readonly brokenOff?: { readonly error: unknown };
}

/**
 * How failures are handled. `COUNT`: each is counted and tried again later every time, until it is set aside. `REPORT`, for whoever waits for the answer and mends
 * the cause: none is counted, and cycles that wait for their retry are tried at once.
 */
export type Failures = 'COUNT' | 'REPORT';

export interface Turn {
  readonly failures: Failures;
  /** Once true, the turn ends after the batch under way. */
  readonly stopped: () => boolean;
}

/** Which organizations have work, and one bounded turn of that work for one of them. */
export interface JobDefinition {
  readonly name: string;
  claimOrganizations(peers: Peers, context: OutgoingContext): Promise<readonly string[]>;
  /** What it works on, for metrics. */
  readonly resource: string;
  /** A run of the job that takes longer is ended after the organization at hand, and counted as timed out. */
  readonly durationMaxMs: number;
  work(peers: Peers, context: OutgoingContext, turn: Turn): Promise<WorkDone>;
  release(peers: Peers, context: OutgoingContext): Promise<void>;
}

const ORGANIZATIONS_PER_CLAIM = 16;
const CYCLES_PER_BATCH = 200;
/** Batches of one organization before others have their turn. */
const BATCHES_PER_TURN = 10;
const DURATION_MAX_MS = 60_000;
const organizationLease = { seconds: 120n, nanos: 0 } as const;
const cycleLease = { seconds: 20n, nanos: 0 } as const;

async function inBatches(stopped: Turn['stopped'], batch: (batches: number) => Promise<WorkDone>): Promise<WorkDone> {
  let processedCount = 0, more = true;
  const failedRuns: FailedRun[] = [];
  try {
    for (let batches = 0; more && batches < BATCHES_PER_TURN && !stopped(); batches += 1) {
      const done = await batch(batches);
      processedCount += done.processedCount;
      failedRuns.push(...done.failedRuns);
      more = done.more;
    }
    return { processedCount, failedRuns, more };
  } catch (error) {
    return { processedCount, failedRuns, more: false, brokenOff: { error } };
  }
}

const openCycles: JobDefinition = {
  name: 'open_cycles',
  resource: 'billing_cycle',
  durationMaxMs: DURATION_MAX_MS,
  claimOrganizations: async (peers, context) => (await peers.subscriptionDueWork.claimOrganizations(context,
    { kind: SubscriptionWork.OPEN_CYCLES, batchSizeMax: ORGANIZATIONS_PER_CLAIM, leaseDuration: organizationLease })).organizationIds,
  async work(peers, context, { stopped }) {
    const opened = await inBatches(stopped, async () => {
      const { openedCount } = await peers.billingCycles.openDueCycles(context, { batchSizeMax: CYCLES_PER_BATCH });
      return { processedCount: openedCount, failedRuns: [], more: openedCount === CYCLES_PER_BATCH };
    });
    if (opened.more || opened.brokenOff !== undefined) return opened;
    const settled = await inBatches(stopped, async () => {
      const { openedCount, more } = await peers.billingCycles.openSettlementCycles(context, { batchSizeMax: CYCLES_PER_BATCH, all: false });
      return { processedCount: openedCount, failedRuns: [], more };
    });
    return { ...settled, processedCount: opened.processedCount + settled.processedCount };
  },
  release: async (peers, context) => void await peers.subscriptionDueWork.releaseOrganization(context, { kind: SubscriptionWork.OPEN_CYCLES }),
};

const closingSizes = createBatchSizes(CYCLES_PER_BATCH);

const closeCycles: JobDefinition = {
  name: 'close_cycles',
  resource: 'billing_cycle',
  durationMaxMs: DURATION_MAX_MS,
  claimOrganizations: async (peers, context) => (await peers.subscriptionDueWork.claimOrganizations(context,
    { kind: SubscriptionWork.CLOSE_CYCLES, batchSizeMax: ORGANIZATIONS_PER_CLAIM, leaseDuration: organizationLease })).organizationIds,
  work: (peers, context, { failures, stopped }) => inBatches(stopped, async (batches) => {
    // Only a turn's first batch hurries: what fails in it would be met again by every other.
    const withoutRetryDelay = failures === 'REPORT' && batches === 0;
    const leaseHolder = randomUUID();
    const batchSizeMax = closingSizes.of(context.organizationId);
    const { cycles } = await peers.billingCycles.claimDueCycles(context, { batchSizeMax, leaseDuration: cycleLease, withoutRetryDelay, leaseHolder });
    try {
      const closed = await closeClaimed(peers, context, { cycles, leaseHolder, failures });
      if (cycles.length > 0) closingSizes.succeeded(context.organizationId);
      return { ...closed, more: cycles.length > 0 };
    } catch (error) {
      closingSizes.brokeOff(context.organizationId);
      throw error;
    }
  }),
  release: async (peers, context) => void await peers.subscriptionDueWork.releaseOrganization(context, { kind: SubscriptionWork.CLOSE_CYCLES }),
};

const issueInvoices: JobDefinition = {
  name: 'issue_invoices',
  resource: 'invoice',
  durationMaxMs: DURATION_MAX_MS,
  claimOrganizations: async (peers, context) => (await peers.invoicingDueWork.claimOrganizations(context,
    { kind: InvoicingWork.ISSUE_INVOICES, batchSizeMax: ORGANIZATIONS_PER_CLAIM, leaseDuration: organizationLease })).organizationIds,
  work: (peers, context, { stopped }) => inBatches(stopped, async () => {
    const { finalizedCount, refusedInvoiceIds } = await peers.invoices.finalizeDueInvoices(context, { batchSizeMax: CYCLES_PER_BATCH });
    return { processedCount: finalizedCount, failedRuns: [], more: finalizedCount + refusedInvoiceIds.length === CYCLES_PER_BATCH };
  }),
  release: async (peers, context) => void await peers.invoicingDueWork.releaseOrganization(context, { kind: InvoicingWork.ISSUE_INVOICES }),
};

/** In the order in which one instant's work is done. */
export const jobs = { [Job.OPEN_CYCLES]: openCycles, [Job.CLOSE_CYCLES]: closeCycles, [Job.ISSUE_INVOICES]: issueInvoices } as const;
