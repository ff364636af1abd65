// The jobs: for one organization, what is done when its time has come. A job decides nothing; it moves work that is due from
// the service that owns it to the service that does it, in bounded batches, and may run late, early, twice or at once.
import { instantFromTimestamp, timestampFromInstant, type OutgoingContext } from '@valora/chassis';
import { DueWorkKind as InvoicingWork, type BillingRunError } from '@valora/contracts/valora/invoicing/v1/invoice';
import { DueWorkKind as SubscriptionWork, type BillingCycle } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { Job } from '@valora/contracts/valora/scheduler/v1/scheduler';
import type { Instant } from '@valora/rating';
import type { Peers } from './peers.ts';

export interface FailedRun {
  readonly subscription: string;
  readonly cycleIndex: number;
  readonly error: BillingRunError;
}

type CycleName = Pick<FailedRun, 'subscription' | 'cycleIndex'>;

export interface WorkDone {
  readonly processedCount: number;
  readonly failedRuns: readonly FailedRun[];
}

/** Which organizations have work, and one bounded turn of that work for one of them. */
export interface JobDefinition {
  readonly name: string;
  claimOrganizations(peers: Peers, context: OutgoingContext): Promise<readonly string[]>;
  /** A run that fails is not tried again for `retryDelayMs`. */
  work(peers: Peers, context: OutgoingContext, retryDelayMs: number): Promise<WorkDone>;
  release(peers: Peers, context: OutgoingContext): Promise<void>;
}

const ORGANIZATIONS_PER_CLAIM = 16;
const CYCLES_PER_BATCH = 200;
/** Batches of one organization before others have their turn. */
const BATCHES_PER_TURN = 10;
const GIVE_BACK_MS = 10_000;
const organizationLease = { seconds: 120n, nanos: 0 } as const;
const cycleLease = { seconds: 20n, nanos: 0 } as const;

async function inBatches(batch: () => Promise<WorkDone & { readonly more: boolean }>): Promise<WorkDone> {
  let processedCount = 0;
  const failedRuns: FailedRun[] = [];
  for (let batches = 0; batches < BATCHES_PER_TURN; batches += 1) {
    const done = await batch();
    processedCount += done.processedCount;
    failedRuns.push(...done.failedRuns);
    if (!done.more) break;
  }
  return { processedCount, failedRuns };
}

const openCycles: JobDefinition = {
  name: 'open_cycles',
  claimOrganizations: async (peers, context) => (await peers.subscriptionDueWork.claimOrganizations(context,
    { kind: SubscriptionWork.OPEN_CYCLES, batchSizeMax: ORGANIZATIONS_PER_CLAIM, leaseDuration: organizationLease })).organizationIds,
  work: (peers, context) => inBatches(async () => {
    const { openedCount } = await peers.billingCycles.openDueCycles(context, { batchSizeMax: CYCLES_PER_BATCH });
    return { processedCount: openedCount, failedRuns: [], more: openedCount === CYCLES_PER_BATCH };
  }),
  release: async (peers, context) => void await peers.subscriptionDueWork.releaseOrganization(context, { kind: SubscriptionWork.OPEN_CYCLES }),
};

const closeCycles: JobDefinition = {
  name: 'close_cycles',
  claimOrganizations: async (peers, context) => (await peers.subscriptionDueWork.claimOrganizations(context,
    { kind: SubscriptionWork.CLOSE_CYCLES, batchSizeMax: ORGANIZATIONS_PER_CLAIM, leaseDuration: organizationLease })).organizationIds,
  work: (peers, context, retryDelayMs) => inBatches(async () => {
    const { cycles } = await peers.billingCycles.claimDueCycles(context, { batchSizeMax: CYCLES_PER_BATCH, leaseDuration: cycleLease });
    try {
      return { ...(await closeClaimed(peers, context, { cycles, retryDelayMs })), more: cycles.length > 0 };
    } catch (error) {
      await giveBack(peers, context, { cycles, retryDelayMs });
      throw error;
    }
  }),
  release: async (peers, context) => void await peers.subscriptionDueWork.releaseOrganization(context, { kind: SubscriptionWork.CLOSE_CYCLES }),
};

