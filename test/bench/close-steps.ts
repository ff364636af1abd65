// Where the time of a close goes: the same rpcs in the same order and batches as the scheduler's job, each timed.
import { timestampFromInstant } from '@valora/chassis';
import { DueWorkKind as InvoicingWork, DueWorkServiceService as InvoicingDueWork, InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import { FenceServiceService as MeteringFence } from '@valora/contracts/valora/metering/v1/fence';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { BillingCycleServiceService, DueWorkKind as SubscriptionWork, DueWorkServiceService as SubscriptionDueWork, type BillingCycle } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { parseInstant } from '@valora/rating';
import type { BenchValora } from './bench-valora.ts';
import { contextFor, METERS, type Book } from './close-book.ts';
import { figureOf, type Figure, type Round } from './report.ts';

const CYCLES_PER_BATCH = 200;
const LEASE = { seconds: 60n, nanos: 0 };
const SEALED = timestampFromInstant(parseInstant('2026-02-02T00:00:00Z'));

const steps = ['claim', 'seal metering', 'load subscription facts', 'aggregate usage', 'compose and store', 'complete', 'finalize'] as const;
type Timings = Record<(typeof steps)[number], Round[]>;

/** Invoices each second, by step, over batches. */
export async function closeStepByStep(valora: BenchValora, { organizationId, subscriptions }: Book): Promise<Readonly<Record<string, Figure>>> {
  const timings: Timings = { claim: [], 'seal metering': [], 'load subscription facts': [], 'aggregate usage': [], 'compose and store': [], complete: [], finalize: [] };
  for (let closed = 0; closed < subscriptions;) closed += await closeBatch(valora, organizationId, timings);
  const context = contextFor(organizationId);
  const invoices = valora.peer.stub(InvoiceServiceService);
  for (let numbered = 0; numbered < subscriptions;) {
    const { value, seconds } = await timed(() => invoices.finalizeDueInvoices(context, { batchSizeMax: CYCLES_PER_BATCH }));
    if (value.finalizedCount === 0) throw new Error('finalizing went no further');
    numbered += value.finalizedCount;
    timings.finalize.push({ count: value.finalizedCount, seconds });
  }
  // As the job does, so that nobody meets this organization again.
  await valora.peer.stub(SubscriptionDueWork).releaseOrganization(context, { kind: SubscriptionWork.CLOSE_CYCLES });
  await valora.peer.stub(InvoicingDueWork).releaseOrganization(context, { kind: InvoicingWork.ISSUE_INVOICES });
  return Object.fromEntries(steps.map((step) => [step, figureOf('invoices/s', timings[step])]));
}

async function closeBatch({ peer }: BenchValora, organizationId: string, timings: Timings): Promise<number> {
  const context = contextFor(organizationId);
  const billingCycles = peer.stub(BillingCycleServiceService);
  const leaseHolder = 'bench';
  const claim = await timed(() => billingCycles.claimDueCycles(context, { batchSizeMax: CYCLES_PER_BATCH, leaseDuration: LEASE, withoutRetryDelay: false, leaseHolder }));
  const { cycles } = claim.value;
  if (cycles.length === 0) throw new Error('claiming went no further');
  const names = cycles.map(({ subscription, cycleIndex }) => ({ subscription, cycleIndex }));
  const seal = await timed(() => peer.stub(MeteringFence).sealThrough(context, { throughTime: SEALED }));
  const load = await timed(() => billingCycles.batchGetBillingFacts(context, { cycles: names }));
  const aggregate = await timed(() => peer.stub(UsageServiceService).aggregateUsage(context, { useStoredLevels: true, queries: cycles.flatMap(queriesOf) }));
  const run = await timed(() => peer.stub(InvoiceServiceService).runBillingCycles(context, { cycles: names, sealThroughTime: SEALED }));
  const completed = run.value.results.flatMap(({ cycle, result }) => (result?.$case === 'digest' ? [{ cycle, runDigest: result.value }] : []));
  if (completed.length !== cycles.length) throw new Error('a run failed');
  const complete = await timed(() => billingCycles.completeCycles(context, { completed }));
  const add = (step: keyof Timings, seconds: number): void => void timings[step].push({ count: cycles.length, seconds });
  add('claim', claim.seconds);
  add('seal metering', seal.seconds);
  add('load subscription facts', load.seconds);
  add('aggregate usage', aggregate.seconds);
  // The run loads and aggregates once more.
  add('compose and store', Math.max(run.seconds - load.seconds - aggregate.seconds, Number.MIN_VALUE));
  add('complete', complete.seconds);
  return cycles.length;
}

function queriesOf({ subscription, period, cutoffTime }: BillingCycle) {
  return METERS.map((meter) => ({ queryKey: `${subscription} ${meter}`, meter, customer: subscription, subscription, period, knownBeforeTime: cutoffTime, groupBy: [], needsEventValues: false }));
}

async function timed<Value>(work: () => Promise<Value>): Promise<{ readonly value: Value; readonly seconds: number }> {
  const startMs = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - startMs) / 1000 };
}