/** Runs claimed cycles and tells subscription which are complete; a run that failed keeps its cycle open for a later claim. */
async function closeClaimed(peers: Peers, context: OutgoingContext, { cycles, retryDelayMs }: { cycles: readonly BillingCycle[]; retryDelayMs: number }): Promise<WorkDone> {
  const [first, ...rest] = cycles.map(({ cutoffTime }) => {
    if (cutoffTime === undefined) throw new Error('a claimed cycle has no cutoff');
    return instantFromTimestamp(cutoffTime);
  });
  if (first === undefined) return { processedCount: 0, failedRuns: [] };
  const latestCutoff: Instant = rest.reduce((latest, cutoff) => (cutoff > latest ? cutoff : latest), first);
  const { results } = await peers.invoices.runBillingCycles(context, {
    cycles: cycles.map(({ subscription, cycleIndex }) => ({ subscription, cycleIndex })),
    sealThroughTime: timestampFromInstant(latestCutoff),
  });
  const completed = results.flatMap(({ cycle, result }) => (result?.$case === 'digest' ? [{ cycle, runDigest: result.value }] : []));
  const failedRuns = results.flatMap(({ cycle, result }) =>
    (cycle !== undefined && result?.$case === 'error' ? [{ subscription: cycle.subscription, cycleIndex: cycle.cycleIndex, error: result.value }] : []));
  if (completed.length > 0) await peers.billingCycles.completeCycles(context, { completed });
  await giveBack(peers, context, { cycles: failedRuns, retryDelayMs });
  return { processedCount: completed.length, failedRuns };
}

/**
 * Gives claimed cycles back, so that nobody waits for the lease of work that broke off. On a context of its own: what broke
 * it off may have been the caller's deadline. If this fails too, the leases end by themselves.
 */
async function giveBack(peers: Peers, { organizationId, caller }: OutgoingContext, { cycles, retryDelayMs }: { cycles: readonly CycleName[]; retryDelayMs: number }): Promise<void> {
  if (cycles.length === 0) return;
  const context: OutgoingContext = { organizationId, caller, deadlineMs: Date.now() + GIVE_BACK_MS, callDepth: 0 };
  const retryDelay = { seconds: BigInt(Math.trunc(retryDelayMs / 1000)), nanos: (retryDelayMs % 1000) * 1_000_000 };
  const names = cycles.map(({ subscription, cycleIndex }) => ({ subscription, cycleIndex }));
  await peers.billingCycles.releaseCycles(context, { cycles: names, retryDelay }).catch(() => {});
}

const issueInvoices: JobDefinition = {
  name: 'issue_invoices',
  claimOrganizations: async (peers, context) => (await peers.invoicingDueWork.claimOrganizations(context,
    { kind: InvoicingWork.ISSUE_INVOICES, batchSizeMax: ORGANIZATIONS_PER_CLAIM, leaseDuration: organizationLease })).organizationIds,
  work: (peers, context) => inBatches(async () => {
    const { finalizedCount, refusedInvoiceIds } = await peers.invoices.finalizeDueInvoices(context, { batchSizeMax: CYCLES_PER_BATCH });
    return { processedCount: finalizedCount, failedRuns: [], more: finalizedCount + refusedInvoiceIds.length === CYCLES_PER_BATCH };
  }),
  release: async (peers, context) => void await peers.invoicingDueWork.releaseOrganization(context, { kind: InvoicingWork.ISSUE_INVOICES }),
};

/** In the order in which one instant's work is done. */
export const jobs = { [Job.OPEN_CYCLES]: openCycles, [Job.CLOSE_CYCLES]: closeCycles, [Job.ISSUE_INVOICES]: issueInvoices } as const;
